import { once } from 'node:events';
import { join } from 'node:path';
import { spawn } from 'linux-ns';

/** The things that exist after many launches, and did not exist before. */
export interface Leaks {
  launches: number;
  fds: number;
  threads: number;
  rssMB: number;
  zombies: number;
  /** Children that run. */
  processes: number;
  namespaces: number;
}

/**
 * Measured in a Node that is in a user namespace of its own, where the kernel counts namespaces for it alone; see
 * `namespacesLeft`.
 */
export async function measureLeaks(launches: number): Promise<Leaks> {
  const node = [
    '--expose-gc',
    '--max-semi-space-size=1',
    '--require',
    'tsx/cjs',
    join(__dirname, 'leaks-part.ts'),
    `${launches}`,
  ];
  const child = await spawn(process.execPath, node, { unshare: ['user'], stdio: ['ignore', 2, 2, 'ipc'] });
  const answer = new Promise<Leaks>((resolve, reject) => {
    child.once('message', (message) => resolve(message as Leaks));
    child.once('exit', (code, signal) => reject(new Error(`measuring ended with ${String(code ?? signal)}`)));
  });
  const [leaks] = await Promise.all([answer, once(child, 'close')]);
  return leaks;
}
