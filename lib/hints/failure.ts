import type { NamespaceKind } from '../kernel/namespace-kind';
import type { HostFiles } from '../kernel/host-files';

/** A failed operation in the kernel's terms, from which a hint is found. */
export interface Failure {
  /**
   * The name of the operation in the kernel's words. It is a step of a plan (`'join'`, `'fork'`, `'unshare'`, `'time'`,
   * `'hostname'`, `'mount'`, `'exec'`, …); `'clone'`, the clone3 of the new task; `'uid_map'`, `'gid_map'`,
   * `'setgroups'`, the writes to /proc/PID/…; `'newuidmap'`, `'newgidmap'`; `'open'`, `'persist'`, `'exec-nsinit'`;
   * `'unshareSync'`, `'setnsSync'`, which act on a thread of Node itself.
   */
  operation: string;
  /** The kernel's error number, positive. */
  errno: number;
  /** The system call: `'clone3'`, `'setns'`, `'write'`, `'mount'`, `'execve'`, … */
  syscall: string;
  path?: string | undefined;
  /** The kind of namespace concerned, when known. */
  kind?: NamespaceKind | undefined;
  /** The kinds of the new namespaces of this launch: more than `kind` where one of them is made after the others. */
  kinds?: readonly NamespaceKind[] | undefined;
  /** The kinds of the existing namespaces that the task was to work in: those of the set it joined. */
  joined?: readonly NamespaceKind[] | undefined;
  /**
   * True where this process's user has created the user namespace that was joined; undefined where that is not known.
   */
  createdByCaller?: boolean | undefined;
  /** The number of levels that the joined namespace of that kind (user or pid) lies below Node's own, when known. */
  depth?: number | undefined;
  /**
   * A detail that nsinit found out. For exec: `'interpreter:/bin/nosuch'`, `'directory'`, `'not-executable'`,
   * `'noexec'`, `'refused'`, or `'filtered'` with a filter of system calls. For a socket: the scope of its address. For
   * join: the flag of the kind that was refused. For fs, overlay and reconfigure: the kernel's own words. For tree:
   * `'idmap'` if an id-mapped mount was asked for. For a path that leads to something else than it should: the thing
   * that is in the way, as in `'file /a/b'`.
   */
  detail?: string | undefined;
  /** For a socket: the address that it was to bind or connect to. */
  address?: string | undefined;
  port?: number | undefined;
  /** The program that was asked for. Without a slash it was searched for in PATH, and `path` is the place. */
  file?: string | undefined;
  /** The source of the mount; for an overlay, its upper layer. */
  source?: string | undefined;
  /** The source of the mount, given as a descriptor. */
  descriptor?: number | undefined;
  /** The type of filesystem that was being mounted: `'proc'`. */
  fstype?: string | undefined;
  /** The user or group id that was being taken on. */
  id?: number | undefined;
  /** True where the task was to be born in a cgroup of its own. */
  cgroup?: boolean | undefined;
  /** The text of the id map that was being written. */
  map?: string | undefined;
  setgroups?: 'allow' | 'deny' | undefined;
  /** The user namespace that owns the namespace concerned, when known: `'user:[4026531837]'`. */
  owner?: string | undefined;
  /**
   * The reason why the same fails in a new user namespace; undefined if it works there, or was not tried. See
   * lib/task/trial.ts.
   */
  refusedWithUser?: string | undefined;
  /** The system calls that filters may refuse, of the step that failed and of those after it. */
  later?: readonly string[] | undefined;
  /** The system calls for each of which a filter ends a task that does nothing else. */
  killing?: readonly string[] | undefined;
}

/** Finds the cause of a failure on this host; undefined when there is nothing to say that is likely to be true. */
export type Explainer = (failure: Failure, host: HostFiles) => string | undefined;

/** One explanation for each error number that has one. */
export function byErrno(explainers: Readonly<Record<number, Explainer>>): Explainer {
  return (failure, host) => explainers[failure.errno]?.(failure, host);
}
