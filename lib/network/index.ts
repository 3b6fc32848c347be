/**
 * Networks: the links, addresses, routes and rules of a network namespace, sockets in it, and namespaces that have a
 * name. `ip` and `ip netns` as an API.
 *
 * @module linux-ns/network
 */
export type { Address } from './address/address';
export type { AddressFilter, AddressFlag, AddressOptions, Addresses } from './address/addresses';
export type { Attachment } from './attach/attach';
export type { NetworkAttachOptions, AttachProgram, PortForward } from './attach/attach-options';
export type { Family } from './ip';
export type {
  BridgeOptions,
  BridgePortOptions,
  BridgePortState,
  IpvlanIsolation,
  IpvlanMode,
  IpvlanOptions,
  LinkDetails,
  LinkKind,
  LinkReference,
  MacvlanMode,
  MacvlanOptions,
  VlanOptions,
  VlanProtocol,
  VrfOptions,
  VxlanOptions,
} from './link/kinds';
export type { Link, LinkStats } from './link/link';
export type { LinkFilter, Links } from './link/links';
export type { LinkChange, LinkSettings, LinkSpec, OwnSettings, VethOptions, VethPeer } from './link/link-spec';
export type { Tun, TunOptions, TunSpec } from './link/tun';
export type { RouteProtocol, RouteType, Scope, Table } from './names';
export type { Neighbor, NeighborState } from './neighbor/neighbor';
export type { NeighborFilter, NeighborSpec, Neighbors } from './neighbor/neighbors';
export { Network, type NetworkOptions } from './network';
export type { Nsids } from './nsid/nsids';
export type { NetworkTarget } from './place';
export type { NextHop, Route, RouteMetrics, RoutePreference } from './route/route';
export type { RouteFilter, RouteLookup, Routes } from './route/routes';
export type { NextHopSpec, RouteSpec } from './route/route-spec';
export type { IpProtocol, Rule, RuleAction } from './rule/rule';
export type { RuleFilter, RuleSpec, Rules } from './rule/rules';
export type { Sysctls } from './sysctl';
export type { ChangeEvent, EventAction, NetworkDump, NetworkEvent, OverrunEvent, WatchKind } from './watch/events';
export type { NetworkWatch, NetworkWatchOptions } from './watch/watch';
export {
  type AddNetworkNamespaceOptions,
  type NetworkName,
  type NetworkNamespaces,
  networkNamespaces,
} from './named/named';
export type { LookupAddress, LookupOptions } from './resolve/lookup';
export type { ResolveOptions } from './resolve/resolve-options';
export type {
  ConnectOptions,
  Connector,
  ConnectorOptions,
  ConnectorRequest,
  DatagramOptions,
  HttpAgentOptions,
  HttpsAgentOptions,
  ListenOptions,
} from './sockets';
