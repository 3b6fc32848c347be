import { spawn as spawnOfNode } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { type SpawnOptions, spawn } from 'linux-ns';
import { expectNothingLeft, footprint } from '../fixtures/footprint';

/** The numbers of its descriptors, but for the one that it lists them by. */
const LIST = 'for fd in /proc/self/fd/*; do [ "${fd##*/}" -lt 100 ] && [ -e "$fd" ] && printf "%s " "${fd##*/}"; done';

const HOLES: [what: string, stdio: ('pipe' | 'ignore' | 'inherit' | null | undefined)[]][] = [
  ['one that is ignored', ['ignore', 'pipe', 'ignore', 'ignore', 'pipe']],
  ['several, and null and undefined', ['pipe', 'pipe', 'pipe', null, 'ignore', undefined, 'pipe']],
  ['the last', ['pipe', 'pipe', 'pipe', 'pipe', 'ignore']],
  ['a high one', ['pipe', 'pipe', 'pipe', ...new Array<'ignore'>(20).fill('ignore'), 'pipe']],
];

describe('entries of stdio from 3 on that are ignored', () => {
  test.each(HOLES)('are no descriptors, as with Node: %s', async (_, stdio) => {
    const nodes = spawnOfNode('bash', ['-c', LIST], { stdio: [...stdio] });
    const expected = await text(nodes.stdout!);
    const ways: SpawnOptions[] = [{}, { unshare: ['user', 'pid'] }, { unshare: ['user', 'net'] }];
    for (const way of ways) {
      await using child = await spawn('bash', ['-c', LIST], { ...way, stdio });
      expect(await text(child.stdout!)).toBe(expected);
    }
  });

  test('the standard ones are /dev/null', async () => {
    const stdio = ['ignore', 'pipe', 'ignore'] as const;
    await using child = await spawn('readlink', ['/proc/self/fd/0', '/proc/self/fd/2'], { stdio });
    expect(await text(child.stdout!)).toBe('/dev/null\n/dev/null\n');
  });
});

describe('a program that runs, but whose streams cannot be had', () => {
  test.each<[string, SpawnOptions]>([
    ['without an init', {}],
    ['with one', { unshare: ['user', 'pid'] }],
  ])('is ended, and nothing is left of it: %s', async (_, way) => {
    const stream = {
      fd: process.stderr.fd,
      _handle: { readStop: () => undefined },
      pause: () => {
        throw new Error('this stream does not stop');
      },
    };
    const stdio = ['pipe', 'pipe', stream] as unknown as NonNullable<SpawnOptions['stdio']>;
    const before = footprint();
    await expect(spawn('sleep', ['1000'], { ...way, stdio })).rejects.toThrow('this stream does not stop');
    await expectNothingLeft(before);
  });
});
