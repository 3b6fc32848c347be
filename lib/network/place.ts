import type { Step } from '../../types/native';
import { NamespaceError, closedError } from '../errors/namespace-error';
import { invalidType } from '../errors/validate';
import { notForgotten } from '../handle/forgotten';
import type { Results } from '../task/task';
import { joinFromAbove, namespacesAbove } from '../launch/join';
import { run, runBody } from '../launch/launch';
import { creationError } from './descriptors/socket-error';
import { SocketServer } from './socket-server';
import { systemError } from '../errors/system-error';
import { native } from '../native';
import { type Namespace, isNamespace, wrap } from '../namespace/namespace';
import type { NamespaceSet } from '../set/namespace-set';
import { NETLINK_NETFILTER, SOCKET_DOMAINS, SOCKET_TYPES, type SocketDomain, type SocketType } from '../kernel/sockets';

/** A namespace of kind `net`, or a set with one. */
export type NetworkTarget = Namespace | NamespaceSet;

/** Arguments of socket(2). */
export interface SocketRequest {
  domain: SocketDomain;
  type: SocketType;
  protocol?: number;
}

/**
 * The sockets that a network needs at once: for requests, and for the events of its watches. Who makes a network can make
 * them there, too, and those of an egress: {@link Place.keep}.
 */
export const NETWORK_SOCKETS: readonly SocketRequest[] = [
  { domain: 'netlink', type: 'raw' },
  { domain: 'netlink', type: 'raw' },
];

/** The sockets that an egress needs at once. */
export const EGRESS_SOCKETS: readonly SocketRequest[] = [
  { domain: 'netlink', type: 'raw', protocol: NETLINK_NETFILTER },
  { domain: 'inet6', type: 'stream' },
  { domain: 'inet6', type: 'dgram' },
];

/** The things that who has made the namespaces of a place knows about it. */
export interface PlaceFacts {
  /** The text of a file of /etc inside, which then is not read: by its name, `'hosts'` or `'resolv.conf'`. */
  readonly knownFiles?: ((file: string) => string) | undefined;
  /** A signal that ends all connections from there, and attempts to connect: its reason is their error. */
  readonly gone?: (() => AbortSignal) | undefined;
}

/** CAP_SYS_ADMIN of `<linux/capability.h>`. */
const SYS_ADMIN = 1n << 21n;

/** The largest file that is read inside, in bytes: 16 MiB. */
const MOST_BYTES = 1 << 24;

/**
 * A network namespace, and the namespaces that a task joins to be in it. Where this process is privileged a task joins
 * the network namespace only; else it first joins the user namespace that owns it. A place of a set with a mount
 * namespace also knows that one, to read the files in there. A place has handles of its own, and must be closed.
 *
 * A privileged process does not join the user namespace, because a netlink socket that was opened in there could do
 * nothing in any other. To move a link needs CAP_NET_ADMIN at both ends, both for the process that opened the socket
 * and for the one that sends.
 */
export class Place implements AsyncDisposable {
  /** The namespace itself. */
  readonly net: Namespace;
  /** True where it is the namespace that the calling thread is in. */
  readonly own: boolean;
  readonly knownFiles: PlaceFacts['knownFiles'];
  readonly gone: PlaceFacts['gone'];
  readonly #user: Namespace | undefined;
  readonly #mounts: Mounts | undefined;
  /** Sockets that are there already, by the arguments of socket(2). */
  readonly #kept = new Map<string, number[]>();
  /** Makes the sockets that no thread of this process can make. */
  readonly #server = new SocketServer((steps, answers) => {
    this.#mustBeOpen();
    return runBody({ join: this.#joined() }, { steps, ids: 'default', answers });
  });

  private constructor({ net, user, mounts, own = false }: Handles, { knownFiles, gone }: PlaceFacts = {}) {
    this.net = net;
    this.knownFiles = knownFiles;
    this.gone = gone;
    this.own = own;
    this.#user = user;
    this.#mounts = mounts;
    // Who has the place closes it, and is itself what has been left open.
    for (const handle of [net, user, mounts?.user, mounts?.mnt]) if (handle !== undefined) notForgotten(handle);
  }

  /**
   * @param name - what the caller calls the target, as in `'target'`; undefined is the calling thread's own network
   * @throws TypeError when it is neither; NamespaceError `ERR_LINUX_NS_CLOSED`, `ERR_LINUX_NS_NO_SUCH_KIND`
   */
  static of(name: string, target: NetworkTarget | undefined, facts: PlaceFacts = {}): Place {
    if (target === undefined) return new Place({ net: ownNet(), own: true });
    const { net, user, mnt } = membersOf(name, target);
    const handles: Handles = { net: duplicate(net) };
    try {
      handles.user = isPrivileged() ? undefined : userOf(handles.net, user);
      handles.mounts = mnt === undefined || facts.knownFiles !== undefined ? undefined : mountsOf(mnt, user);
      return new Place(handles, facts);
    } catch (error) {
      void closeAll(handles);
      throw error;
    }
  }

  get closed(): boolean {
    return this.net.closed;
  }

  /** True where the place has a mount namespace of its own, for {@link Place.readFile}. */
  get hasMounts(): boolean {
    return this.#mounts !== undefined;
  }

  /** Reads a file as a program in the mount namespace of this place would. The text is UTF-8. */
  async readFile(path: string): Promise<string> {
    this.#mustBeOpen();
    const { user, mnt } = this.#mounts ?? {};
    const { data } = await run({ join: [user, mnt].filter((each) => each !== undefined) }, [
      ['read_file', path, MOST_BYTES],
    ]);
    return data.toString('utf8');
  }

  /** Runs steps in a task that is in that network. */
  async run(steps: readonly Step[], signal?: AbortSignal): Promise<Results> {
    this.#mustBeOpen();
    return run({ join: this.#joined() }, steps, signal);
  }

  /**
   * Takes sockets over that somebody has made in the network: they are given to who asks for such.
   *
   * @param fds - adopted descriptors
   */
  keep(requests: readonly SocketRequest[], fds: readonly number[]): void {
    for (const [index, request] of requests.entries()) {
      const kind = numbersOf(request).join();
      this.#kept.set(kind, [...(this.#kept.get(kind) ?? []), fds[index] ?? -1]);
    }
  }

  /**
   * Creates a socket in the network. Its descriptor is adopted and close-on-exec, and the caller closes it.
   *
   * In a process that is privileged, a thread of it enters the namespace, makes the socket and goes back, in a few
   * microseconds. Where a user namespace has to be entered on the way, which no thread can do, a task makes the socket,
   * and stays for a second in case others are asked for: {@link SocketServer}.
   */
  async socket(domain: SocketDomain, type: SocketType, protocol = 0): Promise<number> {
    this.#mustBeOpen();
    const request = { domain, type, protocol };
    if (this.own) return socketHere(request);
    const kept = this.#takeKept(request);
    if (kept !== undefined) return kept;
    const fd = await this.#byThread(request);
    return fd ?? this.#server.make(numbersOf(request));
  }

  /** Creates several sockets, all or none. */
  async sockets(requests: readonly SocketRequest[], signal?: AbortSignal): Promise<number[]> {
    if (this.own) return allOrNone(requests.map(async (request) => Promise.resolve(socketHere(request))));
    const [first] = requests;
    const kept = first === undefined || requests.length > 1 ? undefined : this.#takeKept(first);
    if (kept !== undefined) return [kept];
    const fds = await allOrNone(requests.map((request) => this.#byThread(request)));
    if (fds.every((fd) => fd !== undefined)) return fds;
    for (const fd of fds) if (fd !== undefined) native().closeNow(fd);
    return allOrNone(requests.map((request) => this.#server.make(numbersOf(request), signal)));
  }

  async close(): Promise<void> {
    for (const fd of [...this.#kept.values()].flat()) native().closeNow(fd);
    this.#kept.clear();
    await Promise.all([closeAll({ net: this.net, user: this.#user, mounts: this.#mounts }), this.#server.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #mustBeOpen(): void {
    if (this.closed) throw closedError('This Network');
  }

  /** The namespaces that a task joins to be there. */
  #joined(): Namespace[] {
    return this.#user === undefined ? [this.net] : [this.#user, this.net];
  }

  /** A socket that is there already. */
  #takeKept(request: SocketRequest): number | undefined {
    return this.#kept.get(numbersOf(request).join())?.pop();
  }

  /**
   * Undefined where no thread can make the socket: without privileges, with privileges but not over that namespace, or
   * under a seccomp filter.
   */
  async #byThread(request: SocketRequest): Promise<number | undefined> {
    if (!isPrivileged()) return undefined;
    try {
      return await madeByThread(this.net, request);
    } catch (error) {
      const { code, syscall } = error as { code?: string; syscall?: string };
      if (syscall !== 'setns' || code !== 'EPERM') throw error;
      return undefined; // a task finds out, and says why
    }
  }
}

/** The handles of a place. */
interface Handles {
  net: Namespace;
  /** The user namespace that is joined before the network. */
  user?: Namespace | undefined;
  mounts?: Mounts | undefined;
  own?: boolean;
}

/** A mount namespace, and the user namespace that is joined before it. */
interface Mounts {
  user: Namespace | undefined;
  mnt: Namespace;
}

async function closeAll({ net, user, mounts }: Handles): Promise<void> {
  await Promise.all([net.close(), user?.close(), mounts?.user?.close(), mounts?.mnt.close()]);
}

function mountsOf(mnt: Namespace, user: Namespace | undefined): Mounts {
  const copy = duplicate(mnt);
  try {
    return { mnt: copy, user: user === undefined ? undefined : duplicateUser(user) };
  } catch (error) {
    void copy.close();
    throw error;
  }
}

/** Opens one more netlink socket in the network. It is adopted, and the caller closes it. */
export async function netlinkSocket(place: Place): Promise<number> {
  return place.socket('netlink', 'raw');
}

interface Members {
  net: Namespace;
  user: Namespace | undefined;
  mnt: Namespace | undefined;
}

/** Checks a target, and finds its network namespace. */
export function membersOf(name: string, target: unknown): Members {
  if (isNamespace(target)) {
    if (target.kind !== 'net') throw noNetwork(`${String(target)} is not a net namespace`);
    if (target.closed) throw closedError(String(target));
    return { net: target, user: undefined, mnt: undefined };
  }
  if (!isSet(target)) throw invalidType(name, 'a Namespace or a NamespaceSet', target);
  if (target.closed) throw closedError('This NamespaceSet');
  if (target.net === undefined) throw noNetwork("This NamespaceSet has no net namespace, and the host's is not meant");
  return { net: target.net, user: target.user, mnt: target.mnt };
}

/** Checks a target that is the value of an option. */
export function networkTarget(name: string, target: unknown): NetworkTarget {
  membersOf(name, target);
  return target as NetworkTarget;
}

/** Waits for all, and closes those that have been made when one of them fails. */
async function allOrNone<T extends number | undefined>(made: readonly Promise<T>[]): Promise<T[]> {
  try {
    return await Promise.all(made);
  } catch (error) {
    for (const each of made) void each.then((fd) => fd !== undefined && native().closeNow(fd)).catch(() => undefined);
    throw error;
  }
}

/** The step that makes a socket in the network that a task is in, and sends its descriptor back. */
export function socketStep(request: SocketRequest): Step {
  return ['socket', ...numbersOf(request)];
}

/** Of these sockets, those that this kernel has. */
export function possible(requests: readonly SocketRequest[]): SocketRequest[] {
  return requests.filter((request) => {
    try {
      native().closeNow(socketHere(request));
      return true;
    } catch {
      return false;
    }
  });
}

/** The arguments of socket(2). */
function numbersOf({ domain, type, protocol = 0 }: SocketRequest): [domain: number, type: number, protocol: number] {
  return [SOCKET_DOMAINS[domain], SOCKET_TYPES[type], protocol];
}

/**
 * Makes a socket in the own network. It is made on this thread, because a task would not have the capabilities that the
 * file of the Node program gives.
 */
export function socketHere(request: SocketRequest): number {
  try {
    return native().socket(...numbersOf(request));
  } catch (cause) {
    throw creationError(cause);
  }
}

function madeByThread(net: Namespace, request: SocketRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    try {
      native().socketIn(net.fd, ...numbersOf(request), (fd, errno, syscall) => {
        if (fd >= 0) resolve(fd);
        else reject(creationError({ errno, syscall }));
      });
    } catch (cause) {
      reject(creationError(cause));
    }
  });
}

function noNetwork(message: string): NamespaceError {
  return new NamespaceError({ code: 'ERR_LINUX_NS_NO_SUCH_KIND', message, kind: 'net' });
}

/** Recognizes a set by its shape: the class of another realm is another class. */
function isSet(value: unknown): value is NamespaceSet {
  return value !== null && typeof value === 'object' && 'net' in value && 'closed' in value && 'spawn' in value;
}

export function isPrivileged(): boolean {
  return (native().credentials().capabilities & SYS_ADMIN) !== 0n;
}

/**
 * The user namespace to join on the way: the one given, else the owner. There is none where the owner may not be seen
 * (EPERM).
 */
function userOf(net: Namespace, given: Namespace | undefined): Namespace | undefined {
  if (given !== undefined) return duplicate(given);
  try {
    return wrap(native().namespaceUser(net.fd));
  } catch {
    return undefined; // joining the net namespace will be refused, and the error of that says why
  }
}

function duplicate(namespace: Namespace): Namespace {
  try {
    return wrap(native().duplicate(namespace.fd));
  } catch (cause) {
    throw systemError(cause, { step: `duplicate ${String(namespace)}`, operation: 'open', kind: namespace.kind });
  }
}

/** Copies the handle of a user namespace. The copy is joined by the same way as the original. */
function duplicateUser(user: Namespace): Namespace {
  const copy = duplicate(user);
  joinFromAbove(copy, namespacesAbove([user]));
  return copy;
}

/**
 * The network namespace of the calling thread. It may be another than that of the main thread, to which a pidfd would
 * lead: a Worker may have moved (`thread.unshareSync`).
 */
function ownNet(): Namespace {
  try {
    return wrap(native().threadNetwork());
  } catch (cause) {
    throw systemError(cause, { step: 'open net', operation: 'open', kind: 'net' });
  }
}
