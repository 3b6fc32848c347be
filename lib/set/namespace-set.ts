import { OURS, mustBeOurs } from '../errors/illegal-constructor';
import { constants } from 'node:fs';
import type { Step } from '../../types/native';
import { type Bytes, copyText } from '../errors/bytes';
import { NamespaceError, closedError } from '../errors/namespace-error';
import { boolean, schema } from '../errors/schema';
import { validateOneOf, validatePath } from '../errors/validate';
import { closeFd } from '../handle/close';
import { knownKinds } from '../launch/join';
import type { Results, Task } from '../task/task';
import type { Propagation } from '../kernel/propagation';
import { run } from '../launch/launch';
import { utsName } from '../launch/unshare-spec';
import { type DetachedMount, type OpenTreeOptions, fsmountIn, openTreeIn } from '../mount/detached';
import { type FilesystemSpec, type MountOptions, mountIn } from '../mount/mount';
import { type MountInfo, mountinfoIn } from '../mount/mountinfo';
import { type PropagationOptions, propagationStep } from '../mount/propagation';
import { type UmountOptions, umountIn } from '../mount/umount';
import { type ProgramPlace, Programs, UNCONFINED } from '../process/programs';
import { type NamespaceProcess, taskOf } from '../process/namespace-process';
import { Descriptor } from '../handle/descriptor';
import { closeWhenForgotten, notForgotten } from '../handle/forgotten';
import { inspectAs } from '../handle/inspect';
import { NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import { type Namespace, wrap } from '../namespace/namespace';
import { CALL, type CallOptions } from './call-options';
import { type ReadFileOptions, readOptions } from './read-options';
import { makeStep } from '../plan/step';

/** Options of {@link NamespaceSet.writeFile}. */
export interface WriteFileOptions extends CallOptions {
  /**
   * True creates the file if it does not exist, with mode 0666 without the bits of the umask. Default: false, as
   * sysctls always exist.
   */
  create?: boolean | undefined;
}

/** The most bytes to write: a plan has room for 16 MiB, and the data must leave some of it for the rest. */
const MAX_WRITE = 15 * 1024 * 1024;

const parseWrite = schema<WriteFileOptions>()({ ...CALL.checks, create: boolean });

/** The things that a set owns. */
interface Possessions {
  descriptors: readonly Descriptor[];
  /** The holder: the init of the set's pid namespace, or the task that has made its namespaces and is ending. */
  task: Task | undefined;
  /** Functions that close other things together with the set: see {@link NamespaceSet.closeAlong}. */
  dependents: Set<() => Promise<void>>;
}

let construct: (owned: Possessions) => NamespaceSet;

/**
 * Namespaces to run programs in, at most one of each kind. The set keeps them alive. `unshare()` and `setns()` make
 * one.
 *
 * A set with a new pid namespace has an init, `nsinit`: a small process that reaps orphans and ends with the set, or
 * with this process. A set does not keep Node running.
 *
 * Close it, or declare it with `await using`. A set that is forgotten is closed when it is collected as garbage, with a
 * process warning (`LINUX_NS_UNCLOSED`). The set owns its {@link Namespace} objects, and closes them. As long as one of
 * them is in use, the set is not collected.
 *
 * @example
 * ```ts
 * const set = await unshare(['user', 'net', 'uts']);
 * await set.setHostname('inside');
 * console.log((await set.execFile('hostname')).stdout); // 'inside\n'
 * await set.close();
 * ```
 */
export class NamespaceSet extends Programs implements Iterable<Namespace>, AsyncDisposable {
  static {
    construct = (owned) => new NamespaceSet(OURS, owned);
    inspectAs(this, (set) => ({
      ...Object.fromEntries([...set.#members.values()].map((member) => [String(member), true])),
      init: set.init,
      closed: set.closed,
    }));
  }

  readonly #members: ReadonlyMap<NamespaceKind, Namespace>;
  readonly #task: Task | undefined;
  readonly #dependents: Set<() => Promise<void>>;
  #closing: Promise<unknown> | undefined;

  private constructor(key: symbol, owned: Possessions) {
    super();
    mustBeOurs(key, 'await unshare() or setns()');
    const members = owned.descriptors.map((descriptor) => wrap(descriptor, this));
    const inOrder = members.sort((a, b) => NAMESPACE_KINDS.indexOf(a.kind) - NAMESPACE_KINDS.indexOf(b.kind));
    this.#members = new Map(inOrder.map((member) => [member.kind, member]));
    this.#task = owned.task;
    this.#dependents = owned.dependents;
    closeWhenForgotten(this, `A NamespaceSet (${inOrder.map(String).join(' ')})`, owned, release);
  }

  /** Its user namespace, if it has one. */
  get user(): Namespace | undefined {
    return this.#members.get('user');
  }

  /** Its mount namespace, if it has one. */
  get mnt(): Namespace | undefined {
    return this.#members.get('mnt');
  }

  /** Its network namespace, if it has one. */
  get net(): Namespace | undefined {
    return this.#members.get('net');
  }

  /** Its pid namespace, if it has one. */
  get pid(): Namespace | undefined {
    return this.#members.get('pid');
  }

  /** Its UTS namespace, if it has one. */
  get uts(): Namespace | undefined {
    return this.#members.get('uts');
  }

  /** Its IPC namespace, if it has one. */
  get ipc(): Namespace | undefined {
    return this.#members.get('ipc');
  }

  /** Its cgroup namespace, if it has one. */
  get cgroup(): Namespace | undefined {
    return this.#members.get('cgroup');
  }

  /** Its time namespace, if it has one. */
  get time(): Namespace | undefined {
    return this.#members.get('time');
  }

  /** Its namespace of a kind, if it has one. */
  get(kind: NamespaceKind): Namespace | undefined {
    validateOneOf('kind', kind, NAMESPACE_KINDS);
    return this.#members.get(kind);
  }

  /** Its namespaces, in the alphabetical order of their kinds. @throws NamespaceError `ERR_LINUX_NS_CLOSED` */
  [Symbol.iterator](): IterableIterator<Namespace> {
    this.#mustBeOpen();
    return this.#members.values();
  }

  /**
   * The pid, as this process sees it, of the init that keeps the set's pid namespace alive. Undefined when the set has
   * created no pid namespace, when it is closed, and when the init has ended: no process can then be started in the
   * namespace any more.
   */
  get init(): number | undefined {
    if (this.closed || this.#task === undefined || this.#task.pidfd === -1) return undefined;
    return this.#task.initPid === 0 ? undefined : this.#task.initPid;
  }

  /** True as soon as `close()` has been called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Sets the hostname of its UTS namespace: sethostname(2).
   *
   * @param name - at most 64 bytes
   * @throws NamespaceError `ERR_LINUX_NS_NO_SUCH_KIND` when the set has no UTS namespace; `EPERM` without CAP_SYS_ADMIN
   * in the user namespace that owns it
   */
  async setHostname(name: string): Promise<void> {
    await this.#do('uts', 'set hostname', ['hostname', utsName('name', name)]);
  }

  /** Sets the NIS domain name of its UTS namespace: setdomainname(2). See {@link NamespaceSet.setHostname}. */
  async setDomainname(name: string): Promise<void> {
    await this.#do('uts', 'set domainname', ['domainname', utsName('name', name)]);
  }

  /**
   * Mounts in its mount namespace, as the function {@link mount} does in this process's. Relative paths start at the
   * root of that namespace. It needs CAP_SYS_ADMIN in the user namespace that owns the mount namespace. If the set has
   * that user namespace, no other privilege is needed.
   *
   * @throws NamespaceError `ERR_LINUX_NS_NO_SUCH_KIND` when the set has no mount namespace
   */
  async mount(options: MountOptions): Promise<void> {
    this.#mustHave('mnt', 'mount');
    // All namespaces are joined, as a proc, a sysfs or an mqueue shows the pid, network or IPC namespace of the task
    // that mounts it.
    await mountIn({ join: [...this] }, options, asGiven);
  }

  /**
   * Unmounts in its mount namespace, as the function {@link umount} does in this process's. See
   * {@link NamespaceSet.mount}.
   */
  async umount(path: string, options: UmountOptions = {}): Promise<void> {
    this.#mustHave('mnt', 'umount');
    await umountIn({ join: this.#withUser('mnt') }, path, options, asGiven, () => this.mountinfo());
  }

  /**
   * Changes the propagation of a mount in its mount namespace, as the function {@link setPropagation} does in this
   * process's.
   */
  async setPropagation(path: string, propagation: Propagation, options: PropagationOptions = {}): Promise<void> {
    await this.#do('mnt', 'set propagation', propagationStep(path, propagation, options, asGiven));
  }

  /**
   * Makes another mount the root of its mount namespace: pivot_root(2). Programs inside whose root is the old one get
   * the new one, and so do those that are started later.
   *
   * @param newRoot - a mount point; a directory becomes one by a bind mount onto itself
   * @param putOld - a directory at or below `newRoot`, where the old root is mounted. Default: it is unmounted, lazily
   * @throws NamespaceError `EINVAL` when `newRoot` is no mount point, or it or its parent are shared; `EPERM`,
   * `ENOENT`, …
   *
   * @example
   * ```ts
   * await set.mount({ bind: true, recursive: true, source: '/srv/alpine', target: '/srv/alpine' });
   * await set.pivotRoot('/srv/alpine');
   * ```
   */
  async pivotRoot(newRoot: string, putOld?: string): Promise<void> {
    const path = validatePath('newRoot', newRoot);
    const old = putOld === undefined ? null : validatePath('putOld', putOld);
    await this.#do('mnt', 'pivot_root', makeStep('pivot_root', { newRoot: path, putOld: old }));
  }

  /**
   * Makes a detached copy of a mount in its mount namespace, as the function {@link openTree} does in this process's.
   */
  async openTree(path: string, options: OpenTreeOptions = {}): Promise<DetachedMount> {
    this.#mustHave('mnt', 'open tree');
    return openTreeIn({ join: this.#withUser('mnt') }, path, options, asGiven);
  }

  /**
   * Makes a detached mount of a new filesystem with the privileges that the set has, as the function {@link fsmount}
   * does with this process's.
   */
  async fsmount(spec: FilesystemSpec): Promise<DetachedMount> {
    this.#mustHave('mnt', 'fsmount');
    return fsmountIn({ join: [...this] }, spec, asGiven);
  }

  /**
   * Lists the mounts of its mount namespace, as the function {@link mountinfo} lists those of a process. See
   * {@link NamespaceSet.mount}.
   */
  async mountinfo(): Promise<MountInfo[]> {
    this.#mustHave('mnt', 'read mountinfo');
    return mountinfoIn({ join: this.#withUser('mnt') }, this.mnt?.fd ?? -1);
  }

  /**
   * Writes a file as a process inside would: a sysctl of its network namespace, for example. Short data goes in one
   * write(2). An existing file is emptied first. The data is text or bytes, at most 15 MiB; it is copied at once. Links
   * are followed, but in a mount namespace of the set not the links of /proc to the open files of a process
   * (`/proc/PID/root`): `ELOOP`.
   *
   * @example
   * ```ts
   * await set.writeFile('/proc/sys/net/ipv4/ip_forward', '1');
   * ```
   */
  async writeFile(path: string, data: string | Bytes, options: WriteFileOptions = {}): Promise<void> {
    const file = validatePath('path', path);
    const contents = copyText('data', data, MAX_WRITE);
    const { create = false, signal } = parseWrite('options', options);
    const flags = constants.O_WRONLY | constants.O_TRUNC | (create ? constants.O_CREAT : 0);
    await this.#run(['write_file', file, flags, contents], signal);
  }

  /**
   * Reads a file as a process inside would. It follows links as {@link NamespaceSet.writeFile} does.
   *
   * @throws NamespaceError `EFBIG` when it has more bytes than `maxBytes`
   */
  async readFile(
    path: string,
    options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding }),
  ): Promise<string>;
  async readFile(path: string, options?: (ReadFileOptions & { encoding?: null | undefined }) | null): Promise<Buffer>;
  async readFile(path: string, options?: BufferEncoding | ReadFileOptions | null): Promise<string | Buffer> {
    const file = validatePath('path', path);
    const { encoding, maxBytes, signal } = readOptions(options);
    const { data } = await this.#run(['read_file', file, maxBytes], signal);
    return encoding === undefined ? data : data.toString(encoding);
  }

  /**
   * Closes its handles and ends its init, and with that all processes of its pid namespace. Resolves when that is done.
   * Processes that are only in its other namespaces continue. Calling it again changes nothing.
   */
  async close(): Promise<void> {
    notForgotten(this);
    const owned = { descriptors: [], task: this.#task, dependents: this.#dependents };
    // The handles are closed while the init ends. The kernel removes a namespace when nothing refers to it any more.
    this.#closing ??= Promise.all([release(owned), ...[...this.#members.values()].map((member) => member.close())]);
    await this.#closing;
  }

  /** Calls {@link NamespaceSet.close}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Registers a function that closes something together with this set, also when the set is forgotten. The function
   * must not refer to the set.
   *
   * @returns a function to call when the thing has been closed by itself
   * @internal
   */
  closeAlong(close: () => Promise<void>): () => void {
    this.#mustBeOpen();
    this.#dependents.add(close);
    return () => this.#dependents.delete(close);
  }

  /**
   * Runs a step that acts on a namespace of one kind. The set must have that kind, or the step would act on the host's.
   */
  async #do(kind: NamespaceKind, what: string, step: Step): Promise<Results> {
    this.#mustHave(kind, what);
    return run({ join: this.#withUser(kind) }, [step]);
  }

  /** Its namespace of a kind, and its user namespace, which gives the privileges in that. */
  #withUser(kind: NamespaceKind): Namespace[] {
    return [...this].filter((member) => member.kind === kind || member.kind === 'user');
  }

  /** @internal */
  protected override programPlace(): ProgramPlace {
    return { setns: this, confinement: UNCONFINED, closeAlong: (close) => this.closeAlong(close) };
  }

  async #run(step: Step, signal: AbortSignal | undefined): Promise<Results> {
    return run({ join: [...this] }, [step], signal);
  }

  #mustHave(kind: NamespaceKind, what: string): void {
    this.#mustBeOpen();
    if (this.#members.has(kind)) return;
    const message = `This NamespaceSet has no ${kind} namespace, and the host's is not meant`;
    throw new NamespaceError({ code: 'ERR_LINUX_NS_NO_SUCH_KIND', message, kind, step: what });
  }

  #mustBeOpen(): void {
    if (this.closed) throw closedError('This NamespaceSet');
  }
}

/**
 * Makes a set of the namespaces that the descriptors refer to, with the task that holds them. The set owns the
 * descriptors and the task from then on. On failure they are closed, and not given back to the caller.
 */
export function setOf(fds: readonly number[], task?: Task): NamespaceSet {
  const owned: Possessions = { descriptors: fds.map((fd) => new Descriptor(fd)), task, dependents: new Set() };
  try {
    return construct(owned);
  } catch (error) {
    void release(owned);
    throw error;
  }
}

/** Opens namespaces of a task of ours. The caller owns the descriptors. */
export function openAll(task: Task, kinds: readonly NamespaceKind[]): number[] {
  const fds: number[] = [];
  try {
    for (const kind of kinds) fds.push(task.namespace(kind));
    return fds;
  } catch (error) {
    for (const fd of fds) closeFd(fd);
    throw error;
  }
}

/** Makes a set of all namespaces that a program is in. The descriptors are opened at once, and the set owns them. */
export function namespacesOf(child: NamespaceProcess): NamespaceSet {
  return setOf(openAll(taskOf(child), knownKinds()));
}

/** Ends the holder and waits for its end. The descriptors are closed meanwhile, without blocking the event loop. */
async function release({ descriptors, task, dependents }: Possessions): Promise<void> {
  const closed = [...descriptors.map((descriptor) => descriptor.close()), ...[...dependents].map((close) => close())];
  task?.ref();
  task?.end();
  await task?.exited;
  await Promise.all(closed);
}

/** Leaves a path inside as it is: this process's working directory means nothing there. */
function asGiven(path: string): string {
  return path;
}
