import { setTimeout as delay } from 'node:timers/promises';
import type { Sandbox } from '../../lib';
import { Arsenal, MIGHTY } from '../fixtures/attacks';
import { allSettle } from '../fixtures/settled';
import type { Attack } from './attack';

const CALLS: readonly ((box: Sandbox) => Promise<unknown>)[] = [
  (box) => box.execFile('sleep', ['0.05'], { timeout: 1000, killSignal: 'SIGKILL' }),
  (box) => box.execFile('sleep', ['100'], { timeout: 200 }),
  (box) => box.exec('yes | head -c 100000', { maxBuffer: 1000, timeout: 1000 }),
  (box) => box.execFile('true', { timeout: 1000 }),
  (box) => box.execFile('sleep', ['100'], { signal: AbortSignal.timeout(200) }),
];

/** Seconds of processor time of this process, and those that it spends in a second of idling. */
async function idleCost(): Promise<number> {
  const before = process.cpuUsage();
  await delay(500);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 500_000;
}

export const attack: Attack = {
  about: 'A program inside traces, or stops, every other that it sees, and waits for none.',
  async run(until) {
    const arsenal = new Arsenal();
    const broken: string[] = [];
    let rounds = 0;
    try {
      while (Date.now() < until) {
        const spec = [{}, { user: { uid: 0, gid: 0 } }, MIGHTY.spec][rounds % 3]!;
        const box = await arsenal.sandbox(spec);
        await box.spawn(arsenal.seize, rounds % 2 === 0 ? [] : ['stop'], { stdio: 'ignore' });
        if (!(await allSettle(CALLS.map((call) => call(box))))) broken.push('a call with a time-out has not settled');
        if ((await idleCost()) > 0.8) broken.push('Node spins');
        if (!(await allSettle([box.close()]))) {
          broken.push('close() has not ended');
          break;
        }
        rounds++;
      }
    } finally {
      arsenal.remove();
    }
    return { rounds, broken };
  },
};
