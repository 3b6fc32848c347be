import { Errno } from '../kernel/errno';
import { inspectAs } from '../handle/inspect';
import { NamespaceError } from '../errors/namespace-error';
import type { NamespaceKind } from '../kernel/namespace-kind';
import type { Namespace } from '../namespace/namespace';
import type * as handles from '../namespace/namespace';

/** A descriptor of a namespace, or a socket that lives in one. */
export interface DescriptorReference {
  /** The process that has it open. */
  readonly process: DiscoveredProcess;
  /** The number of the descriptor in that process. */
  readonly fd: number;
}

/** A bind mount of a namespace. */
export interface MountReference {
  /** The mount point, as the processes in that mount namespace see it. */
  readonly mountPoint: string;
  /** The mount namespace that the mount is in; undefined where that was not found. */
  readonly in: DiscoveredNamespace | undefined;
  /** One of the processes that see the mount; undefined where this process itself does. */
  readonly process: DiscoveredProcess | undefined;
  /**
   * A path that opens the namespace from here; undefined when no path does, because another mount covers it or lies
   * above it. The path may lead through the `/proc/PID/root` of another process, which may have put links on the way by
   * now. {@link DiscoveredNamespace.open} makes sure that it opens a namespace, and this one.
   */
  readonly path: string | undefined;
}

/** A namespace that {@link discover} has found, with the known facts and everything that refers to it. */
export class DiscoveredNamespace {
  static {
    inspectAs(this, (namespace) => ({ [String(namespace)]: true }));
  }

  /** The kind of the namespace. */
  readonly kind: NamespaceKind;
  /** The inode number. Together with the kind it identifies the namespace as long as that exists. */
  readonly id: bigint;
  /** A number that no other namespace has until the next boot; undefined before Linux 6.18. */
  readonly uniqueId: bigint | undefined;
  /**
   * The user namespace that owns it; for a user namespace its parent. Undefined where this process may not see that
   * one, and without `hierarchy`.
   */
  readonly owner: DiscoveredNamespace | undefined;
  /**
   * The namespace that a user or pid namespace was created in; undefined for other kinds, and where this process may
   * not see it.
   */
  readonly parent: DiscoveredNamespace | undefined;
  /** The namespaces that were created in this user or pid namespace; empty for other kinds. */
  readonly children: readonly DiscoveredNamespace[] = [];
  /** The namespaces of other kinds that this user namespace owns; empty for other kinds. */
  readonly owned: readonly DiscoveredNamespace[] = [];
  /** The effective uid of the creator of this user namespace; undefined for other kinds. */
  readonly ownerUid: number | undefined;
  /** The name of the user with `ownerUid`. */
  readonly ownerUser: string | undefined;
  /**
   * The id of this network namespace in the network namespace of this process (`ip-netns(8)`); null when it has none,
   * undefined for other kinds and when the id was not looked up.
   */
  readonly networkId: number | null | undefined;
  /** The processes in it, in ascending order of pid. */
  readonly processes: readonly DiscoveredProcess[] = [];
  /** Threads in it whose process is in another namespace. */
  readonly tasks: readonly DiscoveredTask[] = [];
  /** The processes outside of this pid or time namespace whose future children will be in it; empty for other kinds. */
  readonly forChildren: readonly DiscoveredProcess[] = [];
  /** The descriptors by which processes have it open. */
  readonly descriptors: readonly DescriptorReference[] = [];
  /** The sockets in this network namespace that processes outside of it hold; empty for other kinds. */
  readonly sockets: readonly DescriptorReference[] = [];
  /** The bind mounts of it. */
  readonly mounts: readonly MountReference[] = [];

  /** @internal */
  constructor(kind: NamespaceKind, id: bigint) {
    this.kind = kind;
    this.id = id;
    this.uniqueId = undefined;
    this.owner = undefined;
    this.parent = undefined;
    this.ownerUid = undefined;
    this.ownerUser = undefined;
    this.networkId = undefined;
  }

  /** The oldest process in it; in a pid namespace usually its init. Undefined where there is none. */
  get leader(): DiscoveredProcess | undefined {
    return this.processes.reduce<DiscoveredProcess | undefined>(
      (oldest, each) => (oldest === undefined || each.startTime < oldest.startTime ? each : oldest),
      undefined,
    );
  }

  /**
   * The first path that opens it; undefined when no path does, for example when only a socket or its descendants keep
   * it alive.
   */
  get path(): string | undefined {
    return pathsOf(this).next().value ?? undefined;
  }

  /**
   * Opens the namespace, by the first of its paths that still leads to it, or else by a socket. The caller closes the
   * handle.
   *
   * @throws NamespaceError `ENOENT` when no path or socket leads to it any more
   */
  async open(): Promise<Namespace> {
    for (const open of waysTo(this)) {
      const opened = await open().catch(() => undefined);
      if (opened?.kind === this.kind && opened.id === this.id) return opened;
      await opened?.close();
    }
    const message = 'nothing that was seen leads to it any more';
    throw new NamespaceError({
      code: 'ENOENT',
      errno: Errno.ENOENT,
      message,
      step: `open ${String(this)}`,
      kind: this.kind,
    });
  }

  /** The text that the links of `/proc/PID/ns` have: `'net:[4026531840]'`. */
  toString(): string {
    return `${this.kind}:[${this.id}]`;
  }

  /**
   * The plain data for `JSON.stringify()`. It has the ids of other namespaces and the pids of processes, so that
   * nothing is nested without end.
   */
  toJSON(): object {
    const { kind, owner, parent, uniqueId, ownerUid, ownerUser, networkId, path } = this;
    const idOf = (namespace: DiscoveredNamespace | undefined) =>
      namespace === undefined ? undefined : Number(namespace.id);
    return {
      ...{ kind, id: Number(this.id), uniqueId: uniqueId?.toString(), owner: idOf(owner), parent: idOf(parent) },
      ...{ children: this.children.map(idOf), ownerUid, ownerUser, networkId, path, leader: this.leader?.pid },
      processes: this.processes.map(({ pid }) => pid),
      tasks: this.tasks.map(({ process, tid }) => ({ pid: process.pid, tid })),
      forChildren: this.forChildren.map(({ pid }) => pid),
      descriptors: this.descriptors.map(({ process, fd }) => ({ pid: process.pid, fd })),
      sockets: this.sockets.map(({ process, fd }) => ({ pid: process.pid, fd })),
      mounts: this.mounts.map((mount) => ({
        ...{ mountPoint: mount.mountPoint, in: idOf(mount.in), pid: mount.process?.pid, path: mount.path },
      })),
    };
  }
}

function* waysTo(namespace: DiscoveredNamespace): Generator<() => Promise<Namespace>, undefined> {
  // Who only lists namespaces does not load what opens them, and starts tasks.
  const { Namespace: Handle } = require('../namespace/namespace') as typeof handles;
  for (const path of pathsOf(namespace)) yield () => Handle.open(path);
  for (const { process, fd } of namespace.sockets) yield () => Handle.ofSocket(process.pid, fd);
}

/**
 * The paths of a namespace. Those that are likely to last longest come first, and a path of this process's own mounts
 * comes before the others.
 */
function* pathsOf(namespace: DiscoveredNamespace): Generator<string, undefined> {
  const { kind, leader, tasks, forChildren, descriptors, mounts } = namespace;
  if (leader !== undefined) yield `/proc/${leader.pid}/ns/${kind}`;
  for (const { process, path } of mounts) if (process === undefined && path !== undefined) yield path;
  for (const { process, tid } of tasks) yield `/proc/${process.pid}/task/${tid}/ns/${kind}`;
  for (const { pid } of forChildren) yield `/proc/${pid}/ns/${kind}_for_children`;
  for (const { process, fd } of descriptors) yield `/proc/${process.pid}/fd/${fd}`;
  for (const { process, path } of mounts) if (process !== undefined && path !== undefined) yield path;
}

/** The namespaces of a process or a thread, by kind, as far as they may be read and were looked for. */
export type NamespacesByKind = Readonly<Partial<Record<NamespaceKind, DiscoveredNamespace>>>;

/** A process that {@link discover} has seen. */
export class DiscoveredProcess {
  static {
    inspectAs(this, ({ pid, command, name }) => ({ pid, command: command ?? name }));
  }

  /** The pid, as this process sees it. Together with `startTime` it is unique. */
  readonly pid: number;
  /** The pid of its parent; 0 if that cannot be seen from here. */
  readonly ppid: number;
  /** The parent, if that was found too. */
  readonly parent: DiscoveredProcess | undefined;
  /** The children, in ascending order of pid. */
  readonly children: readonly DiscoveredProcess[] = [];
  /** The owner of its files in /proc: its effective uid, or 0 when it is not dumpable (`proc(5)`). */
  readonly uid: number;
  /** The name of the user with `uid`; undefined where the host has none, and without `users`. */
  readonly user: string | undefined;
  /** The state, one letter of `proc_pid_stat(5)`: R, S, D, Z, … */
  readonly state: string;
  /** The time at which it was started, in clock ticks (100 a second) after boot. */
  readonly startTime: number;
  /** The `comm` of the process, usually at most 15 bytes. The process sets it: it may contain anything. */
  readonly name: string;
  /**
   * The command line, or the name where there is no command line; undefined where it was not requested. The process
   * sets it: it may contain anything, control characters included.
   */
  readonly command: string | undefined;
  /** The namespaces that it is in. Empty when they may not be read. */
  readonly namespaces: NamespacesByKind;
  /** The threads that are in other namespaces than their process. */
  readonly tasks: readonly DiscoveredTask[] = [];

  /** @internal */
  constructor(facts: Pick<DiscoveredProcess, 'pid' | 'ppid' | 'uid' | 'state' | 'startTime' | 'name' | 'command'>) {
    this.pid = facts.pid;
    this.ppid = facts.ppid;
    this.parent = undefined;
    this.uid = facts.uid;
    this.user = undefined;
    this.state = facts.state;
    this.startTime = facts.startTime;
    this.name = facts.name;
    this.command = facts.command;
    this.namespaces = {};
  }

  /** The pid and the command line: `'1234 sleep 1000'`. */
  toString(): string {
    return `${this.pid} ${this.command ?? this.name}`;
  }

  /** The plain data for `JSON.stringify()`, with the pids of other processes and the ids of namespaces. */
  toJSON(): object {
    const { pid, ppid, uid, user, state, startTime, name, command } = this;
    const tasks = this.tasks.map((task) => task.toJSON());
    return { pid, ppid, uid, user, state, startTime, name, command, namespaces: idsOf(this.namespaces), tasks };
  }
}

/** A thread that is in other namespaces than its process: it has called unshare(2) or setns(2). */
export class DiscoveredTask {
  static {
    inspectAs(this, ({ process, tid, name }) => ({ pid: process.pid, tid, name }));
  }

  /** The process that the thread belongs to. */
  readonly process: DiscoveredProcess;
  /** The thread id, as this process sees it. */
  readonly tid: number;
  /** The time at which it was started, in clock ticks (100 a second) after boot. */
  readonly startTime: number;
  /** The name of the thread, which the thread sets: it may contain anything. */
  readonly name: string;
  /** All namespaces that the thread is in, also those that it shares with its process. */
  readonly namespaces: NamespacesByKind;

  /** @internal */
  constructor(process: DiscoveredProcess, facts: Pick<DiscoveredTask, 'tid' | 'startTime' | 'name'>) {
    this.process = process;
    this.tid = facts.tid;
    this.startTime = facts.startTime;
    this.name = facts.name;
    this.namespaces = {};
  }

  /** The pid of its process, its thread id and its name: `'812/815 worker'`. */
  toString(): string {
    return `${this.process.pid}/${this.tid} ${this.name}`;
  }

  /** The plain data for `JSON.stringify()`, with the ids of namespaces. */
  toJSON(): object {
    const { tid, startTime, name } = this;
    return { tid, startTime, name, namespaces: idsOf(this.namespaces) };
  }
}

function idsOf(namespaces: NamespacesByKind): Record<string, number> {
  return Object.fromEntries(Object.entries(namespaces).map(([kind, { id }]) => [kind, Number(id)]));
}
