import { Sandbox, execFile, hostUserland, spawn, unshare } from '../../lib';
import { Arsenal } from '../fixtures/attacks';
import type { Attack } from './attack';

const INSIDE = { unshare: ['user', 'pid', 'mnt'], mounts: [{ type: 'proc', target: '/proc' }] } as const;

/** Each way of starting a program, and what it has to write. */
const LAUNCHES: readonly (() => Promise<{ stdout: string }>)[] = [
  () => execFile('echo', ['fine'], { unshare: 'user' }),
  () => execFile('echo', ['fine'], INSIDE),
  () => execFile('echo', ['fine']),
  async () => {
    await using box = await Sandbox.create(hostUserland());
    return await box.execFile('echo', ['fine']);
  },
  async () => {
    await using set = await unshare(['user', 'uts']);
    return await set.execFile('echo', ['fine']);
  },
];

export const attack: Attack = {
  about: 'Root inside changes all that it can of the file that its nsinit runs from, and of those of other launches.',
  async run(until) {
    const arsenal = new Arsenal();
    const broken: string[] = [];
    let rounds = 0;
    try {
      await using alone = await spawn(arsenal.meddle, ['-f'], { ...INSIDE, stdio: 'ignore' });
      // Beside this one others are started, in its own namespaces.
      const where = await alone.namespaces();
      while (Date.now() < until) {
        const beside = where.execFile('echo', ['fine']);
        const outcomes = await Promise.allSettled([beside, ...LAUNCHES.map((launch) => launch())]);
        outcomes.forEach((outcome, index) => {
          if (outcome.status === 'rejected') broken.push(`launch ${index}: ${String(outcome.reason)}`);
          else if (outcome.value.stdout !== 'fine\n') broken.push(`launch ${index} wrote ${outcome.value.stdout}`);
        });
        rounds++;
      }
      await where.close();
    } finally {
      arsenal.remove();
    }
    return { rounds, broken };
  },
};
