import { describeErrno } from '../kernel/errno';

/** A source that {@link discover} reads. */
export type DiscoverySource = 'processes' | 'tasks' | 'fds' | 'sockets' | 'mounts' | 'hierarchy';

/** A gap in the result: the parts of one source that could not be read for one reason. */
export interface Unread {
  /** The source that could not be read. */
  readonly source: DiscoverySource;
  /** The code of the error, `'EACCES'`, …; `'HIDDEN'` when /proc does not show all processes. */
  readonly code: string;
  /** The number of processes, threads, sockets or namespaces that could not be read; undefined when it is not known. */
  readonly count: number | undefined;
  /** A text for a person: the parts that could not be read, and the privilege that is needed. */
  readonly reason: string;
}

type Phrase = (count: number) => string;

const many = (count: number, one: string, several: string): string => `${count} ${count === 1 ? one : several}`;

/** The text for each source, with the privilege that is needed to read it. */
const REFUSED: Readonly<Record<DiscoverySource, Phrase>> = {
  processes: (count) =>
    `The namespaces of ${many(count, 'process', 'processes')} may not be read: of other users, or with more ` +
    'capabilities. That takes CAP_SYS_PTRACE',
  tasks: (count) => `The namespaces of ${many(count, 'thread', 'threads')} may not be read. That takes CAP_SYS_PTRACE`,
  fds: (count) =>
    `What ${many(count, 'process', 'processes')} or descriptors have open may not be read. That takes CAP_SYS_PTRACE`,
  sockets: (count) =>
    `The network namespaces of ${many(count, 'socket', 'sockets')} may not be asked for. That takes CAP_SYS_PTRACE ` +
    'over the process, and CAP_NET_ADMIN over the namespace',
  mounts: (count) =>
    `The mounts of ${many(count, 'mount namespace', 'mount namespaces')} may not be read. That takes CAP_SYS_PTRACE`,
  hierarchy: (count) => `The owner or parent of ${many(count, 'namespace', 'namespaces')} could not be asked for`,
};

/** A gap that the addon has reported. */
export function unreadOf(source: DiscoverySource, errno: number, count: number): Unread {
  const [code, text] = describeErrno(errno);
  return { source, code, count, reason: `${REFUSED[source](count)} (${code}: ${text})` };
}

/** The gap where /proc is mounted with hidepid, proc(5). */
export const HIDDEN: Unread = Object.freeze({
  source: 'processes',
  code: 'HIDDEN',
  count: undefined,
  reason:
    '/proc shows only processes that this one may look into: it is mounted with hidepid (proc(5)). Mount a proc of ' +
    'your own, be in its gid group, or run with CAP_SYS_PTRACE',
});
