import { describeErrno } from '../kernel/errno';

/** Where {@link discover} looks. */
export type DiscoverySource = 'processes' | 'tasks' | 'fds' | 'sockets' | 'mounts' | 'hierarchy';

/** What could not be read of one source, for one reason. */
export interface Unread {
  /** Where it was to be read. */
  readonly source: DiscoverySource;
  /** `'EACCES'`, …; `'HIDDEN'` when /proc does not show all processes. */
  readonly code: string;
  /** How many; undefined when there is no telling. */
  readonly count: number | undefined;
  /** For a person: what could not be read, and what it would take. */
  readonly reason: string;
}

type Phrase = (count: number) => string;

const many = (count: number, one: string, several: string): string => `${count} ${count === 1 ? one : several}`;

/** Each source, and what the right to look is. */
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

/** A gap, told by the addon. */
export function unreadOf(source: DiscoverySource, errno: number, count: number): Unread {
  const [code, text] = describeErrno(errno);
  return { source, code, count, reason: `${REFUSED[source](count)} (${code}: ${text})` };
}

/** hidepid, proc(5). */
export const HIDDEN: Unread = Object.freeze({
  source: 'processes',
  code: 'HIDDEN',
  count: undefined,
  reason:
    '/proc shows only processes that this one may look into: it is mounted with hidepid (proc(5)). Mount a proc of ' +
    'your own, be in its gid group, or run with CAP_SYS_PTRACE',
});
