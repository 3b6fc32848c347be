import type { NamespaceKind } from '../kernel/namespace-kind';
import { inspectAs } from '../handle/inspect';
import type { DiscoveredNamespace } from './namespace';

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
