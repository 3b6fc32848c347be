import { hostname } from 'node:os';
import { readlinkSync } from 'node:fs';
import { NAMESPACE_KINDS, unshare } from 'linux-ns';
import { ROOT, commandOf, linesOf } from './example';

describe('npm run demo', () => {
  let rows: Map<string, string[]>;
  let lines: string[];

  beforeAll(async () => {
    lines = await linesOf('demo');
    rows = new Map(lines.map((line) => line.split(/ {2,}/)).map(([name = '', ...cells]) => [name, cells]));
  });

  test.each(NAMESPACE_KINDS)('shows a new %s namespace beside this process’s', (kind) => {
    const [outside, inside] = rows.get(kind) ?? [];
    expect(`${kind}:[${outside ?? ''}]`).toBe(readlinkSync(`/proc/self/ns/${kind}`));
    expect(inside).toMatch(/^\d+$/);
    expect(inside).not.toBe(outside);
  });

  test('root inside, whoever runs it', () => {
    expect(rows.get('uid')).toEqual([String(process.geteuid?.()), '0']);
  });

  test('another hostname, and lo alone of the interfaces', () => {
    expect(rows.get('hostname')).toEqual([hostname(), 'inside']);
    expect(rows.get('interfaces')?.[1]).toBe('lo');
  });

  test('a handful of processes with pids from 1 on', () => {
    const [outside = NaN, inside = NaN] = (rows.get('processes') ?? []).map(Number);
    expect(inside).toBeGreaterThanOrEqual(2);
    expect(inside).toBeLessThan(outside);
    expect(Number(rows.get('shell pid')?.[1])).toBeLessThan(100);
  });

  test('a clock that is a thousand days ahead', () => {
    const [outside = NaN, inside = NaN] = (rows.get('uptime') ?? []).map((text) => parseInt(text, 10));
    expect(inside - outside).toBeGreaterThanOrEqual(1000); // a midnight may have passed between the two
    expect(inside - outside).toBeLessThanOrEqual(1001);
  });

  test('aligned columns', () => {
    const table = lines.slice(
      lines.findIndex((line) => line.includes('outside')),
      -2,
    );
    const column = table[0]!.indexOf('inside', table[0]!.indexOf('outside') + 'outside'.length);
    for (const line of table) expect(line.slice(column - 2, column)).toBe('  ');
    for (const line of table) expect(line[column]).not.toBe(' ');
  });

  test('nothing is left', () => {
    expect(lines.at(-1)).toMatch(/^Nothing is left: /);
  });
});

test('there is one mount more inside, which is its own /proc', async () => {
  // In a mount namespace of the test's own: on the host others mount and unmount meanwhile.
  await using set = await unshare(['user', 'mnt']);
  const [node = '', ...args] = commandOf('demo');
  const { stdout } = await set.execFile(node, args, { cwd: ROOT });
  const [, outside, inside] = /^mounts +(\d+) +(\d+)$/m.exec(stdout) ?? [];
  expect(Number(inside)).toBe(Number(outside) + 1);
});

test('where it is refused the demo says why and what to do, and fails', async () => {
  await using set = await unshare('user');
  await set.writeFile('/proc/sys/user/max_user_namespaces', '0');
  const [node = '', ...args] = commandOf('demo');
  await expect(set.execFile(node, args, { cwd: ROOT })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^ENOSPC: .*user\.max_user_namespaces = 0.*process further out/) as string,
  });
});
