import { abortSignal, as, boolean, list, oneOf, schema } from '../errors/schema';
import { validatePid } from '../errors/validate';
import { NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import { eachInTurns } from '../event-loop/turns';
import { look } from './discover';
import type { DiscoveredNamespace } from './namespace';
import { NOTHING_ELSE, requestOf } from './discover-options';
import { userNames } from './users';

/** A row of lsns(8), with its columns as `lsns --json` spells them. */
export interface LsnsRow {
  /** The inode number of the namespace. */
  ns: number;
  /** The kind of the namespace. */
  type: NamespaceKind;
  /** The path `/proc/PID/ns/TYPE` of the process with the lowest pid; null when there is no process. */
  path: string | null;
  /** The number of processes in the namespace. */
  nprocs: number;
  /** The lowest pid in the namespace; null when there is no process. */
  pid: number | null;
  /** The pid of the parent of that process; null when there is no process. */
  ppid: number | null;
  /** The command line of that process; null when there is no process. */
  command: string | null;
  /**
   * The uid of that process. Where there is no process: the uid of the creator of a user namespace, else 0, as lsns(8)
   * prints it.
   */
  uid: number;
  /** The name of the user with `uid`, or its digits. */
  user: string;
  /** The id of a network namespace in this process's own; `'unassigned'` where it has none; null for other kinds. */
  netnsid: string | null;
  /**
   * The paths at which it is mounted in this process's mount namespace, one in each line; null where there are none.
   */
  nsfs: string | null;
  /** The id of the parent of a user or pid namespace; 0 where none can be seen. */
  pns: number;
  /** The id of the user namespace that owns it; 0 where that cannot be seen. */
  ons: number;
}

/** Options of {@link lsns}. Unknown ones are errors. */
export interface LsnsOptions {
  /** Only namespaces of these kinds: `--type`. Default: all eight. */
  kinds?: readonly NamespaceKind[] | undefined;
  /** Only namespaces that the process with this pid is in: `--task`. */
  pid?: number | undefined;
  /** Only namespaces without processes: `--persistent`. Default: false. */
  persistent?: boolean | undefined;
  /**
   * Includes namespaces that only a descriptor or a socket keeps alive, as lsns(8) does since util-linux 2.41. Costs at
   * least one system call for every descriptor of every process. Default: true.
   */
  fds?: boolean | undefined;
  /** Aborts the call, which then rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

const OPTIONS = schema<LsnsOptions>()({
  kinds: list(oneOf(NAMESPACE_KINDS)),
  pid: as(validatePid),
  persistent: boolean,
  fds: boolean,
  signal: abortSignal,
});

/**
 * Finds namespaces, and returns them as the rows of `lsns(8)` (util-linux 2.41), in ascending order of inode number:
 * those of processes, those that a descriptor or socket keeps, and those that are mounted in this process's mount
 * namespace. `JSON.stringify({ namespaces: await lsns() })` is what `lsns --json --output-all` prints.
 *
 * It is faster than to start lsns(8), and the event loop goes on meanwhile. As in lsns(8), namespaces that may not be
 * read are left out; {@link discover} reports them, finds more namespaces, and has more facts about each.
 *
 * Needs no privilege. To see the namespaces of other users' processes needs CAP_SYS_PTRACE.
 *
 * @throws TypeError, RangeError for bad options; NamespaceError when there is no /proc; an `AbortError`
 *
 * @example
 * ```ts
 * for (const { ns, nprocs, command } of await lsns({ kinds: ['net'] })) console.log(ns, nprocs, command);
 * ```
 */
export async function lsns(options: LsnsOptions = {}): Promise<LsnsRow[]> {
  const { pid, persistent = false, fds = true, kinds, signal } = OPTIONS('options', options);
  const sources = { ...NOTHING_ELSE, fds, sockets: fds, mounts: 'own', hierarchy: true, commands: 'first' } as const;
  const request = requestOf({ ...sources, kinds, signal });
  const { namespaces } = await look(request);
  const found: DiscoveredNamespace[] = [];
  await eachInTurns(namespaces, (namespace) => {
    if (!request.kinds.includes(namespace.kind) || !isListed(namespace)) return;
    if (pid !== undefined && !namespace.processes.some((process) => process.pid === pid)) return;
    if (!persistent || isEmpty(namespace)) found.push(namespace);
  });
  const names = await userNames(found.map(uidOf));
  const rows: LsnsRow[] = [];
  await eachInTurns(found, (namespace) => rows.push(rowOf(namespace, names)));
  return rows;
}

/**
 * True for the namespaces that lsns(8) lists. It follows owners and parents too, but only from namespaces that it has
 * found by a descriptor or a mount.
 */
function isListed(namespace: DiscoveredNamespace): boolean {
  if (namespace.processes.length > 0 || isKept(namespace)) return true;
  return [...namespace.owned, ...namespace.children].some(
    (below) => isKept(below) || (isEmpty(below) && isListed(below)),
  );
}

function isKept({ descriptors, sockets, mounts }: DiscoveredNamespace): boolean {
  return descriptors.length > 0 || sockets.length > 0 || mounts.some(({ path }) => path !== undefined);
}

function isEmpty({ processes }: DiscoveredNamespace): boolean {
  return processes.length === 0;
}

function uidOf({ processes, ownerUid }: DiscoveredNamespace): number {
  return processes[0]?.uid ?? ownerUid ?? 0;
}

function rowOf(namespace: DiscoveredNamespace, names: ReadonlyMap<number, string>): LsnsRow {
  const { kind, processes, networkId, mounts, parent, owner } = namespace;
  const [first] = processes;
  const uid = uidOf(namespace);
  const paths = new Set(mounts.filter(({ process }) => process === undefined).map(({ mountPoint }) => mountPoint));
  return {
    ns: Number(namespace.id),
    type: kind,
    path: first === undefined ? null : `/proc/${first.pid}/ns/${kind}`,
    nprocs: processes.length,
    pid: first?.pid ?? null,
    ppid: first?.ppid ?? null,
    command: first?.command ?? null,
    uid,
    user: names.get(uid) ?? String(uid),
    netnsid: networkId === undefined ? null : String(networkId ?? 'unassigned'),
    nsfs: paths.size === 0 ? null : [...paths].join('\n'),
    pns: Number(parent?.id ?? 0),
    ons: Number(owner?.id ?? 0),
  };
}
