/** Pools of sandboxes. What all pools have in common is in test/pool. */
import { Readable } from 'node:stream';
import { type MountEntry, Sandbox, spawn } from '../../lib';
import { eventually, expectNothingLeft, footprint, isAlive } from '../fixtures/footprint';
import { userland } from './box';

// The first /dev/null that a program gets stays open for the next ones.
beforeAll(async () => (await spawn('true', [], { stdio: 'ignore' })).exited);

test('run() gives each program a sandbox of its own, which is gone after it', async () => {
  const before = footprint();
  const pool = await Sandbox.pool(userland(), { size: 2 });
  const runs = Array.from({ length: 6 }, async (_, index) => {
    const seen = await pool.run('sh', ['-c', `ls /tmp; echo ${index} > /tmp/mine; cat`], { input: `${index}` });
    return [seen.verdict, seen.stdout];
  });
  expect(await Promise.all(runs)).toEqual([0, 1, 2, 3, 4, 5].map((index) => ['ok', `${index}`]));
  const bytes = await pool.run('true', [], { encoding: 'buffer' });
  expect(bytes.stdout).toEqual(Buffer.alloc(0));
  await pool.close();
  await expectNothingLeft(before);
});

test('a run that is aborted takes its sandbox with it; one that is badly asked for takes none', async () => {
  const before = footprint();
  const pool = await Sandbox.pool(userland(), { size: 1 });
  const controller = new AbortController();
  const running = pool.run('sleep', ['600'], { signal: controller.signal });
  await eventually(() => pool.stats().taken === 1);
  controller.abort();
  await expect(running).rejects.toMatchObject({ name: 'AbortError' });
  await expect(pool.run('true', [], { limits: { wall: -1 } })).rejects.toThrow(RangeError);
  await expect(pool.run('true', [], { unknown: 1 } as object)).rejects.toThrow(TypeError);
  await expect(pool.run('')).rejects.toThrow(TypeError);
  await expect(pool.run('true', [1] as never)).rejects.toThrow(TypeError);
  expect(pool.stats().taken).toBe(1);
  await pool.close();
  await expectNothingLeft(before);
});

test('a program that runs when the pool is closed is killed, and its run says so', async () => {
  const before = footprint();
  const pool = await Sandbox.pool(userland(), { size: 1 });
  const early = await Sandbox.pool(userland(), { size: 1 });
  const [running, starting] = [pool.run('sleep', ['600']), early.run('sleep', ['600'])];
  await early.close();
  await expect(starting).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  await eventually(() => footprint().children.length > before.children.length + 1);
  await pool.close();
  expect((await running).verdict).toMatch(/^(signal|start)$/); // it may still have been starting
  await expectNothingLeft(before);
});

test('the spec is read once: what is changed later changes no sandbox', async () => {
  let reads = 0;
  const spec = userland({ hostname: 'first' });
  Object.defineProperty(spec, 'hostname', { enumerable: true, get: () => (reads++ === 0 ? 'first' : 'later') });
  const pool = await Sandbox.pool(spec, { size: 1 });
  (spec.mounts as MountEntry[]).splice(0);
  for (let round = 0; round < 3; round++) {
    expect(await pool.run('hostname')).toMatchObject({ verdict: 'ok', stdout: 'first\n' });
  }
  expect(reads).toBe(1);
  await pool.close();
});

test('what one sandbox is allowed to reach, and is allowed later, is no other one’s', async () => {
  const pool = await Sandbox.pool({ ...userland(), network: { allow: ['a.example'] } }, { size: 2 });
  const [one, other] = await Promise.all([pool.take(), pool.take()]);
  one.egress?.allow('b.example');
  other.egress?.revoke('a.example');
  expect(() => one.egress?.revoke('b.example')).not.toThrow();
  expect(() => one.egress?.revoke('a.example')).not.toThrow();
  expect(() => other.egress?.revoke('b.example')).toThrow(TypeError);
  await Promise.all([one.close(), other.close(), pool.close()]);
});

test('a file from a stream or a descriptor is refused, as one sandbox alone could read it', async () => {
  for (const data of [Readable.from(['x']), 0]) {
    const spec = { mounts: [{ type: 'file' as const, target: '/x', data }] };
    await expect(Sandbox.pool(spec, { size: 1 })).rejects.toThrow(/spec\.mounts\[0\]\.data.*in a pool/);
  }
});

test('a sandbox is as it was made, whatever programs of others do', async () => {
  const pool = await Sandbox.pool(userland(), { size: 2 });
  const taken = await pool.take();
  // Nothing of the ones that are ready can be seen from it, or reached.
  const seen = await taken.exec('ls /proc | grep -c "^[0-9]"; kill -9 -1; true');
  expect(Number(seen.stdout.split('\n')[0])).toBeLessThan(8);
  await taken.close();
  const next = await pool.take();
  expect(isAlive(next.init!)).toBe(true);
  await next.close();
  await pool.close();
});
