/**
 * Labs: hosts, networks and routers for tests, in this process and without privileges.
 *
 * @module linux-ns/lab
 */
import '../compose';
export { Capture, type CaptureOptions } from './capture/capture';
export type { CaptureFilter, CaptureProtocol } from './capture/filter';
export { Packet, type PacketEnd } from './capture/packet';
export { LabDns } from './dns/dns';
export type { DnsAnswer, DnsError, DnsSettings } from './dns/records';
export { EventLog, type LabEvent } from './events';
export type { LinkCounters } from './faults/counters';
export type { CutRule } from './faults/cut-rule';
export type { Fault, ImpairedLink, ImpairedPair, ImpairmentFault } from './faults/faults';
export type { Impairment } from './faults/impairment';
export { Partition, partition } from './faults/partition';
export { Schedule, type ScheduledStep } from './faults/schedule';
export { Host, type HostState } from './host';
export type { Placement, HostOptions } from './host-options';
export type { Interface } from './interface';
export { Lab, type LabOptions, type LinkOptions } from './lab';
export type { NatType } from './nat';
export { LabNetwork } from './network';
export type { LabNetworkOptions } from './network-options';
export { type Nat, type NatOptions, type PortForwardOptions, Router, type RouterOptions } from './router';
export { PingMatrix, type PingOptions, PingResult, Trace, type TraceHop, type TraceOptions } from './ping/ping';
export type { HostJSON, LabJSON, SeededTopology, Topology, TopologyLink, TopologyRouter } from './topology';
export { Outside, type OutsideOptions } from './outside';
export { LabPage, type PageOptions } from './page/page';
