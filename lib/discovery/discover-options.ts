import type { ScanBit } from '../../types/native';
import { type Parsed, abortSignal, boolean, list, oneOf, schema } from '../errors/schema';
import { NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import type { ScanRequest } from './scan';

/**
 * The sources that {@link discover} reads. It always reads the namespaces of processes; the options are for the other
 * sources. Unknown options are errors.
 */
export interface DiscoverOptions {
  /**
   * The kinds to look for. The user namespaces that own the namespaces found are always included. Default: all eight.
   */
  kinds?: readonly NamespaceKind[] | undefined;
  /**
   * Finds threads that are in other namespaces than their process. Costs ten readlink(2) for each thread. Default:
   * true.
   */
  tasks?: boolean | undefined;
  /** Finds pid and time namespaces that only the future children of a process will be in. Default: true. */
  forChildren?: boolean | undefined;
  /** Finds open descriptors of namespaces. Costs one system call for each descriptor of each process. Default: true. */
  fds?: boolean | undefined;
  /**
   * Finds sockets that are in another network namespace than their process. Each socket is duplicated for a moment.
   * Needs permission to ptrace the process (`pidfd_getfd(2)`, Linux 5.6) and CAP_NET_ADMIN in the user namespace that
   * owns the socket's network namespace. Default: true.
   */
  sockets?: boolean | undefined;
  /**
   * Finds bind mounts of namespaces: in the mount namespace of every process, or with `'own'` in that of this process
   * only. Default: true.
   */
  mounts?: boolean | 'own' | undefined;
  /**
   * Finds owners and parents, and their owners and parents in turn, as far up as this process may see. Without them the
   * graph has no edges, and namespaces that only their descendants keep alive are not found. Default: true.
   */
  hierarchy?: boolean | undefined;
  /**
   * Reads the command line of every process, or with `'first'` only that of the process with the lowest pid in each
   * namespace. To read it the kernel accesses the memory of the process. Default: true.
   */
  commands?: boolean | 'first' | undefined;
  /** Looks up the names of users, in all sources that the host has (`getpwuid(3)`). Default: true. */
  users?: boolean | undefined;
  /** Aborts the call, which then rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/** {@link DiscoverOptions}, checked. */
export interface DiscoverRequest extends ScanRequest {
  users: boolean;
}

export const DISCOVER = schema<DiscoverOptions>()({
  kinds: list(oneOf(NAMESPACE_KINDS)),
  tasks: boolean,
  forChildren: boolean,
  fds: boolean,
  sockets: boolean,
  mounts: oneOf([true, false, 'own']),
  hierarchy: boolean,
  commands: oneOf([true, false, 'first']),
  users: boolean,
  signal: abortSignal,
});

/** {@link DiscoverOptions}, checked. */
export type Sources = Parsed<typeof DISCOVER>;

/** The sources that a scan reads only if it is told to: every one but the processes. */
export const NOTHING_ELSE = {
  tasks: false,
  forChildren: false,
  fds: false,
  sockets: false,
  mounts: false,
  hierarchy: false,
  commands: false,
  users: false,
} as const satisfies Sources;

/** The request for some sources. A source that is not named is read. */
export function requestOf(sources: Sources): DiscoverRequest {
  const { kinds = NAMESPACE_KINDS, mounts = true, commands = true, users = true, signal } = sources;
  const switches = ['tasks', 'forChildren', 'fds', 'sockets', 'hierarchy'] as const;
  const bits: ScanBit[] = switches.filter((name) => sources[name] ?? true);
  if (commands !== false) bits.push(commands === true ? 'commands' : 'firstCommands');
  if (mounts !== false) bits.push('ownMounts');
  if (mounts === true) bits.push('allMounts');
  if (kinds.includes('net')) bits.push('networkIds');
  return { kinds, bits, users, signal };
}
