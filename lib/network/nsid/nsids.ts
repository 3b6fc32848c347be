import { readdir, stat } from 'node:fs/promises';
import { validateInteger } from '../../errors/validate';
import { systemError } from '../../errors/system-error';
import { Namespace } from '../../namespace/namespace';
import { native } from '../../native';
import { type Connection, only } from '../netlink/connection';
import { dump } from '../netlink/dump';
import { NlmFlag, decode, encode } from '../netlink/netlink-message';
import { type NetworkTarget, membersOf } from '../place';
import { NSID, RTM_GETNSID, RTM_NEWNSID } from './nsid-message';

const ASK = NlmFlag.REQUEST | NlmFlag.ACK;

/** The number that the kernel gives for a namespace without an id: NETNSA_NSID_NOT_ASSIGNED. */
const NOT_ASSIGNED = -1;

/**
 * The folders in which namespaces are found, beside those of processes: the named ones of iproute2, and the descriptors
 * of this process.
 */
const NAMED = '/run/netns';
const HELD = '/proc/self/fd';

/** The number of files that are looked at together. */
const AT_ONCE = 64;

/**
 * Ids by which this network namespace refers to others: `ip netns list-id`. Each namespace numbers the others for
 * itself. The kernel assigns an id when the other end of a link is in another namespace: `link.linkNsid` is such an id.
 * An id disappears with the namespace it stands for. ip-netns(8)
 *
 * To list and find ids needs no privilege; to set one needs CAP_NET_ADMIN in the user namespace that owns this network
 * namespace.
 */
export class Nsids {
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Lists the ids that this namespace has assigned, in ascending order: `ip netns list-id`. */
  async list(): Promise<number[]> {
    const messages = await dump(this.#connection, {
      bytes: encode(NSID, RTM_GETNSID, NlmFlag.REQUEST | NlmFlag.DUMP, { header: { family: 0 }, attributes: {} }),
      type: NSID,
      step: 'list nsids',
      operation: 'nsid-list',
    });
    return messages
      .map(({ attributes }) => attributes.NSID ?? NOT_ASSIGNED)
      .filter((id) => id >= 0)
      .sort((a, b) => a - b);
  }

  /**
   * Finds the id that this network has assigned to a namespace; undefined when it has none.
   *
   * @throws NamespaceError `ERR_LINUX_NS_CLOSED`, `ERR_LINUX_NS_NO_SUCH_KIND`
   */
  async get(namespace: NetworkTarget): Promise<number | undefined> {
    const { net } = membersOf('namespace', namespace);
    return this.#idOf(net);
  }

  /**
   * Gives a namespace an id: `ip netns set NAME ID`. Needs CAP_NET_ADMIN in the user namespace that owns this network.
   *
   * @param id - 0 or more. Default: the next that is free
   * @returns the id
   * @throws NamespaceError `EEXIST` when the namespace has an id already, or the id is taken; `EPERM`
   *
   * @example
   * ```ts
   * const id = await network.nsid.set(ns1); // 0
   * ```
   */
  async set(namespace: NetworkTarget, id?: number): Promise<number> {
    const { net } = membersOf('namespace', namespace);
    if (id !== undefined) validateInteger('id', id, 0, 2 ** 31 - 1);
    await withCopy(net, (fd) =>
      this.#connection.request({
        bytes: encode(NSID, RTM_NEWNSID, ASK, {
          header: { family: 0 },
          attributes: { NSID: id ?? NOT_ASSIGNED, FD: fd },
        }),
        type: NSID,
        step: `set nsid of ${String(net)}`,
        operation: 'nsid-set',
      }),
    );
    return id ?? (await this.#idOf(net)) ?? NOT_ASSIGNED;
  }

  /**
   * Opens the namespace that has an id here, if this process can find it: among the namespaces of the processes that it
   * may read, the names in /run/netns, and its own descriptors. Otherwise the result is undefined.
   *
   * @returns a handle, which the caller closes
   *
   * @example
   * ```ts
   * const { linkNsid } = await network.link.get('veth0');
   * const other = linkNsid === undefined ? undefined : await network.nsid.find(linkNsid);
   * ```
   */
  async find(id: number): Promise<Namespace | undefined> {
    validateInteger('id', id, 0, 2 ** 31 - 1);
    for (const path of await visible()) {
      const namespace = await Namespace.open(path).catch(() => undefined); // its process has ended, say
      if (namespace === undefined) continue;
      if (namespace.kind === 'net' && (await this.#idOf(namespace)) === id) return namespace;
      await namespace.close();
    }
    return undefined;
  }

  async #idOf(net: Namespace): Promise<number | undefined> {
    const answers = await withCopy(net, (fd) =>
      this.#connection.request({
        bytes: encode(NSID, RTM_GETNSID, ASK, { header: { family: 0 }, attributes: { FD: fd } }),
        type: NSID,
        step: `get nsid of ${String(net)}`,
        operation: 'nsid-get',
      }),
    );
    const id = decode(NSID, only(answers)).attributes.NSID ?? NOT_ASSIGNED;
    return id === NOT_ASSIGNED ? undefined : id;
  }
}

/** Opens a descriptor that stays open until the request is answered, even if the handle is closed. */
async function withCopy<T>(net: Namespace, use: (fd: number) => Promise<T>): Promise<T> {
  let fd: number;
  try {
    fd = native().duplicate(net.fd);
  } catch (cause) {
    throw systemError(cause, { step: `duplicate ${String(net)}`, operation: 'open', kind: 'net' });
  }
  try {
    return await use(fd);
  } finally {
    native().closeNow(fd);
  }
}

/** One file for each network namespace that can be seen. */
async function visible(): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const named = await filesIn(NAMED);
  const paths = [...named, ...(await filesIn(HELD)), ...pids.map((pid) => `/proc/${pid}/ns/net`)];
  const found = new Map<string, string>();
  for (let from = 0; from < paths.length; from += AT_ONCE) {
    await Promise.all(
      paths.slice(from, from + AT_ONCE).map(async (path) => {
        const identity = await identityOf(path);
        if (identity !== undefined && !found.has(identity)) found.set(identity, path);
      }),
    );
  }
  return [...found.values()];
}

async function filesIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => [] as string[]);
  return names.map((name) => `${directory}/${name}`);
}

/** The identity of a file; undefined where it is gone, or may not be read. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
