import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { type NamespaceProcess, type SpawnOptions, spawn, unshare } from '../../lib';

/** What /proc shows of a program: its name, its file and its arguments. */
function shown({ pid }: NamespaceProcess): string[] {
  const path = (file: string): string => `/proc/${pid}/${file}`;
  return [readFileSync(path('comm'), 'utf8').trim(), readlinkSync(path('exe')), readFileSync(path('cmdline'), 'utf8')];
}

const SLEEP = realpathSync('/usr/bin/sleep');
const EXPECTED = ['sleep', SLEEP, 'sleep\u0000600\u0000'];

const WAYS: [what: string, options: SpawnOptions][] = [
  ['without namespaces', {}],
  ['in new ones', { unshare: ['user', 'net', 'uts'] }],
  ['below an init', { unshare: ['user', 'pid'] }],
  ['as process 1', { unshare: ['user', 'pid'], init: false }],
  ['in a terminal', { pty: {} }],
];

describe('a program that is told as started has done with its exec: /proc shows it, and not nsinit', () => {
  test.each(WAYS)('%s', async (_, options) => {
    for (let round = 0; round < 8; round++) {
      // Side by side: a start that others interrupt is in the middle of its exec for longer.
      const starts = Array.from({ length: 8 }, async () => {
        await using child = await spawn('sleep', ['600'], options);
        const all = shown(child);
        child.kill('SIGKILL'); // process 1 ignores SIGTERM
        return all;
      });
      expect(await Promise.all(starts)).toEqual(Array(8).fill(EXPECTED));
    }
  });

  test('in a set', async () => {
    await using set = await unshare(['user', 'pid', 'uts']);
    for (let round = 0; round < 30; round++) {
      await using child = await set.spawn('sleep', ['600']);
      expect(shown(child)).toEqual(EXPECTED);
    }
  });

  test('that has the name which nsinit has before the exec', async () => {
    await using child = await spawn('sh', ['-c', 'printf "nsinit: exec" > /proc/self/comm; echo; read line']);
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    expect(readFileSync(`/proc/${child.pid}/comm`, 'utf8')).toBe('nsinit: exec\n');
  });
});
