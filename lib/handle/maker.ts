/** Marks the thread that made something which can outlive it: no other thread ever has the same mark. */
import { HostFiles } from '../kernel/host-files';

/** Three numbers: the inode of the pid namespace, the thread's id in it, and when it started. */
const MARK = /^(\d+)-(\d+)-(\d+)$/;

/** The mark of the calling thread: this process's main thread, or a Worker's. */
export function ownMark(host = new HostFiles()): string {
  return markOf(host, 'thread-self');
}

/**
 * True for the mark of a thread that has ended. It is false for a thread in another pid namespace, about which that
 * cannot be known, and for a text that is no mark.
 */
export function hasEnded(mark: string, host = new HostFiles()): boolean {
  const [, namespace, thread] = MARK.exec(mark) ?? [];
  return thread !== undefined && namespace === pidNamespace(host) && markOf(host, thread) !== mark;
}

/** The mark of a thread. */
function markOf(host: HostFiles, thread: string): string {
  const [id = ''] = (host.proc(`${thread}/stat`) ?? '').split(' ', 1);
  return `${pidNamespace(host)}-${id}-${host.startTime(thread) ?? ''}`;
}

function pidNamespace(host: HostFiles): string {
  return /\d+/.exec(host.link('self/ns/pid') ?? '')?.[0] ?? '0';
}
