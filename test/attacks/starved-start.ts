import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NamespaceError, type SpawnOptions, spawn, unshare } from '../../lib';
import { withCompiled } from '../fixtures/compiled';
import { eventually, footprint } from '../fixtures/footprint';
import { settled } from '../fixtures/settled';
import type { Attack } from './attack';

const DEEDS = ['limits', 'stop', 'kill', 'slow', 'seize', 'all'] as const;
const WAYS: readonly SpawnOptions[] = [
  {},
  { unshare: ['uts'] },
  { unshare: ['user', 'uts'] },
  { unshare: ['user', 'pid'] },
];
const AT_ONCE = 12;

export const attack: Attack = {
  about: 'A root inside limits, stops, traces, slows and kills whatever starts in its pid namespace.',
  run: (until) =>
    withCompiled(join(__dirname, 'starve.c'), async (program) => {
      const broken: string[] = [];
      let rounds = 0;
      for (; Date.now() < until; rounds++) broken.push(...(await oneRound(program, DEEDS[rounds % DEEDS.length]!)));
      return { rounds, broken };
    }),
};

async function oneRound(program: string, deed: (typeof DEEDS)[number]): Promise<string[]> {
  const before = footprint().children;
  const set = await unshare(['user', 'pid']);
  const attacker = await set.spawn(program, [deed], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(attacker.stdout!, 'data');
  const starts = Array.from({ length: AT_ONCE }, (_, index) =>
    startOne(deed, { ...WAYS[index % WAYS.length], setns: set }),
  );
  const broken = (await Promise.all(starts)).flat();
  if ((await settled(set.close())) === 'never') broken.push(`${deed}: close() did not settle`);
  const left = (): string[] => footprint().children.filter((pid) => !before.includes(pid));
  await eventually(() => left().length === 0).catch(() => {
    broken.push(`${deed}: ${left().length} children are left, the first ${statusOf(left()[0] ?? '')}`);
  });
  return broken;
}

/** It runs, or the error says why not; either way it is told. What becomes of it once it runs is its own affair. */
async function startOne(deed: string, options: SpawnOptions): Promise<string[]> {
  const start = await settled(spawn('true', [], { stdio: 'ignore', ...options }));
  if (start === 'never') return [`${deed}: a start did not settle`];
  if ('value' in start) return [];
  return start.error instanceof NamespaceError ? [] : [`${deed}: ${String(start.error)}`];
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ').slice(1, 3).join(' ');
  } catch {
    return 'gone by now';
  }
}
