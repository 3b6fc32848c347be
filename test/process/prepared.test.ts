/** Programs that are ready to start: `prepare()` of sandboxes and sets. */
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { type NamespaceSet, Sandbox, spawn, unshare } from '../../lib';
import { CompiledPackage } from '../fixtures/child-node';
import { eventually, expectNothingLeft, footprint, isAlive } from '../fixtures/footprint';
import { userland } from '../sandbox/box';

let box: Sandbox;
let set: NamespaceSet;
beforeAll(async () => {
  await (
    await spawn('true', [], { stdio: 'ignore' })
  ).exited; // the first /dev/null stays open for the next ones
  box = await Sandbox.create(userland());
  set = await unshare(['user', 'pid', 'mnt']);
});
afterAll(async () => Promise.all([box.close(), set.close()]));

test('start() lets a program go that was prepared, with its options, as spawn() starts it', async () => {
  const before = footprint();
  const prepared = await box.prepare('sh', ['-c', 'read line; echo "$line $WHAT $(pwd)"; exit 3'], {
    env: { WHAT: 'there' },
    cwd: '/tmp',
  });
  const child = await prepared.start();
  expect(await prepared.start()).toBe(child);
  child.stdin!.end('hello\n');
  expect(await text(child.stdout!)).toBe('hello there /tmp\n');
  expect(await child.exited).toMatchObject({ code: 3, signal: null });
  await prepared.close();
  await expectNothingLeft(before);
});

test('programs of a set are prepared, too', async () => {
  const prepared = await set.prepare('readlink', ['/proc/self/ns/pid'], { unshare: ['uts'] });
  const child = await prepared.start();
  expect((await text(child.stdout!)).trim()).toBe(String(set.pid));
});

test('many wait at once, and each is started once', async () => {
  const before = footprint();
  const all = await Promise.all(Array.from({ length: 10 }, async (_, index) => box.prepare('echo', [`${index}`])));
  const said = await Promise.all(all.map(async (prepared) => text((await prepared.start()).stdout!)));
  expect(said).toEqual(all.map((_, index) => `${index}\n`));
  await expectNothingLeft(before);
});

test('programs inside do not see a program that is prepared, and cannot stop or limit it', async () => {
  const prepared = await box.prepare('sh', ['-c', 'ulimit -n; echo alive']);
  const attack = `
    for dir in /proc/[0-9]*; do echo "$(cat $dir/comm)"; done
    for pid in $(seq 2 300); do [ $pid = $$ ] || kill -STOP $pid 2>/dev/null; prlimit --pid $pid --nofile=7 2>/dev/null; done
    kill -KILL -1`;
  const attacker = await box.spawn('sh', ['-c', attack], { stdio: ['ignore', 'pipe', 'ignore'] });
  expect((await text(attacker.stdout!)).match(/nsinit/g)).toHaveLength(1); // the init
  const child = await prepared.start();
  const [limit, alive] = (await text(child.stdout!)).split('\n');
  expect([Number(limit) > 7, alive]).toEqual([true, 'alive']);
});

test('what fails before it waits is an error of prepare(), and what fails then one of start()', async () => {
  const before = footprint();
  await expect(box.prepare('true', [], { timeout: 5 } as never)).rejects.toThrow("'options' has no property 'timeout'");
  await expect(box.prepare('true', [], { capabilities: ['CAP_SYS_ADMIN'] })).rejects.toThrow(TypeError);
  const nothing = await box.prepare('/no/such');
  await expect(nothing.start()).rejects.toMatchObject({ code: 'ENOENT', path: '/no/such', step: 'exec /no/such' });
  const closed = await unshare(['user']);
  await closed.close();
  await expect(closed.prepare('true')).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  await expectNothingLeft(before);
});

describe('nothing is left of a program that is not started', () => {
  test('after close()', async () => {
    const before = footprint();
    const prepared = await box.prepare('cat');
    expect(footprint().children.length).toBe(before.children.length + 1);
    await prepared.close();
    expect(prepared.closed).toBe(true);
    await expect(prepared.start()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
    await expectNothingLeft(before);
  });

  test('after its sandbox or set is closed', async () => {
    const before = footprint();
    const owners = [await Sandbox.create(userland()), await unshare(['user', 'mnt'])];
    const waiting = await Promise.all(owners.map(async (owner) => owner.prepare('cat')));
    await Promise.all(owners.map(async (owner) => owner.close()));
    for (const prepared of waiting) {
      expect(prepared.closed).toBe(true);
      await expect(prepared.start()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
    }
    await expectNothingLeft(before);
  });

  test('after its signal is aborted', async () => {
    const before = footprint();
    const controller = new AbortController();
    const prepared = await box.prepare('cat', [], { signal: controller.signal });
    controller.abort();
    await expect(prepared.start()).rejects.toMatchObject({ name: 'AbortError' });
    await expectNothingLeft(before);
  });

  test('after it was killed from outside, and start() says so', async () => {
    const before = footprint();
    const prepared = await box.prepare('cat');
    const [pid] = footprint().children.filter((child) => !before.children.includes(child));
    process.kill(Number(pid), 'SIGKILL');
    await eventually(() => !isAlive(Number(pid)));
    await expect(prepared.start()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_KILLED' });
    await expectNothingLeft(before);
  });

  let node: CompiledPackage;
  beforeAll(() => (node = new CompiledPackage()));
  afterAll(() => node.remove());

  test.each(['process.exit()', 'process.kill(process.pid, "SIGKILL")', ''])('after Node has ended: %s', async (end) => {
    const [file, args] = node.command(`
      const box = await linux.Sandbox.create(linux.hostUserland());
      globalThis.kept = await box.prepare('sleep', ['600']);
      const fs = require('node:fs');
      const threads = fs.readdirSync('/proc/self/task');
      console.log(threads.map((each) => fs.readFileSync('/proc/self/task/' + each + '/children', 'utf8')).join(' '));
      await new Promise((resolve) => process.stdout.write('', resolve));
      ${end}`);
    const stdout = await new Promise<string>((resolve) => execFile(file, args, (_, output) => resolve(output)));
    const pids = stdout
      .split('\n')[0]!
      .split(/\s+/)
      .map(Number)
      .filter((pid) => pid > 0);
    expect(pids.length).toBeGreaterThanOrEqual(2);
    await eventually(() => pids.every((pid) => !isAlive(pid)));
  });
});

test('a task that waits holds nothing of this process but what its program gets', async () => {
  const before = footprint();
  const prepared = await box.prepare('cat');
  const [pid] = footprint().children.filter((child) => !before.children.includes(child));
  if (process.geteuid!() === 0) {
    const open = readdirSync(`/proc/${pid}/fd`);
    expect(open.length).toBeLessThan(16);
  }
  expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('nsinit\n');
  await prepared.close();
});
