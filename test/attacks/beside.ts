import { type NamespaceProcess, type NamespaceSet, spawn, unshare } from '../../lib';
import type { Attack } from './attack';

const AT_ONCE = 16;

/** No attacker, but each other: a task has copies of all descriptors of Node until its exec. */
export const attack: Attack = {
  about: 'Launches of every kind beside each other: what ran is never said not to have run.',
  run: async (until) => {
    const set = await unshare(['user', 'pid', 'uts']);
    const broken: string[] = [];
    let rounds = 0;
    const worker = async (): Promise<void> => {
      for (; Date.now() < until; rounds++) {
        await launch(rounds, set).catch((error: unknown) => broken.push(String(error)));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await set.close();
    return { rounds, broken };
  },
};

async function launch(round: number, set: NamespaceSet): Promise<void> {
  const child = await kindOf(round, set);
  const { code, signal } = await child.exited;
  await child.close();
  if (code !== 0) throw new Error(`ended with ${String(code ?? signal)}`);
}

function kindOf(round: number, set: NamespaceSet): Promise<NamespaceProcess> {
  switch (round % 7) {
    case 0:
      return spawn('true', [], { pty: {} });
    case 1:
      return spawn('true', [], { stdio: 'ignore' });
    case 2:
      return spawn('true', [], { stdio: 'ignore', unshare: ['user', 'pid', 'mnt'] });
    case 3:
      return set.spawn('true', [], { stdio: 'ignore' });
    case 4:
      return spawn('true', [], { stdio: 'ignore', unshare: ['user', 'uts', 'ipc'], seccomp: 'default' });
    case 5:
      return set.spawn('true', [], { stdio: 'ignore', unshare: ['user', 'pid'] });
    default:
      return set.spawn('true', [], { pty: {}, noNewPrivileges: true });
  }
}
