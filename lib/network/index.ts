/**
 * Networks: the links, addresses, routes and rules of a network namespace, sockets in it, and namespaces that have a
 * name. `ip` and `ip netns` as an API.
 *
 * @module linux-ns/network
 */
import '../compose';
export type { Address } from './address/address';
export type { AddressFilter, AddressFlag, AddressOptions, Addresses } from './address/addresses';
export type { Attachment } from './attach/attach';
export type { NetworkAttachOptions, AttachProgram, PortForward } from './attach/attach-options';
export { Egress, type EgressEvents } from './egress/egress';
export type {
  EgressHost,
  EgressOutside,
  EgressPolicy,
  EgressQuestion,
  EgressRule,
} from './egress/policy/egress-policy';
export type { EgressProgram, EgressRecord, EgressRequest, EgressRequests } from './egress/requests/egress-request';
export type { Family } from './ip';
export type { ChangeableKind, KindChanges, KindOptions, LinkKind } from './link/kinds/index';
export type { BondArpValidation, BondHashPolicy, BondMode, BondOptions } from './link/kinds/bond';
export type { BridgeOptions, BridgePortOptions, BridgePortState } from './link/kinds/bridge';
export type { NoOptions } from './link/kinds/dummy';
export type { GeneveOptions } from './link/kinds/geneve';
export type { GreCommonOptions, GreOptions, Ip6greOptions } from './link/kinds/gre';
export type { IpvlanIsolation, IpvlanMode, IpvlanOptions } from './link/kinds/ipvlan';
export type { LinkDetails } from './link/kinds/kind';
export type { MacvlanMode, MacvlanOptions } from './link/kinds/macvlan';
export type { TunOptions } from './link/kinds/tun';
export type { VethOptions, VethPeer } from './link/kinds/veth';
export type { VlanOptions, VlanProtocol } from './link/kinds/vlan';
export type { VrfOptions } from './link/kinds/vrf';
export type { VxlanOptions } from './link/kinds/vxlan';
export type { Link, LinkStats } from './link/link';
export type { LinkFilter, Links } from './link/links';
export type { LinkReference } from './link/link-name';
export type { LinkChange, LinkSpec } from './link/link-spec';
export type { Forward, ForwardOptions } from './forward/forward';
export type { LinkSettings, OwnSettings } from './link/settings';
export type { Tun, TunSpec } from './link/tun';
export type { RouteProtocol, RouteType, Scope, Table } from './names';
export type { Neighbor, NeighborState } from './neighbor/neighbor';
export type { NeighborFilter, NeighborSpec, Neighbors } from './neighbor/neighbors';
export { Network, type NetworkOptions } from './network';
export type { NextHopGroupType, NextHopMember, NextHopObject, ResilientGroup } from './nexthop/nexthop';
export type { NextHopMemberSpec, NextHopObjectFilter, NextHopObjectSpec, NextHopObjects } from './nexthop/nexthops';
export type { Nsids } from './nsid/nsids';
export type { NetworkTarget } from './place';
export type { FqCodelOptions, HtbOptions, NetemOptions, QdiscKind, QdiscKindOptions, TbfOptions } from './qdisc/kinds';
export type { Qdisc, QdiscStats } from './qdisc/qdisc';
export type { QdiscFilter, QdiscPlace, QdiscSpec, Qdiscs } from './qdisc/qdiscs';
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
  Connector,
  ConnectorOptions,
  ConnectorRequest,
  HttpAgentOptions,
  HttpsAgentOptions,
} from './sockets/agents';
export type { ConnectOptions } from './sockets/connect-options';
export type { DatagramOptions } from './sockets/datagram';
export type { FetchOptions } from './sockets/fetch';
export type { ListenOptions } from './sockets/listen';
export type { SocketDomain, SocketType } from '../kernel/sockets';
