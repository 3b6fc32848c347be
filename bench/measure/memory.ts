import { readFileSync } from 'node:fs';

/** Memory that a process shares with no other, in kB: Private_* in its smaps_rollup, proc_pid_smaps(5). */
export function privateKB(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return [...rollup.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)].reduce((sum, [, kB]) => sum + Number(kB), 0);
}
