/** Launches as many programs as it is told, and says what is left of them: {@link Leaks}. */
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { manyLaunches } from './launches';
import type { Leaks } from './leaks';
import { namespacesLeft } from './namespaces-left';

const MB = 2 ** 20;
/** The first launches make things that are made once, which is no growth: threads, compiled code, allocator pools. */
const WARM_UP = 1000;
/** Descriptors are closed by other threads, and V8 frees pages of its own accord. */
const SETTLE_MS = 500;

type Had = Pick<Leaks, 'fds' | 'threads' | 'rssMB' | 'zombies' | 'processes'>;

async function possessions(): Promise<Had> {
  for (let time = 0; time < 3; time++) {
    global.gc!();
    await sleep(SETTLE_MS);
  }
  const states = readdirSync('/proc/self/task').flatMap(childrenOf).map(stateOf);
  return {
    fds: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    rssMB: process.memoryUsage.rss() / MB,
    zombies: states.filter((state) => state === 'Z').length,
    processes: states.filter((state) => state !== 'Z').length,
  };
}

function childrenOf(thread: string): string[] {
  return readFileSync(`/proc/self/task/${thread}/children`, 'latin1').match(/\d+/g) ?? [];
}

/** The letter after the name, which may have anything in it: proc_pid_stat(5). */
function stateOf(pid: string): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.charAt(stat.lastIndexOf(')') + 2);
}

async function main(launches: number): Promise<void> {
  await manyLaunches(Math.min(WARM_UP, launches));
  const before = await possessions();
  await manyLaunches(launches);
  const after = await possessions();
  const leaks: Leaks = {
    launches,
    fds: after.fds - before.fds,
    threads: after.threads - before.threads,
    rssMB: Math.round((after.rssMB - before.rssMB) * 100) / 100,
    zombies: after.zombies - before.zombies,
    processes: after.processes - before.processes,
    namespaces: await namespacesLeft(),
  };
  process.send!(leaks);
  process.disconnect();
}

void main(Number(process.argv[2]));
