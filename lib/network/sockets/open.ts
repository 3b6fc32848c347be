/** Sockets of another network namespace, in this process: socket(2), network_namespaces(7). */
import { systemError } from '../../errors/system-error';
import { native } from '../../native';
import type { Namespace } from '../../namespace/namespace';
import { SOCKET_DOMAINS, SOCKET_TYPES, type SocketDomain, type SocketType } from '../../kernel/sockets';
import { type NetworkTarget, Place, isPrivileged, membersOf } from '../place';

/** So many sockets are made by one task at most: each is a message, and a descriptor in flight. */
const MOST_TOGETHER = 64;

/**
 * Creates a socket in a network namespace: an adopted descriptor, which is the caller's to close.
 *
 * Who is privileged has it made by a thread of this process that enters the namespace and goes back, in a few
 * microseconds. Where a user namespace has to be entered on the way, which no thread can, a task of its own makes it.
 *
 * @param name - what the caller calls the target, for an error
 */
export async function openSocket(
  name: string,
  target: NetworkTarget,
  domain: SocketDomain,
  type: SocketType,
): Promise<number> {
  const { net } = membersOf(name, target);
  if (!isPrivileged()) return makerOf(target, net, domain, type).make();
  try {
    return await madeByThread(net, domain, type);
  } catch (error) {
    const { code, syscall } = error as { code?: string; syscall?: string };
    // Privileged, but not over that namespace; or filtered: a task finds out, and says why.
    if (syscall !== 'setns' || code !== 'EPERM') throw error;
    return makerOf(target, net, domain, type).make();
  }
}

/** Hands a descriptor to an object of Node's, which owns it from then on; closes it when that fails. */
export function handOver<T>(fd: number, give: (fd: number) => T): T {
  try {
    const receiver = give(fd);
    native().disown(fd);
    return receiver;
  } catch (error) {
    native().closeNow(fd);
    throw error;
  }
}

function madeByThread(net: Namespace, domain: SocketDomain, type: SocketType): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: unknown): void =>
      reject(systemError(cause, { step: 'create socket', operation: 'socket', kind: 'net' }));
    try {
      native().socketIn(net.fd, SOCKET_DOMAINS[domain], SOCKET_TYPES[type], 0, (fd, errno, syscall) => {
        if (fd >= 0) resolve(fd);
        else refuse({ errno, syscall });
      });
    } catch (cause) {
      refuse(cause);
    }
  });
}

interface Waiting {
  resolve: (fd: number) => void;
  reject: (error: unknown) => void;
}

/**
 * Has sockets of one kind made in a namespace by tasks, one task at a time: what is asked for meanwhile is made together
 * by the next. EMFILE for one of several is EMFILE for all of them.
 */
class SocketMaker {
  readonly #target: NetworkTarget;
  readonly #request: { domain: SocketDomain; type: SocketType };
  readonly #waiting: Waiting[] = [];
  #busy = false;

  constructor(target: NetworkTarget, domain: SocketDomain, type: SocketType) {
    this.#target = target;
    this.#request = { domain, type };
  }

  make(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (!this.#busy) void this.#serve();
    });
  }

  /** Never rejects. */
  async #serve(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const served = this.#waiting.splice(0, MOST_TOGETHER);
      try {
        const fds = await this.#makeAll(served.length);
        served.forEach(({ resolve }, index) => resolve(fds[index] ?? -1));
      } catch (error) {
        for (const { reject } of served) reject(error);
      }
    }
    this.#busy = false;
  }

  async #makeAll(count: number): Promise<number[]> {
    const place = Place.of('target', this.#target);
    try {
      return await place.sockets(Array.from({ length: count }, () => this.#request));
    } finally {
      await place.close();
    }
  }
}

/** Of each namespace, by the kind of socket. */
const makers = new WeakMap<Namespace, Map<string, SocketMaker>>();

function makerOf(target: NetworkTarget, net: Namespace, domain: SocketDomain, type: SocketType): SocketMaker {
  const kinds = makers.get(net) ?? new Map<string, SocketMaker>();
  makers.set(net, kinds);
  const kind = `${domain} ${type}`;
  const maker = kinds.get(kind) ?? new SocketMaker(target, domain, type);
  kinds.set(kind, maker);
  return maker;
}
