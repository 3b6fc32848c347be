import { NAMESPACE_KINDS, unshare } from 'linux-ns';
import { type Samples, interleave } from '../measure/interleave';
import type { Limit } from './limit';
import { allButNet, allEight, bare, bwrap, join, none, nsenter, timed, unshareProgram, working } from './starters';

/** Measures a start from the call to 'exit', in milliseconds, all contestants side by side. */
export async function measureLatency(limit: Limit | undefined, rounds: number): Promise<Samples> {
  const set = await unshare([...NAMESPACE_KINDS]);
  try {
    // nsenter finds its namespaces through a process that may be looked into, which an init of ours may not.
    const resident = await set.spawn('sleep', ['infinity'], { stdio: 'ignore' });
    const ours = [allEight, allButNet, none, join(set)];
    const theirs = await working([bare, unshareProgram, bwrap, nsenter(resident.pid)]);
    const inC = limit === undefined ? [] : [...limit.contestants, limit.join(resident.pid)];
    return await interleave([...inC, ...[...theirs, ...ours].map(timed)], rounds);
  } finally {
    await set.close();
  }
}
