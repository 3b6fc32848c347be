import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** The highest descriptor that a shell passes on: bash uses this one first for `<(command)`. */
const MOST_DESCRIPTORS = 63;

/**
 * The descriptors that this process has inherited, by number, 0, 1 and 2 always among them; null for unused numbers
 * between them. Node sets close-on-exec on all of them, and opens some descriptors for itself. Each of those is an
 * anonymous inode such as an eventfd, a pipe with both ends in this process, or /dev/null.
 */
export function inheritedDescriptors(): (number | null)[] {
  const links = new Map<number, string>();
  for (const name of readdirSync('/proc/self/fd')) {
    const link = linkOf(name);
    if (link !== undefined) links.set(Number(name), link);
  }
  const isNodes = (link: string): boolean =>
    link.startsWith('anon_inode:') || link === '/dev/null' || (link.startsWith('pipe:') && hasBothEnds(link, links));
  const inReach = [...links].filter(([fd]) => fd > 2 && fd <= MOST_DESCRIPTORS);
  const given = inReach.filter(([, link]) => !isNodes(link)).map(([fd]) => fd);
  const last = Math.max(2, ...given);
  return Array.from({ length: last + 1 }, (_, fd) => (fd <= 2 || given.includes(fd) ? fd : null));
}

function hasBothEnds(pipe: string, links: ReadonlyMap<number, string>): boolean {
  const ends = [...links].filter(([, link]) => link === pipe).map(([fd]) => isWritable(fd));
  return ends.includes(true) && ends.includes(false);
}

/**
 * True for a descriptor that is open for writing only. The `flags` of proc_pid_fdinfo(5) are octal, and their last bit
 * is O_WRONLY.
 */
function isWritable(fd: number): boolean | undefined {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags === undefined ? undefined : (parseInt(flags, 8) & 1) === 1;
  } catch {
    return undefined;
  }
}

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined; // the descriptor that readdir used
  }
}
