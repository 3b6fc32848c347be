import { Errno } from '../kernel/errno';
import { inspectAs } from '../handle/inspect';
import { NamespaceError } from '../errors/namespace-error';
import type { NamespaceKind } from '../kernel/namespace-kind';
import { Namespace } from '../namespace/namespace';

/** A descriptor of a namespace, or a socket that lives in one. */
export interface DescriptorReference {
  /** Who has it open. */
  readonly process: DiscoveredProcess;
  /** Its number in that process. */
  readonly fd: number;
}

/** A bind mount of a namespace. */
export interface MountReference {
  /** Where, as the processes there see it. */
  readonly mountPoint: string;
  /** The mount namespace it is in. */
  readonly in: DiscoveredNamespace | undefined;
  /** One of the processes that see it; undefined for this process itself. */
  readonly process: DiscoveredProcess | undefined;
  /**
   * A path that opens the namespace from here; undefined when none does: another mount covers it, or lies above it.
   * Where it leads through the `/proc/PID/root` of another process, that process may have put links on the way by now:
   * {@link DiscoveredNamespace.open} makes sure that what it opens is a namespace, and this one.
   */
  readonly path: string | undefined;
}

/** A namespace that {@link discover} has found, what is known of it and all that refers to it. */
export class DiscoveredNamespace {
  static {
    inspectAs(this, (namespace) => ({ [String(namespace)]: true }));
  }

  /** Its kind. */
  readonly kind: NamespaceKind;
  /** Its inode number: with its kind its identity, as long as it exists. */
  readonly id: bigint;
  /** A number that no other namespace ever has until the next boot; undefined before Linux 6.18. */
  readonly uniqueId: bigint | undefined;
  /**
   * The user namespace that owns it; of a user namespace, its parent. Undefined when that is outside of what this
   * process may see, and without `hierarchy`.
   */
  readonly owner: DiscoveredNamespace | undefined;
  /** Of a user or pid namespace: the one it was created in, where that may be seen. */
  readonly parent: DiscoveredNamespace | undefined;
  /** Of a user or pid namespace: those created in it. */
  readonly children: readonly DiscoveredNamespace[] = [];
  /** Of a user namespace: the namespaces of other kinds that it owns. */
  readonly owned: readonly DiscoveredNamespace[] = [];
  /** Of a user namespace: the effective uid of its creator. */
  readonly ownerUid: number | undefined;
  /** The name of `ownerUid`. */
  readonly ownerUser: string | undefined;
  /**
   * Of a network namespace: its id in the network namespace of this process (`ip-netns(8)`); null when it has none,
   * undefined when that was not looked up.
   */
  readonly networkId: number | null | undefined;
  /** The processes in it, ascending by pid. */
  readonly processes: readonly DiscoveredProcess[] = [];
  /** Threads in it whose process is in another namespace. */
  readonly tasks: readonly DiscoveredTask[] = [];
  /** Of a pid or time namespace: processes outside of it whose future children will be in it. */
  readonly forChildren: readonly DiscoveredProcess[] = [];
  /** Who has it open. */
  readonly descriptors: readonly DescriptorReference[] = [];
  /** Of a network namespace: sockets in it that processes outside of it hold. */
  readonly sockets: readonly DescriptorReference[] = [];
  /** Where it is mounted. */
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

  /** The oldest process in it: of a pid namespace usually its init. */
  get leader(): DiscoveredProcess | undefined {
    return this.processes.reduce<DiscoveredProcess | undefined>(
      (oldest, each) => (oldest === undefined || each.startTime < oldest.startTime ? each : oldest),
      undefined,
    );
  }

  /** The first path that opens it; undefined when only a socket or its descendants keep it alive. */
  get path(): string | undefined {
    return pathsOf(this).next().value ?? undefined;
  }

  /**
   * Opens it, by the first of its paths that still leads to it, or else by a socket.
   *
   * @throws NamespaceError `ENOENT` when none does
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

  /** As the links of `/proc/PID/ns` read: `'net:[4026531840]'`. */
  toString(): string {
    return `${this.kind}:[${this.id}]`;
  }

  /** Other namespaces by their ids, processes by their pids: nothing in it is nested without end. */
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
  for (const path of pathsOf(namespace)) yield () => Namespace.open(path);
  for (const { process, fd } of namespace.sockets) yield () => Namespace.ofSocket(process.pid, fd);
}

/** What is likely to last first, and what is ours before what is others'. */
function* pathsOf(namespace: DiscoveredNamespace): Generator<string, undefined> {
  const { kind, leader, tasks, forChildren, descriptors, mounts } = namespace;
  if (leader !== undefined) yield `/proc/${leader.pid}/ns/${kind}`;
  for (const { process, path } of mounts) if (process === undefined && path !== undefined) yield path;
  for (const { process, tid } of tasks) yield `/proc/${process.pid}/task/${tid}/ns/${kind}`;
  for (const { pid } of forChildren) yield `/proc/${pid}/ns/${kind}_for_children`;
  for (const { process, fd } of descriptors) yield `/proc/${process.pid}/fd/${fd}`;
  for (const { process, path } of mounts) if (process !== undefined && path !== undefined) yield path;
}

/** By kind, the namespaces that something is in, as far as they may be read and were looked for. */
export type NamespacesByKind = Readonly<Partial<Record<NamespaceKind, DiscoveredNamespace>>>;

/** A process that {@link discover} has seen. */
export class DiscoveredProcess {
  static {
    inspectAs(this, ({ pid, command, name }) => ({ pid, command: command ?? name }));
  }

  /** Its pid, as this process sees it. Together with `startTime` it is unique. */
  readonly pid: number;
  /** The pid of its parent; 0 if that cannot be seen from here. */
  readonly ppid: number;
  /** Its parent, if that was seen too. */
  readonly parent: DiscoveredProcess | undefined;
  /** Ascending by pid. */
  readonly children: readonly DiscoveredProcess[] = [];
  /** The owner of its files in /proc: its effective uid, or 0 when it is not dumpable (`proc(5)`). */
  readonly uid: number;
  /** The name of `uid`, where the host knows one and `users` was not switched off. */
  readonly user: string | undefined;
  /** One letter of `proc_pid_stat(5)`: R, S, D, Z, … */
  readonly state: string;
  /** When it was started, in clock ticks (100 a second) after boot. */
  readonly startTime: number;
  /** Its `comm`, usually at most 15 bytes. The process sets it: it may contain anything. */
  readonly name: string;
  /**
   * Its command line, or its name if there is none; undefined when not asked for. The process sets it: it may contain
   * anything, control characters included.
   */
  readonly command: string | undefined;
  /** The namespaces it is in. Empty when they may not be read. */
  readonly namespaces: NamespacesByKind;
  /** Those of its threads that are in other namespaces than it is. */
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

  /** `'1234 sleep 1000'` */
  toString(): string {
    return `${this.pid} ${this.command ?? this.name}`;
  }

  /** Other processes by their pids, namespaces by their ids. */
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

  /** Whose thread it is. */
  readonly process: DiscoveredProcess;
  /** Its thread id, as this process knows it. */
  readonly tid: number;
  /** In clock ticks after boot. */
  readonly startTime: number;
  /** Its name; anything may be in it. */
  readonly name: string;
  /** All that it is in, those it shares with its process too. */
  readonly namespaces: NamespacesByKind;

  /** @internal */
  constructor(process: DiscoveredProcess, facts: Pick<DiscoveredTask, 'tid' | 'startTime' | 'name'>) {
    this.process = process;
    this.tid = facts.tid;
    this.startTime = facts.startTime;
    this.name = facts.name;
    this.namespaces = {};
  }

  /** Its process, itself and its name: `'812/815 worker'`. */
  toString(): string {
    return `${this.process.pid}/${this.tid} ${this.name}`;
  }

  /** Namespaces by their ids. */
  toJSON(): object {
    const { tid, startTime, name } = this;
    return { tid, startTime, name, namespaces: idsOf(this.namespaces) };
  }
}

function idsOf(namespaces: NamespacesByKind): Record<string, number> {
  return Object.fromEntries(Object.entries(namespaces).map(([kind, { id }]) => [kind, Number(id)]));
}
