import { copyFileSync, mkdtempSync, chmodSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Sandbox, hostUserland, spawn } from '../../lib';
import { withCompiled } from '../fixtures/compiled';
import { NOTHING, eventually, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { resultOf } from '../fixtures/scenario';
import { settled } from '../fixtures/settled';

const SIBLING = join(__dirname, '..', 'fixtures', 'sibling.c');

function sandboxWith(program: string): Promise<Sandbox> {
  const userland = hostUserland();
  const bind = { type: 'bindReadOnly', source: dirname(program), target: '/given' } as const;
  return Sandbox.create({ ...userland, mounts: [...userland.mounts, bind] });
}

describe('processes that a program inside makes children of Node (CLONE_PARENT)', () => {
  needs({ tool: ['cc'] }).test.each([
    ['have ended', '0'],
    ['run', '1000'],
  ])('and that %s keep close() of a sandbox from nothing, and none is left', async (_, seconds) => {
    await withCompiled(SIBLING, async (program) => {
      const before = footprint();
      const box = await sandboxWith(program);
      const child = await box.spawn('/given/sibling', ['20', seconds], { stdio: 'ignore' });
      expect(await child.exited).toEqual({ code: 0, signal: null });
      expect(await settled(box.close())).toEqual({ value: undefined });
      await eventually(() => footprint().children.every((pid) => before.children.includes(pid)));
    });
  });

  needs({ tool: ['cc'] }).test('keep no init from ending with the Worker that started it', async () => {
    await withCompiled(SIBLING, async (program) => {
      const result = await resultOf(require.resolve('./scenarios'), 'terminatedWithStrangers', [program]);
      expect(result).toEqual({ made: '3\n', more: NOTHING });
    });
  });

  needs({ tool: ['cc'] }).test('keep no init from ending by itself', async () => {
    await withCompiled(SIBLING, async (program) => {
      const before = footprint();
      const first = await spawn('cat', [], { unshare: ['user', 'pid'], stdio: ['pipe', 'ignore', 'inherit'] });
      const inside = await first.namespaces();
      expect((await inside.execFile(program, ['3'])).stdout).toBe('3\n');
      await inside.close();
      first.stdin!.end();
      expect(await settled(first.exited)).toEqual({ value: { code: 0, signal: null } });
      await eventually(() => footprint().children.every((pid) => before.children.includes(pid)));
    });
  });
});

test('a program that has ended before Node hears of its start is none of them', async () => {
  expect(await resultOf(require.resolve('./scenarios'), 'startHeardAfterTheInit')).toEqual({
    value: { code: 0, signal: null },
  });
});

// Of a task whose exec is next it was the name, for all alike: now nobody knows it.
describe('a program whose name is "nsinit: exec"', () => {
  let directory: string;
  let program: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'linux-ns-named-'));
    chmodSync(directory, 0o755);
    program = join(directory, 'nsinit: exec');
    copyFileSync(realpathSync('/bin/sh'), program);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test.each([
    ['as a child of Node', {}],
    ['in a pid namespace', { unshare: ['user', 'pid'] }],
  ] as const)('has started when it runs, %s', async (_, options) => {
    const start = spawn(program, ['-c', 'read line'], { ...options, stdio: ['pipe', 'ignore', 'inherit'] });
    expect(await settled(start)).not.toBe('never');
    const child = await start;
    child.stdin!.end('\n');
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  test('that ends at once with a code has not failed to exec', async () => {
    const child = await spawn(program, ['-c', 'exit 13'], { stdio: 'ignore' });
    expect(await child.exited).toEqual({ code: 13, signal: null });
  });

  test('has started and ended so in a sandbox', async () => {
    await using box = await sandboxWith(program);
    const child = await box.spawn('/given/nsinit: exec', ['-c', 'exit 13'], { stdio: 'ignore' });
    expect(await child.exited).toEqual({ code: 13, signal: null });
    await box.close();
  });
});
