/**
 * Labs: hosts, networks and routers for tests, in this process and without privileges.
 *
 * @module linux-ns/lab
 */
import '../compose';
export { Host, type HostState } from './host';
export type { Placement, HostOptions } from './host-options';
export type { Interface } from './interface';
export { Lab, type LabOptions, type LinkOptions } from './lab';
export type { NatType } from './nat';
export { LabNetwork } from './network';
export type { LabNetworkOptions } from './network-options';
export { type Nat, type NatOptions, type PortForwardOptions, Router, type RouterOptions } from './router';
