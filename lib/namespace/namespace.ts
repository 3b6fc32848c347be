import { OURS, mustBeOurs } from '../errors/illegal-constructor';
import { close, constants, open } from 'node:fs';
import { withCallersStack } from '../errors/callers-stack';
import { Errno } from '../kernel/errno';
import { NamespaceError, closedError } from '../errors/namespace-error';
import { invalidType, validateFd, validateOneOf, validatePath, validatePid } from '../errors/validate';
import { explain } from '../hints/explain';
import { closeFd } from '../handle/close';
import { type Attempt, systemError } from '../errors/system-error';
import { assertSupported, native } from '../native';
import { NAMESPACE, isNamespaceHandle } from '../handle/namespace-handle';
import { Descriptor, closeDescriptor } from '../handle/descriptor';
import { closeWhenForgotten, notForgotten } from '../handle/forgotten';
import { inspectAs } from '../handle/inspect';
import { askNsfs, isUnknown, unsupported } from './nsfs';
import {
  CLONE_FLAGS,
  NAMESPACE_LINKS,
  type NamespaceKind,
  type NamespaceLink,
  kindOfLink,
  kindsOfFlags,
} from '../kernel/namespace-kind';
import { type PersistentNamespace, persist } from './persistent';
import { processesIn } from './processes';

/** An object that owns handles of others. */
type Owner = object;

/**
 * The owners of handles. A handle that somebody still has keeps its set, and so the set's init, from being collected.
 */
const owners = new WeakMap<Namespace, Owner>();

let construct: (descriptor: Descriptor, owner: Owner | undefined) => Namespace;

/**
 * A namespace, held open by a descriptor: it exists at least until `close()`, whether or not a process is in it
 * (`namespaces(7)`).
 *
 * Close it, or declare it with `await using`. A handle that is forgotten instead is closed when it is collected as
 * garbage, with a process warning (`LINUX_NS_UNCLOSED`). After `close()`, `kind`, `id`, `dev` and `toString()` still
 * work; everything else throws, or rejects with, `ERR_LINUX_NS_CLOSED`.
 *
 * @example
 * ```ts
 * const net = await Namespace.of('self', 'net');
 * console.log(String(net), await net.processes()); // net:[4026531840] [ 1, 34, … ]
 * await net.close();
 * ```
 */
export class Namespace implements AsyncDisposable {
  static {
    construct = (descriptor, owner) => new Namespace(OURS, descriptor, owner);
    inspectAs(this, (namespace) => ({ [String(namespace)]: true, closed: namespace.closed }));
  }

  /** Its kind. */
  readonly kind: NamespaceKind;
  /** Its inode number. Together with `dev` it identifies the namespace as long as that exists. */
  readonly id: bigint;
  /** The device of its inode: that of the kernel's nsfs. */
  readonly dev: bigint;
  readonly #descriptor: Descriptor;

  private constructor(key: symbol, descriptor: Descriptor, owner: Owner | undefined) {
    mustBeOurs(key, 'await Namespace.open() or Namespace.of()');
    const { flag, ino, dev } = native().namespaceInfo(descriptor.fd);
    const [kind] = kindsOfFlags(flag);
    if (kind === undefined) throw new NamespaceError({ errno: Errno.EINVAL, syscall: 'ioctl' });
    this.kind = kind;
    this.id = ino;
    this.dev = dev;
    this.#descriptor = descriptor;
    if (owner !== undefined) owners.set(this, owner);
    else closeWhenForgotten(this, `A Namespace (${String(this)})`, descriptor, closeDescriptor);
  }

  /**
   * Opens a namespace by a file of `/proc/PID/ns` or a bind mount of one, such as `/run/netns/NAME`.
   *
   * @param path - a path, or a `file:` URL
   * @throws NamespaceError `EINVAL` when it is no namespace, `EACCES` when the process of `/proc/PID/ns` is another
   * user's, `ENOENT`, …
   */
  static async open(path: string | URL): Promise<Namespace> {
    const file = validatePath('path', path);
    const step = `open ${file}`;
    assertSupported();
    const fd = await withCallersStack(openFile(file, step));
    try {
      return wrap(fd);
    } catch (cause) {
      closeFd(fd);
      throw notANamespace(cause, step, file);
    }
  }

  /**
   * Opens a namespace of a process. A pidfd holds the process meanwhile: if it ends and another process gets its pid,
   * this rejects and does not open the other's namespace.
   *
   * Needs permission to ptrace the process (`ptrace(2)`, PTRACE_MODE_READ_FSCREDS): the same user, and no capability
   * that the caller lacks; or CAP_SYS_PTRACE in the user namespace of the process.
   *
   * @param pid - a process as this one sees it, or `'self'`
   * @param kind - the kind of the namespace. `'pid_for_children'` and `'time_for_children'` are those that its children
   *   are born in: other ones than its own after an unshare(2) of that kind
   * @throws NamespaceError `ESRCH` when there is no such process, `EACCES` or `EPERM` when it may not be looked into;
   *   `ENOENT` for the pid namespace of children before the first of them is born
   */
  static async of(pid: number | 'self', kind: NamespaceLink): Promise<Namespace> {
    if (pid !== 'self') validatePid('pid', pid);
    validateOneOf('kind', kind, NAMESPACE_LINKS);
    const id = pid === 'self' ? process.pid : pid;
    return Promise.resolve(withProcess(id, ({ open }) => wrapOf(open(kind), id, kind)));
  }

  /**
   * Opens the network namespace that a socket was created in, whatever namespace its process is in now: SIOCGSKNS, as
   * `nsenter --net-socket`. It is the only way to a namespace that nothing but sockets keeps alive.
   *
   * Needs Linux 5.6, permission to ptrace the process (`pidfd_getfd(2)`), and CAP_NET_ADMIN in the user namespace that
   * owns the network namespace.
   *
   * @param pid - a process as this one sees it, or `'self'`
   * @param fd - the descriptor of the socket in that process
   * @throws NamespaceError `EBADF` when the process has no such descriptor, `ENOTTY` when it is no socket, `EPERM`,
   * `ESRCH` when there is no such process
   *
   * @example
   * ```ts
   * await using net = await Namespace.ofSocket(1234, 5); // ls -l /proc/1234/fd has 'socket:[…]' at 5
   * ```
   */
  static async ofSocket(pid: number | 'self', fd: number): Promise<Namespace> {
    if (pid !== 'self') validatePid('pid', pid);
    validateFd('fd', fd);
    return Promise.resolve(withProcess(pid === 'self' ? process.pid : pid, ({ ofSocket }) => wrap(ofSocket(fd))));
  }

  /**
   * Takes over an open descriptor of a namespace: `close()` will close it. When this rejects, the descriptor still
   * belongs to the caller.
   *
   * @throws NamespaceError `EINVAL` when it refers to something else, `EBADF` when it is not open
   */
  static async fromFd(fd: number): Promise<Namespace> {
    validateFd('fd', fd);
    try {
      return await Promise.resolve(wrap(fd));
    } catch (cause) {
      throw notANamespace(cause, `open descriptor ${fd}`, undefined);
    }
  }

  /** @internal */
  readonly [NAMESPACE] = true;

  /** The descriptor. This object owns it: do not close it. @throws NamespaceError `ERR_LINUX_NS_CLOSED` */
  get fd(): number {
    if (this.closed) throw closedError(String(this));
    return this.#descriptor.fd;
  }

  /** True once `close()` has been called. */
  get closed(): boolean {
    return this.#descriptor.closed;
  }

  /**
   * Returns true where two handles refer to the same namespace. Both must be open: the kernel reuses the numbers of a
   * namespace that is gone.
   *
   * @throws NamespaceError `ERR_LINUX_NS_CLOSED`
   */
  equals(other: Namespace): boolean {
    if (!isNamespaceHandle(other)) throw invalidType('other', 'an instance of Namespace', other);
    return this.fd >= 0 && other.fd >= 0 && this.id === other.id && this.dev === other.dev;
  }

  /** The text of the namespace's link in `/proc/PID/ns`: `'net:[4026531840]'`. */
  toString(): string {
    return `${this.kind}:[${this.id}]`;
  }

  /** For JSON.stringify(), which refuses a bigint: `kind`, and `id` as a number. */
  toJSON(): object {
    return { kind: this.kind, id: Number(this.id) };
  }

  /**
   * The effective uid of its creator, as seen from this process's user namespace (65534 where it is not mapped there).
   * NS_GET_OWNER_UID of `ioctl_ns(2)`.
   *
   * @throws NamespaceError `EINVAL` when this is not a user namespace: those alone have an owner
   */
  async owner(): Promise<number> {
    return this.#ask('ask for the owner', (fd) => native().namespaceOwner(fd));
  }

  /**
   * Opens the user namespace that owns it: changing the namespace needs capabilities there. For a user namespace it is
   * the parent. NS_GET_USERNS of `ioctl_ns(2)`.
   *
   * @throws NamespaceError `EPERM` when the owner is outside of this process's user namespace
   */
  async userNamespace(): Promise<Namespace> {
    return wrap(await this.#ask('open the user namespace', (fd) => native().namespaceUser(fd)));
  }

  /**
   * Opens the namespace that a user or pid namespace was created in; null at the top of what this process can see.
   * NS_GET_PARENT of `ioctl_ns(2)`.
   *
   * @throws NamespaceError `EINVAL` for the other kinds, which have no parents
   */
  async parent(): Promise<Namespace | null> {
    try {
      return wrap(await this.#ask('open the parent', (fd) => native().namespaceParent(fd)));
    } catch (error) {
      if ((error as NamespaceError).code === 'EPERM') return null;
      throw error;
    }
  }

  /**
   * The pids of the processes in it, as this process sees them, in ascending order. Processes whose namespaces this
   * process may not read, usually those of other users, are left out; so are those that end meanwhile.
   */
  async processes(): Promise<number[]> {
    if (this.closed) throw closedError(String(this));
    return processesIn(this);
  }

  /**
   * Keeps the namespace beyond the life of this process, by mounting it on a file (`namespaces(7)`, "Namespace
   * lifetime"), as `ip netns add` does in `/run/netns`. Takes CAP_SYS_ADMIN in the user namespace that owns this
   * process's mount namespace.
   *
   * @param path - the file to mount it on, which is created. It must not exist, and is removed again on failure. A file
   *   that was left because this process was killed just then is used again
   * @throws NamespaceError `EEXIST` when there is something already, `EPERM`, `ENOENT`, …; `EINVAL` for a mount
   *   namespace that is not younger than this process's
   *
   * @example
   * ```ts
   * const set = await unshare('net');
   * const kept = await set.net.persist('/run/netns/blue'); // `ip netns exec blue …` works
   * ```
   */
  async persist(path: string | URL): Promise<PersistentNamespace> {
    return persist(this, validatePath('path', path));
  }

  /** Opens another handle on the same namespace, which the caller closes. */
  async duplicate(): Promise<Namespace> {
    return wrap(await this.#ask('duplicate', (fd) => native().duplicate(fd)));
  }

  /**
   * Closes the handle. If nothing else refers to the namespace, the kernel then destroys it, which may take a while:
   * this resolves when it is done. Calling it again changes nothing.
   */
  async close(): Promise<void> {
    notForgotten(this);
    await this.#descriptor.close();
  }

  /** Calls {@link Namespace.close}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #ask<T>(what: string, ask: (fd: number) => T): Promise<T> {
    const { fd } = this;
    const attempt = { step: `${what} of ${String(this)}`, operation: 'open', kind: this.kind };
    return Promise.resolve(askNsfs(() => ask(fd), attempt));
  }
}

/**
 * True for a Namespace. Its class may be that of another realm, or of another copy of this package: those handles are
 * as good.
 */
export const isNamespace = isNamespaceHandle as (value: unknown) => value is Namespace;

/**
 * Namespaces to join, at most one of each kind: a Namespace, a NamespaceSet or any other iterable of Namespaces. It is
 * what the option `setns` takes everywhere.
 */
export type Joinable = Namespace | Iterable<Namespace>;

/**
 * A handle on the namespace of a descriptor. The descriptor belongs to the handle from then on.
 *
 * @param owner - the object that closes it, and reports it as forgotten, in its place
 */
export function wrap(fd: number | Descriptor, owner?: Owner): Namespace {
  return construct(typeof fd === 'number' ? new Descriptor(fd) : fd, owner);
}

/** Makes the object. An emulated kernel may not tell what the descriptor is: the error is then that of opening it. */
function wrapOf(fd: number, pid: number, kind: NamespaceLink): Namespace {
  try {
    return askNsfs(() => wrap(fd), openAttempt(pid, kind));
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** Opens namespaces of one process, all of the same one: none if its pid has become another's meanwhile. */
export function openOf(pid: number, kinds: readonly NamespaceKind[]): number[] {
  return withProcess(pid, ({ open }) => {
    const fds: number[] = [];
    try {
      for (const kind of kinds) fds.push(open(kind));
      return fds;
    } catch (error) {
      for (const fd of fds) closeFd(fd);
      throw error;
    }
  });
}

/** Opens namespaces of a process, each as a descriptor. */
interface Opener {
  readonly open: (kind: NamespaceLink) => number;
  /** The network namespace of a socket. */
  readonly ofSocket: (fd: number) => number;
}

/** Holds a process by a pidfd while its namespaces are opened. */
function withProcess<T>(pid: number, use: (opener: Opener) => T): T {
  const addon = native();
  const step = `open namespaces of process ${pid}`;
  const pidfd = attempt(() => addon.pidfdOpen(pid), { step, operation: 'open' });
  try {
    return use({
      open: (kind) => {
        const [flag, forChildren] = whichOf(kind);
        return attempt(() => addon.pidfdNamespace(pidfd, pid, flag, forChildren), openAttempt(pid, kind));
      },
      ofSocket: (fd) => attempt(() => addon.pidfdSocketNamespace(pidfd, fd), socketAttempt(pid, fd)),
    });
  } finally {
    closeFd(pidfd);
  }
}

function socketAttempt(pid: number, fd: number): Attempt {
  return { step: `open net of descriptor ${fd} of process ${pid}`, operation: 'open-of-socket', kind: 'net' };
}

/** The flag of its kind; true for the namespace of children. */
function whichOf(link: NamespaceLink): [flag: number, forChildren: boolean] {
  return [CLONE_FLAGS[kindOfLink(link)], link !== kindOfLink(link)];
}

function openAttempt(pid: number, link: NamespaceLink): Attempt {
  return { step: `open ${link} of process ${pid}`, operation: 'open', kind: kindOfLink(link) };
}

function attempt<T>(act: () => T, what: Attempt): T {
  try {
    return act();
  } catch (cause) {
    throw systemError(cause, what);
  }
}

/**
 * Opens the file. O_NONBLOCK, because a FIFO is no namespace, and must not keep a thread of the pool waiting. `fs` has
 * to close what `fs` has opened (see `adopt` in types/native.d.ts), so the handle gets a copy.
 */
function openFile(path: string, step: string): Promise<number> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  return new Promise((resolve, reject) => {
    open(path, flags, (error, fd) => {
      if (error !== null) {
        reject(systemError(error, { step, operation: 'open', path }));
        return;
      }
      try {
        resolve(native().duplicate(fd));
      } catch (cause) {
        reject(systemError(cause, { step, operation: 'open', path }));
      } finally {
        close(fd, () => undefined);
      }
    });
  });
}

/** The error of a file that is no namespace. The kernel answers ENOTTY where a file does not know the ioctl. */
function notANamespace(cause: unknown, step: string, path: string | undefined): Error {
  if (isUnknown(cause)) return unsupported(cause, { step, operation: 'open', path });
  const { errno, syscall } = cause as { errno?: number; syscall?: string };
  if (errno === undefined || errno === Errno.EBADF) return systemError(cause, { step, operation: 'open', path });
  const hint = explain({ operation: 'open', errno: Errno.ENOTTY, syscall: 'ioctl', path });
  return new NamespaceError({ errno: Errno.EINVAL, syscall, path, step, hint });
}
