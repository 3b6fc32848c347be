/**
 * A Node to be killed, with programs in namespaces of their own, each with an orphan in a session of its own. Says so
 * once they run.
 */
import { once } from 'node:events';
import { NAMESPACE_KINDS, spawn } from 'linux-ns';
import { DOOMED_PROGRAMS, HELD_BY_ALL } from './kill-to-gone';

const SCRIPT = '(setsid sleep 1000 &); echo; exec sleep 1000';

async function main(): Promise<void> {
  for (let count = 0; count < DOOMED_PROGRAMS; count++) {
    const child = await spawn('sh', ['-c', SCRIPT], {
      unshare: [...NAMESPACE_KINDS],
      stdio: ['ignore', 'pipe', 'inherit', HELD_BY_ALL],
    });
    await once(child.stdout!, 'data');
  }
  process.send!('all run');
}

void main();
