import type { Step } from '../../types/native';
import { NamespaceError, closedError } from '../errors/namespace-error';
import { invalidType } from '../errors/validate';
import type { Results } from '../task/task';
import { run } from '../launch/launch';
import { systemError } from '../errors/system-error';
import { native } from '../native';
import { isNamespace } from '../namespace/namespace';
import { type Namespace, wrap } from '../namespace/namespace';
import type { NamespaceSet } from '../set/namespace-set';
import { SOCKET_DOMAINS, SOCKET_TYPES, type SocketDomain, type SocketType } from '../kernel/sockets';

/** What has a network of its own: a namespace of kind `net`, or a set with one. */
export type NetworkTarget = Namespace | NamespaceSet;

/** Arguments of socket(2). */
export interface SocketRequest {
  domain: SocketDomain;
  type: SocketType;
  protocol?: number;
}

/** CAP_SYS_ADMIN of `<linux/capability.h>`. */
const SYS_ADMIN = 1n << 21n;

/**
 * A network namespace, and what a task joins to be in it: that alone where this process is privileged, else first the
 * user namespace that owns it. It holds handles of its own, and is to be closed.
 *
 * Who is privileged does not join the user namespace, since a netlink socket that was opened in there could do nothing
 * in any other: to move a link takes CAP_NET_ADMIN at both ends, of who opened the socket and of who sends.
 */
export class Place implements AsyncDisposable {
  /** The namespace itself. */
  readonly net: Namespace;
  /** Whether it is the one that the calling thread is in. */
  readonly own: boolean;
  readonly #user: Namespace | undefined;

  private constructor(net: Namespace, user: Namespace | undefined, own: boolean) {
    this.net = net;
    this.own = own;
    this.#user = user;
  }

  /**
   * @param name - what the caller calls the target, as in `'target'`; undefined is the calling thread's own network
   * @throws TypeError when it is neither; NamespaceError `ERR_LINUX_NS_CLOSED`, `ERR_LINUX_NS_NO_SUCH_KIND`
   */
  static of(name: string, target: NetworkTarget | undefined): Place {
    if (target === undefined) return new Place(ownNet(), undefined, true);
    const { net, user } = membersOf(name, target);
    const copy = duplicate(net);
    try {
      return new Place(copy, isPrivileged() ? undefined : userOf(copy, user), false);
    } catch (error) {
      void copy.close();
      throw error;
    }
  }

  get closed(): boolean {
    return this.net.closed;
  }

  /** Does some steps in a task in that network. */
  async run(steps: readonly Step[], signal?: AbortSignal): Promise<Results> {
    if (this.closed) throw closedError('This network');
    const join = this.#user === undefined ? [this.net] : [this.#user, this.net];
    return run({ join }, steps, signal);
  }

  /**
   * Creates sockets there: adopted descriptors, close-on-exec, which are the caller's to close. In the own network they
   * are created here: a task would not have the capabilities that Node's file gives.
   */
  async sockets(requests: readonly SocketRequest[], signal?: AbortSignal): Promise<number[]> {
    if (this.own) return createAllHere(requests);
    const steps = requests.map(({ domain, type, protocol = 0 }): Step => [
      'socket',
      SOCKET_DOMAINS[domain],
      SOCKET_TYPES[type],
      protocol,
    ]);
    const { fds } = await this.run(steps, signal);
    return fds;
  }

  async close(): Promise<void> {
    await Promise.all([this.net.close(), this.#user?.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Opens one more netlink socket there: adopted, and the caller's to close. */
export async function netlinkSocket(place: Place): Promise<number> {
  const [fd = -1] = await place.sockets([{ domain: 'netlink', type: 'raw' }]);
  return fd;
}

interface Members {
  net: Namespace;
  user: Namespace | undefined;
}

/** Checks a target, and finds its network namespace. */
export function membersOf(name: string, target: unknown): Members {
  if (isNamespace(target)) {
    if (target.kind !== 'net') throw noNetwork(`${String(target)} is not a net namespace`);
    if (target.closed) throw closedError(String(target));
    return { net: target, user: undefined };
  }
  if (!isSet(target)) throw invalidType(name, 'a Namespace or a NamespaceSet', target);
  if (target.closed) throw closedError('This NamespaceSet');
  if (target.net === undefined) throw noNetwork("This NamespaceSet has no net namespace, and the host's is not meant");
  return { net: target.net, user: target.user };
}

/** Checks a target that is an option. */
export function networkTarget(name: string, target: unknown): NetworkTarget {
  membersOf(name, target);
  return target as NetworkTarget;
}

/** All, or none. */
function createAllHere(requests: readonly SocketRequest[]): number[] {
  const fds: number[] = [];
  try {
    for (const request of requests) fds.push(createHere(request));
    return fds;
  } catch (error) {
    for (const fd of fds) native().closeNow(fd);
    throw error;
  }
}

function createHere({ domain, type, protocol = 0 }: SocketRequest): number {
  try {
    return native().socket(SOCKET_DOMAINS[domain], SOCKET_TYPES[type], protocol);
  } catch (cause) {
    throw systemError(cause, { step: 'create socket', operation: 'socket', kind: 'net' });
  }
}

function noNetwork(message: string): NamespaceError {
  return new NamespaceError({ code: 'ERR_LINUX_NS_NO_SUCH_KIND', message, kind: 'net' });
}

/** By its shape: the class of another realm is another class. */
function isSet(value: unknown): value is NamespaceSet {
  return value !== null && typeof value === 'object' && 'net' in value && 'closed' in value && 'spawn' in value;
}

export function isPrivileged(): boolean {
  return (native().credentials().capabilities & SYS_ADMIN) !== 0n;
}

/** The user namespace to join on the way: the one given, else the owner. None where it may not be seen (EPERM). */
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

/** The calling thread's: a Worker may have moved (`thread.unshareSync`), and a pidfd would lead to the main thread's. */
function ownNet(): Namespace {
  try {
    return wrap(native().threadNetwork());
  } catch (cause) {
    throw systemError(cause, { step: 'open net', operation: 'open', kind: 'net' });
  }
}
