import { type Address, addressOf } from '../address/address';
import { ADDRESS, RTM_DELADDR, RTM_NEWADDR } from '../address/address-message';
import { type Link, linkOf } from '../link/link';
import type { NameOf } from '../link/link-name';
import { LINK, RTM_DELLINK, RTM_NEWLINK } from '../link/link-message';
import { type Neighbor, neighborOf } from '../neighbor/neighbor';
import { NEIGHBOR, RTM_DELNEIGH, RTM_NEWNEIGH } from '../neighbor/neighbor-message';
import { type Message, decode } from '../netlink/netlink-message';
import { NSID, RTM_DELNSID, RTM_NEWNSID } from '../nsid/nsid-message';
import { type Route, routeOf } from '../route/route';
import { ROUTE, RTM_DELROUTE, RTM_NEWROUTE } from '../route/route-message';
import { type Rule, ruleOf } from '../rule/rule';
import { RTM_DELRULE, RTM_NEWRULE, RULE } from '../rule/rule-message';

/** `'new'` where the object was created or has changed, `'delete'` where it was deleted. */
export type EventAction = 'new' | 'delete';

/** Everything in a network, at about the same moment. */
export interface NetworkDump {
  /** The links, without counters. */
  links: Link[];
  /** The addresses of both families. The lists below have both families, too. */
  addresses: Address[];
  /** The routes of all tables. */
  routes: Route[];
  /** The rules, in the order in which they are tried. */
  rules: Rule[];
  /** The neighbors, without proxies and without those that need no resolution. */
  neighbors: Neighbor[];
}

/**
 * A change: the object as it is now, or as it was when it was deleted. A port of a bridge causes a `'new'` for each
 * change of its state.
 */
export type ChangeEvent =
  | { type: 'link'; action: EventAction; link: Link }
  | { type: 'address'; action: EventAction; address: Address }
  | { type: 'route'; action: EventAction; route: Route }
  | { type: 'rule'; action: EventAction; rule: Rule }
  | { type: 'neighbor'; action: EventAction; neighbor: Neighbor }
  | { type: 'nsid'; action: EventAction; id: number };

/**
 * Events were lost: they came faster than they were read, and the buffer of the kernel (ENOBUFS) or of the watch was full.
 * `dump()` lists what there is now; the events that follow may be older or newer than that.
 */
export interface OverrunEvent {
  /** Distinguishes this event from changes. */
  type: 'overrun';
  /** Lists everything as it is now. @throws NamespaceError `ERR_LINUX_NS_CLOSED` when the network has been closed */
  dump(): Promise<NetworkDump>;
}

/** The event that a watch reports. Its `type` tells which kind of event it is. */
export type NetworkEvent = ChangeEvent | OverrunEvent;

/** The kind of object whose changes can be watched. */
export type WatchKind = ChangeEvent['type'];

/** The multicast groups for each kind of object, of both families: RTNLGRP_* of `<linux/rtnetlink.h>`. */
export const GROUPS: Readonly<Record<WatchKind, readonly number[]>> = Object.freeze({
  link: [1],
  address: [5, 9],
  route: [7, 11],
  rule: [8, 19],
  neighbor: [3],
  nsid: [28],
});

/** The event in a message; undefined for a message of a kind that is not watched. */
export function eventOf(message: Message, nameOf: NameOf): ChangeEvent | undefined {
  const action: EventAction = DELETIONS.has(message.type) ? 'delete' : 'new';
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const decoded = decode(LINK, message);
      // Bridges report their ports by the same type of message, with the family AF_BRIDGE.
      return decoded.header.family === 0 ? { type: 'link', action, link: linkOf(decoded, { nameOf }) } : undefined;
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = addressOf(decode(ADDRESS, message), nameOf);
      return address === undefined ? undefined : { type: 'address', action, address };
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = routeOf(decode(ROUTE, message), nameOf);
      return route === undefined ? undefined : { type: 'route', action, route };
    }
    case RTM_NEWRULE:
    case RTM_DELRULE: {
      const rule = ruleOf(decode(RULE, message));
      return rule === undefined ? undefined : { type: 'rule', action, rule };
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const neighbor = neighborOf(decode(NEIGHBOR, message), nameOf);
      return neighbor === undefined ? undefined : { type: 'neighbor', action, neighbor };
    }
    case RTM_NEWNSID:
    case RTM_DELNSID: {
      const { NSID: id } = decode(NSID, message).attributes;
      return id === undefined ? undefined : { type: 'nsid', action, id };
    }
    default:
      return undefined;
  }
}

const DELETIONS: ReadonlySet<number> = new Set([
  RTM_DELLINK,
  RTM_DELADDR,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_DELNEIGH,
  RTM_DELNSID,
]);
