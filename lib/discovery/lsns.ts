import { plainOptions } from '../errors/plain';
import { validateBoolean, validatePid } from '../errors/validate';
import type { NamespaceKind } from '../kernel/namespace-kind';
import { eachInTurns } from '../event-loop/turns';
import { look } from './discover';
import type { DiscoveredNamespace } from './namespace';
import { type DiscoverOptions, parseDiscover } from './discover-options';
import { userNames } from './users';

/** A row of lsns(8), with its columns as `lsns --json` spells them. */
export interface LsnsRow {
  /** Inode number. */
  ns: number;
  /** Its kind. */
  type: NamespaceKind;
  /** `/proc/PID/ns/TYPE` of the process with the lowest pid. */
  path: string | null;
  /** How many processes are in it. */
  nprocs: number;
  /** The lowest pid in it; null when there is none. */
  pid: number | null;
  /** The parent of that process. */
  ppid: number | null;
  /** Its command line. */
  command: string | null;
  /**
   * The uid of that process. If there is none: that of the creator of a user namespace, else 0, as lsns(8) prints it.
   */
  uid: number;
  /** The name of `uid`, or its digits. */
  user: string;
  /** Of a network namespace: its id in this process's own, `'unassigned'`, or null. */
  netnsid: string | null;
  /** Where it is mounted in this process's mount namespace, one path in a line. */
  nsfs: string | null;
  /** The parent of a user or pid namespace, 0 when there is none to be seen. */
  pns: number;
  /** The user namespace it belongs to, 0 when that is not to be seen. */
  ons: number;
}

/** Options of {@link lsns}. */
export interface LsnsOptions {
  /** `--type`: only these kinds. Default: all eight. */
  kinds?: readonly NamespaceKind[] | undefined;
  /** `--task`: only those that this process is in. */
  pid?: number | undefined;
  /** `--persistent`: only those without processes. Default false. */
  persistent?: boolean | undefined;
  /**
   * Whether to include those that only a descriptor or a socket keeps alive, as lsns(8) does since util-linux 2.41.
   * Costs at least one system call for every descriptor of every process. Default true.
   */
  fds?: boolean | undefined;
  /** Aborts the call, which then rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

const OPTIONS: Record<keyof LsnsOptions, true> = { kinds: true, pid: true, persistent: true, fds: true, signal: true };

/**
 * The namespaces that can be found, as the rows of `lsns(8)` (util-linux 2.41), ascending by inode number: those of
 * processes, those that a descriptor or socket keeps, and those that are mounted in this process's mount namespace.
 * `JSON.stringify({ namespaces: await lsns() })` is what `lsns --json --output-all` prints.
 *
 * Faster than starting lsns(8), and the event loop goes on meanwhile. As there, what may not be read is left out;
 * {@link discover} tells what that is, finds more, and knows more of each.
 *
 * @throws TypeError, RangeError for bad options; NamespaceError when there is no /proc; an `AbortError`
 *
 * @example
 * ```ts
 * for (const { ns, nprocs, command } of await lsns({ kinds: ['net'] })) console.log(ns, nprocs, command);
 * ```
 */
export async function lsns(options: LsnsOptions = {}): Promise<LsnsRow[]> {
  const { pid, persistent = false, fds = true, kinds, signal } = plainOptions('options', options, Object.keys(OPTIONS));
  if (pid !== undefined) validatePid('options.pid', pid);
  validateBoolean('options.persistent', persistent);
  validateBoolean('options.fds', fds);
  const sources: DiscoverOptions = {
    fds,
    sockets: fds,
    mounts: 'own',
    tasks: false,
    forChildren: false,
    commands: 'first',
    users: false,
  };
  const request = parseDiscover({ ...sources, kinds, signal });
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

/** lsns(8) follows owners and parents too, but only from what it has found by a descriptor or a mount. */
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
