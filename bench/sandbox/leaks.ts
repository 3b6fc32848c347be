import { once } from 'node:events';
import { join } from 'node:path';
import { CAPABILITIES, unshare } from 'linux-ns';

/** The things that exist after many sandboxes have come and gone, and did not exist before. */
export interface Leaks {
  sandboxes: number;
  mounts: number;
  fds: number;
  processes: number;
  namespaces: number;
  rssMB: number;
}

/**
 * Measured in a Node with a mount namespace of its own, in which nobody else mounts, and in a user namespace of its own
 * that does not own that: the kernel counts for it the namespaces that it makes, and no others. See `namespacesLeft`.
 */
export async function measureLeaks(sandboxes: number): Promise<Leaks> {
  const node = ['--expose-gc', '--max-semi-space-size=1', '--require', 'tsx/cjs', join(__dirname, 'leaks-part.ts')];
  const set = await unshare({ mnt: true, user: { uidMap: 'current', gidMap: 'current' } });
  try {
    const child = await set.spawn(process.execPath, [...node, `${sandboxes}`], {
      unshare: { user: { uidMap: 'current', gidMap: 'current' } },
      capabilities: CAPABILITIES, // counting takes privilege
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    const answer = new Promise<Leaks>((resolve, reject) => {
      child.once('message', (message) => resolve(message as Leaks));
      child.once('exit', (code, signal) => reject(new Error(`measuring ended with ${String(code ?? signal)}`)));
    });
    const [leaks] = await Promise.all([answer, once(child, 'close')]);
    return leaks;
  } finally {
    await set.close();
  }
}
