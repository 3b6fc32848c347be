import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type SpawnOptions, spawn } from '../../lib';
import { withCompiled } from '../fixtures/compiled';
import { settled } from '../fixtures/settled';
import type { Attack } from './attack';

const WAYS: readonly SpawnOptions[] = [
  { unshare: ['user', 'pid'], stdio: 'ignore' },
  { unshare: ['user', 'pid', 'mnt', 'uts'], stdio: 'ignore' },
  { unshare: ['user', 'pid'], pty: {} },
];
const DEEDS = ['look', 'forge', 'fill', 'hold'] as const;

export const attack: Attack = {
  about: 'A root inside takes over the init of its pid namespace, and speaks to Node in its name.',
  run: (until) =>
    withCompiled(join(__dirname, 'seize.c'), async (program) => {
      const broken: string[] = [];
      let rounds = 0;
      for (; Date.now() < until; rounds++) {
        const deed = DEEDS[rounds % DEEDS.length]!;
        broken.push(...(await oneRound(program, deed, WAYS[rounds % WAYS.length]!)));
      }
      return { rounds, broken };
    }),
};

/** What is wrong with the process that Node has, which was started as the attacker. */
async function oneRound(program: string, deed: (typeof DEEDS)[number], way: SpawnOptions): Promise<string[]> {
  const start = await settled(spawn(program, [deed], way));
  if (start === 'never') return [`${deed}: the start did not settle`];
  // Whoever is the program may say that there is none.
  if ('error' in start) return [`${deed}: the start failed: ${String(start.error)}`];
  const child = start.value;
  const wrong: string[] = [];
  if (child.pid === process.pid) wrong.push(`${deed}: the program is said to be Node itself`);
  const name = nameOf(child.pid);
  if (name !== undefined && name !== basename(program)) wrong.push(`${deed}: the program is said to be ${name}`);
  // Of the two that end by themselves the init tells how, and may be made to tell anything: but not never.
  if (deed === 'hold') child.kill('SIGKILL');
  const end = deed === 'hold' ? undefined : await settled(child.exited);
  if (end === 'never') wrong.push(`${deed}: the end is not told`);
  const code = end !== undefined && end !== 'never' && 'value' in end ? end.value.code : undefined;
  if (deed === 'look' && code !== 42) wrong.push(`${deed}: the attacker ended with ${String(code)}`);
  if ((await settled(child.close())) === 'never') wrong.push(`${deed}: close() did not settle`);
  return wrong;
}

/** Undefined once there is no such process any more. */
function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
