import { readFileSync } from 'node:fs';
import { NAMESPACE_KINDS, unshare } from 'linux-ns';

/** Private memory, in kB, of the init that holds a set of all eight kinds: Private_* in its smaps_rollup, proc(5). */
export async function heldPrivateKB(): Promise<number> {
  const set = await unshare([...NAMESPACE_KINDS]);
  try {
    const rollup = readFileSync(`/proc/${set.init!}/smaps_rollup`, 'utf8');
    return [...rollup.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)].reduce((sum, [, kB]) => sum + Number(kB), 0);
  } finally {
    await set.close();
  }
}
