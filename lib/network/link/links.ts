import { plain } from '../../errors/plain';
import { type Check, as, boolean, schema } from '../../errors/schema';
import { validateOneOf } from '../../errors/validate';
import { closeFd } from '../../handle/close';
import { systemError } from '../../errors/system-error';
import { native } from '../../native';
import { Descriptor } from '../../handle/descriptor';
import type { Namespace } from '../../namespace/namespace';
import { Connection } from '../netlink/connection';
import { NlmFlag, encode } from '../netlink/netlink-message';
import { type NetworkTarget, Place, membersOf, netlinkSocket } from '../place';
import { mapInTurns } from '../../event-loop/turns';
import { ANY_LINK, type LinkHeader } from './ifinfo';
import { LINK_KINDS, type LinkInfo, encodeKind, encodePort } from './kinds/index';
import { REFERRING, type Referred } from './kinds/kind';
import type { VethPeer } from './kinds/veth';
import { type Link, linkOf, linksMentioned } from './link';
import { givenLink, isListed, meant } from './listed';
import { dumpLinks, findLink, indexOf, nameTable, namesOf } from './lookup';
import {
  LINK,
  type LinkAttributes,
  type LinkMessage,
  RTM_DELLINK,
  RTM_DELLINKPROP,
  RTM_NEWLINK,
  RTM_NEWLINKPROP,
} from './link-message';
import { type LinkReference, addressed, validateLink } from './link-name';
import { encodeFlags, encodeLaterSettings, encodeSettings } from './settings';
import { type LinkChange, type LinkSpec, parseChange, parseSpec } from './link-spec';
import { Tun, type TunSpec, openTun, parseTunSpec } from './tun';

/** Options of {@link Links.list}: a link must match all that are given. */
export interface LinkFilter {
  /** Only links of this kind. */
  kind?: string | undefined;
  /** Only links that belong to this bridge, bond or VRF. */
  master?: LinkReference | undefined;
  /** True for links that are switched on only, false for those that are off. Default: both. */
  up?: boolean | undefined;
  /** Adds the counters of each link. Default: false. */
  stats?: boolean | undefined;
}

/** Checks the name of a kind. A kind that this package does not know is allowed, too. */
const kindName: Check<string> = (name, value) => {
  if (typeof value !== 'string') validateOneOf(name, value, LINK_KINDS);
  return value;
};

const parseFilter = schema<LinkFilter>()({ kind: kindName, master: as(validateLink), up: boolean, stats: boolean });
const parseGet = schema<Pick<LinkFilter, 'stats'>>()({ stats: boolean });

const CREATE = NlmFlag.REQUEST | NlmFlag.ACK | NlmFlag.CREATE | NlmFlag.EXCL;
const CHANGE = NlmFlag.REQUEST | NlmFlag.ACK;

/** The receive buffer in bytes of a connection that asks for one link at a time. */
const SMALL_BUFFER = 1 << 17;

/**
 * Links, which are network interfaces: `ip link`, ip-link(8). A link is given by its name or by its index.
 *
 * To list them needs no privilege; to change them needs CAP_NET_ADMIN in the user namespace that owns the network
 * namespace.
 */
export class Links {
  readonly #connection: Connection;
  readonly #place: Place;

  /** @internal */
  constructor(connection: Connection, place: Place) {
    this.#connection = connection;
    this.#place = place;
  }

  /**
   * Lists links, in the order of their indexes: `ip link show`.
   *
   * @example
   * ```ts
   * for (const { name, state, address } of await network.link.list({ kind: 'veth' })) console.log(name, state, address);
   * ```
   */
  async list(filter: LinkFilter = {}): Promise<Link[]> {
    const { kind, master, up, stats = false } = parseFilter('filter', filter);
    const masterIndex = master === undefined ? undefined : await indexOf(this.#connection, master);
    const messages = await dumpLinks(this.#connection, stats);
    const flags = new Map(messages.map(({ header }) => [header.index, header.flags]));
    const others = { nameOf: nameTable(messages), flagsOf: (index: number) => flags.get(index), stats };
    return mapInTurns(messages, (message) => {
      const { LINKINFO, MASTER } = message.attributes;
      if (kind !== undefined && LINKINFO?.KIND !== kind) return undefined;
      if (masterIndex !== undefined && MASTER !== masterIndex) return undefined;
      const link = linkOf(message, others);
      return up === undefined || link.up === up ? link : undefined;
    });
  }

  /**
   * Finds one link: `ip link show LINK`.
   *
   * @param link - its name or its index; or a link of a list, which is found by its index even if it has another name
   * by now
   * @throws NamespaceError `ENODEV` when there is no link of that name or index
   */
  async get(link: LinkReference | Link, options: Pick<LinkFilter, 'stats'> = {}): Promise<Link> {
    const { reference } = meant(link);
    validateLink('link', reference);
    const { stats = false } = parseGet('options', options);
    return this.#describe(await findLink(this.#connection, reference), stats);
  }

  /**
   * Creates a virtual link: `ip link add`. If any part of this fails, no link is left.
   *
   * The other end of a veth, `peer`, can be created directly in another namespace, and so can the link itself
   * (`namespace`). That needs CAP_NET_ADMIN over both: an ordinary user has it where one user namespace of theirs owns
   * both.
   *
   * A `'tun'` or `'tap'` that is created here is persistent: it stays while nobody has it open. See {@link
   * Links.openTun}.
   *
   * A link of a list can be given as well, to create one like it: with the same name, kind, settings and further names.
   * The link below it and its master must be in this network. The new link has another index; for a veth the other end
   * is created as well.
   *
   * @returns the link as it is now, in the namespace it is in
   * @throws NamespaceError `EEXIST` when the name is taken, `ENODEV` when the link or master it refers to is missing,
   * `ERR_LINUX_NS_UNSUPPORTED` when this kernel does not have the kind, `EPERM`, …
   *
   * @example
   * ```ts
   * await network.link.add({ name: 'br0', kind: 'bridge', up: true });
   * await network.link.add({ name: 'veth0', kind: 'veth', master: 'br0', up: true, peer: { name: 'veth1', namespace: ns1 } });
   * ```
   */
  async add(spec: LinkSpec | Link): Promise<Link> {
    return this.#addOf(plain(spec));
  }

  async #addOf(spec: LinkSpec | Link): Promise<Link> {
    if (!isListed(spec)) return this.#add(parseSpec('spec', spec));
    const given = givenLink(spec);
    const { name } = await this.#add(parseSpec('spec', given.spec));
    return this.#orDelete(name, async () => {
      if (Object.values(given.later).some((value) => value !== undefined)) await this.set(name, given.later);
      return this.get(name);
    });
  }

  /**
   * Creates a link as {@link Links.add} does, and does not ask what has become of it. With a master by its index it is one
   * request. It sets nothing that takes another request: no `alias`, no `addressGeneration`, no peer that is `up`.
   *
   * @internal
   */
  async make(spec: LinkSpec): Promise<void> {
    await this.#encoded(parseSpec('spec', plain(spec)), (checked, attributes) => this.#request(checked, attributes));
  }

  async #add(spec: LinkSpec): Promise<Link> {
    if (spec.kind === 'tun' || spec.kind === 'tap') return this.#addTun(spec);
    return this.#encoded(spec, async (checked, attributes) =>
      this.#finish(checked, await this.#create(checked, attributes)),
    );
  }

  /** Has a spec used with its attributes, as long as the descriptors in those are open. */
  async #encoded<T>(spec: LinkSpec, use: (spec: LinkSpec, attributes: LinkAttributes) => Promise<T>): Promise<T> {
    const master = await this.#masterAt(spec);
    const referred = await this.#referredBy(spec);
    const peer = spec.kind === 'veth' ? spec.peer : undefined;
    return withNamespaces([spec.namespace, peer?.namespace], async (namespaceFd, peerFd) => {
      return use(spec, {
        IFNAME: spec.name,
        ...encodeSettings(spec),
        MASTER: master,
        ...encodeKind(spec.kind, spec, { ...referred, peerNamespace: peerFd }),
        NET_NS_FD: namespaceFd,
      });
    });
  }

  /**
   * Changes a link: `ip link set`. The kernel applies the settings one after another: if it refuses one, the settings
   * before it have been applied.
   *
   * @throws NamespaceError `ENODEV` when there is no such link, `EEXIST` when the new name is taken, …
   *
   * @example
   * ```ts
   * await network.link.set('veth1', { namespace: ns1 });
   * await network.link.set('veth0', { up: true, mtu: 9000, master: 'br0' });
   * await network.link.set('br0', { kind: 'bridge', stp: true });
   * ```
   */
  async set(link: LinkReference | Link, change: LinkChange): Promise<void> {
    const { reference, called } = meant(link);
    validateLink('link', reference);
    await this.#set(reference, parseChange('change', change), called);
  }

  /**
   * Changes a link.
   *
   * @param called - the name of the link in errors: that which the caller knows it by, also where the link is found by
   * its index
   */
  async #set(link: LinkReference, change: LinkChange, called: LinkReference): Promise<void> {
    const { namespace } = change;
    const master = await this.#masterAt(change);
    const referred = await this.#referredBy(change);
    // The index is needed here. With a new name, the name in the message would be the new one. With a group, a name
    // that does not exist would change all links of that group (rtnl_group_changelink of kernels before 5.17).
    const byIndex = change.name !== undefined || change.group !== undefined;
    const which = byIndex ? await indexOf(this.#connection, link) : link;
    const { addNames = [], removeNames = [] } = change;
    if (removeNames.length > 0) await this.#names(RTM_DELLINKPROP, which, removeNames, called);
    if (addNames.length > 0) await this.#names(RTM_NEWLINKPROP, which, addNames, called);
    await withNamespaces([namespace], async (namespaceFd) => {
      const attributes: LinkAttributes = {
        IFNAME: change.name,
        ...encodeSettings(change),
        MASTER: master,
        LINKINFO: infoOf(change, referred),
        ...encodeLaterSettings(change),
        NET_NS_FD: namespaceFd,
      };
      const { flags, change: changed } = encodeFlags(change);
      const isNothing = changed === 0 && Object.values(attributes).every((value) => value === undefined);
      if (!isNothing || addNames.length + removeNames.length === 0) {
        await this.#change(which, attributes, { flags, change: changed }, called);
      }
    });
  }

  /**
   * Deletes a virtual link: `ip link delete`. With one end of a veth the other end is deleted, too.
   *
   * @throws NamespaceError `ENODEV` when there is no such link, `ENOTSUP` when it cannot be deleted
   */
  async delete(link: LinkReference | Link): Promise<void> {
    const { reference, called } = meant(link);
    validateLink('link', reference);
    const { index, attributes } = addressed(reference);
    await this.#connection.request({
      bytes: encode(LINK, RTM_DELLINK, CHANGE, { header: { ...ANY_LINK, index }, attributes }),
      type: LINK,
      step: `delete link ${called}`,
      operation: 'link-delete',
      object: String(called),
    });
  }

  /**
   * Opens a tun or tap: packets are received and sent by its descriptor. If there is none of that name, it is created.
   *
   * Needs /dev/net/tun, and CAP_NET_ADMIN over the network unless the caller is the `owner` of an existing one.
   *
   * @throws NamespaceError `ENOENT` or `ENODEV` where there is no /dev/net/tun; `EBUSY` when another has it open;
   * `EINVAL` when the name is that of another kind of link
   *
   * @example
   * ```ts
   * await using tap = await network.link.openTun({ name: 'tap0', kind: 'tap' });
   * await spawn('qemu-system-x86_64', ['-netdev', 'tap,id=n,fd=3'], { stdio: ['ignore', 1, 2, tap.fd] });
   * ```
   */
  async openTun(spec: TunSpec): Promise<Tun> {
    const { fd, name } = await openTun(this.#place, parseTunSpec('spec', spec), false);
    return new Tun(name, new Descriptor(fd));
  }

  async #addTun(spec: LinkSpec & { kind: 'tun' | 'tap' }): Promise<Link> {
    const { kind, name, namespace, owner, ownerGroup, multiQueue, packetInfo, vnetHeader, ...settings } = spec;
    const tun: TunSpec = { kind, name, owner, ownerGroup, multiQueue, packetInfo, vnetHeader, persistent: true };
    const { fd, name: made } = await openTun(this.#place, tun, true);
    closeFd(fd);
    const change: LinkChange = { ...settings, namespace };
    return this.#orDelete(made, async () => {
      if (Object.values(change).some((value) => value !== undefined)) await this.set(made, change);
      return this.#at(namespace, (there) => there.get(made));
    });
  }

  #request(spec: LinkSpec, attributes: LinkAttributes): Promise<unknown> {
    const header = { ...ANY_LINK, index: spec.index ?? 0, ...encodeFlags(spec) };
    return this.#connection.request({
      bytes: encode(LINK, RTM_NEWLINK, CREATE, { header, attributes }),
      type: LINK,
      step: `add link ${spec.name}`,
      operation: 'link-add',
      object: spec.name,
      detail: spec.kind,
    });
  }

  /** Makes a link. Resolves with its message where it is in this namespace. */
  async #create(spec: LinkSpec, attributes: LinkAttributes): Promise<LinkMessage | undefined> {
    const added = this.#request(spec, attributes);
    // This request is in the same sendmsg(2), so that nothing comes between the two.
    const found = spec.namespace === undefined ? findLink(this.#connection, spec.name) : undefined;
    const [outcome, link] = await Promise.allSettled([added, found]);
    if (outcome.status === 'rejected') throw outcome.reason;
    if (link.status === 'rejected') throw link.reason;
    return link.value;
  }

  /** Sets what a link can be given only after it has been made. Where that fails the link is deleted. */
  async #finish(spec: LinkSpec, made: LinkMessage | undefined): Promise<Link> {
    const later: LinkChange = { alias: spec.alias, addressGeneration: spec.addressGeneration };
    const isChanged = spec.alias !== undefined || spec.addressGeneration !== undefined;
    const peer = spec.kind === 'veth' && spec.peer?.up === true ? spec.peer : undefined;
    if (!isChanged && peer === undefined && made !== undefined) return this.#describe(made);
    return this.#at(spec.namespace, async (there) => {
      const link = made?.header.index ?? spec.name;
      return there.#orDelete(link, async () => {
        if (isChanged) await there.#set(link, later, spec.name);
        if (peer !== undefined) await this.#bringUpPeer(peer, await findLink(there.#connection, link));
        return there.get(link);
      });
    });
  }

  /**
   * Brings the other end of a veth up. It cannot be done in the message that makes it, because the two ends are not
   * connected then (ENOTCONN).
   */
  async #bringUpPeer(peer: VethPeer, { attributes }: LinkMessage): Promise<void> {
    const index = attributes.LINK ?? 0;
    await this.#at(peer.namespace, (there) => there.#set(index, { up: true }, peer.name ?? index));
  }

  async #change(
    link: LinkReference,
    attributes: LinkAttributes,
    flags: Pick<LinkHeader, 'flags' | 'change'>,
    called: LinkReference,
  ): Promise<void> {
    const by = addressed(link);
    await this.#connection.request({
      bytes: encode(LINK, RTM_NEWLINK, CHANGE, {
        header: { ...ANY_LINK, index: by.index, ...flags },
        attributes: { ...attributes, ...by.attributes },
      }),
      type: LINK,
      step: `set link ${called}`,
      operation: 'link-set',
      object: String(called),
    });
  }

  async #names(type: number, link: LinkReference, names: readonly string[], called: LinkReference): Promise<void> {
    const { index, attributes } = addressed(link);
    const flags = type === RTM_NEWLINKPROP ? CHANGE | NlmFlag.CREATE | NlmFlag.APPEND | NlmFlag.EXCL : CHANGE;
    await this.#connection.request({
      bytes: encode(LINK, type, flags, {
        header: { ...ANY_LINK, index },
        attributes: { ...attributes, PROP_LIST: { ALT_IFNAME: [...names] } },
      }),
      type: LINK,
      step: `${type === RTM_NEWLINKPROP ? 'add' : 'remove'} names of link ${called}`,
      operation: 'link-set',
      object: String(called),
    });
  }

  /** Deletes a link that has been made where the action that follows fails. */
  async #orDelete<T>(link: LinkReference, follow: () => Promise<T>): Promise<T> {
    try {
      return await follow();
    } catch (error) {
      await this.delete(link).catch(() => undefined);
      throw error;
    }
  }

  /** The index of the master. The kernel looks for it in the namespace that the link will be in. */
  async #masterAt({ master, namespace }: Pick<LinkSpec, 'master' | 'namespace'>): Promise<number | undefined> {
    if (master == null) return master === null ? 0 : undefined;
    return this.#at(namespace, (there) => there.#referred(master));
  }

  async #referred(link: LinkReference | undefined): Promise<number | undefined> {
    return link === undefined ? undefined : indexOf(this.#connection, link);
  }

  /** The indexes of the links that options of a kind name. */
  async #referredBy(spec: LinkSpec | LinkChange): Promise<Referred> {
    const options: { readonly [K in keyof Referred]?: LinkReference } & object = spec as object;
    const indexes = await Promise.all(REFERRING.map(async (key) => [key, await this.#referred(options[key])] as const));
    return Object.fromEntries(indexes);
  }

  async #describe(message: LinkMessage, stats = false): Promise<Link> {
    return linkOf(message, { nameOf: await namesOf(this.#connection, linksMentioned(message)), stats });
  }

  /** Runs a function with the links of another namespace, or with these where none is given. */
  async #at<T>(target: NetworkTarget | undefined, use: (there: Links) => Promise<T>): Promise<T> {
    if (target === undefined) return use(this);
    await using place = Place.of('namespace', target);
    const fd = await netlinkSocket(place);
    const connection = new Connection(fd, { receiveBuffer: SMALL_BUFFER, another: () => netlinkSocket(place) });
    try {
      return await use(new Links(connection, place));
    } finally {
      connection.close();
    }
  }
}

function infoOf(change: LinkChange, referred: Referred): LinkInfo | undefined {
  const own = change.kind === undefined ? undefined : encodeKind(change.kind, change, referred).LINKINFO;
  const port = change.port === undefined ? undefined : encodePort(change.port);
  return own === undefined && port === undefined ? undefined : { ...own, ...port };
}

/**
 * Opens descriptors of namespaces for a message. They stay open until the message is answered, even if the handles are
 * closed. To close one takes no time, even the last: the kernel destroys a network namespace later (put_net).
 */
async function withNamespaces<T>(
  targets: readonly (NetworkTarget | undefined)[],
  use: (...fds: (number | undefined)[]) => Promise<T>,
): Promise<T> {
  const fds: (number | undefined)[] = [];
  try {
    for (const target of targets)
      fds.push(target === undefined ? undefined : duplicate(membersOf('namespace', target).net));
    return await use(...fds);
  } finally {
    for (const fd of fds) if (fd !== undefined) native().closeNow(fd);
  }
}

function duplicate(namespace: Namespace): number {
  try {
    return native().duplicate(namespace.fd);
  } catch (cause) {
    throw systemError(cause, { step: `duplicate ${String(namespace)}`, operation: 'open', kind: 'net' });
  }
}
