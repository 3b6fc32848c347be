/** What a hostile program can do to launches, in a process that was started with descriptors it knows nothing of. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { type SpawnOptions, spawn, unshare } from '../../../lib';

/** Launches into a set where an attacker runs, until it has seen enough; resolves with what that has printed. */
export async function joinUnderAttack(
  attacker: string,
  secret: string,
  tries: string,
  options: SpawnOptions,
  launches: number,
): Promise<unknown> {
  const set = await unshare(['user', 'pid', 'mnt']);
  await set.mount({ source: 'proc', target: '/proc', type: 'proc' });
  const attack = await set.spawn(attacker, [secret, tries], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  attack.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(attack.stdout!, 'data');
  // Until it has met nsinit often enough, however it is scheduled.
  for (let done = 0; done < launches || !output.includes('looked'); done++) {
    const child = await spawn('true', [], { stdio: 'ignore', ...options, setns: set });
    await child.exited;
  }
  await set.close();
  return [...new Set(output.split('\n'))].filter((line) => line !== '' && line !== 'looked');
}

/** The descriptors of a program that has the standard ones; the last is the directory that ls lists. */
export async function descriptorsInside(options: SpawnOptions): Promise<unknown> {
  const child = await spawn('ls', ['/proc/self/fd'], { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  return (await text(child.stdout!)).trim().split('\n');
}
