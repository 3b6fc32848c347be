import type { NamespaceHandle } from '../handle/namespace-handle';
import { readdir, stat } from 'node:fs/promises';
import { systemError } from '../errors/system-error';

/**
 * The number of files that are read at once: enough to keep libuv's pool busy, without a promise for each process of a
 * large host.
 */
const AT_ONCE = 64;

/** The processes in a namespace, in ascending order, as far as their `/proc/PID/ns` can be read. */
export async function processesIn(namespace: NamespaceHandle): Promise<number[]> {
  const pids = await allPids();
  const found: number[] = [];
  for (let from = 0; from < pids.length; from += AT_ONCE) {
    const some = pids.slice(from, from + AT_ONCE);
    const inside = await Promise.all(some.map((pid) => isIn(pid, namespace)));
    found.push(...some.filter((_, index) => inside[index]));
  }
  return found;
}

async function allPids(): Promise<number[]> {
  try {
    const names = await readdir('/proc');
    return names
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    throw systemError(error, { step: 'list processes', operation: 'open', path: '/proc' });
  }
}

/** True for a process in the namespace. It is false for one that has ended, is a zombie, or cannot be looked into. */
async function isIn(pid: number, { kind, id, dev }: NamespaceHandle): Promise<boolean> {
  try {
    const status = await stat(`/proc/${pid}/ns/${kind}`, { bigint: true });
    return status.ino === id && status.dev === dev;
  } catch {
    return false;
  }
}
