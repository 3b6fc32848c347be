/** Makes and closes as many sandboxes as it is told, and says what is left of them: {@link Leaks}. */
import { possessions } from '../measure/possessions';
import { namespacesLeft } from '../process/namespaces-left';
import type { Leaks } from './leaks';
import { comeAndGo } from './lives';

/** The first sandboxes make things that are made once, which is no growth: threads, compiled code, allocator pools. */
const WARM_UP = 200;

async function main(sandboxes: number): Promise<void> {
  await comeAndGo(Math.min(WARM_UP, sandboxes));
  const before = await possessions();
  await comeAndGo(sandboxes);
  const after = await possessions();
  const leaks: Leaks = {
    sandboxes,
    mounts: after.mounts - before.mounts,
    fds: after.fds - before.fds,
    processes: after.processes - before.processes,
    namespaces: await namespacesLeft(),
    rssMB: Math.round((after.rssMB - before.rssMB) * 100) / 100,
  };
  process.send!(leaks);
  process.disconnect();
}

void main(Number(process.argv[2]));
