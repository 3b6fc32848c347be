import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Namespace, type NamespaceProcess, type NamespaceSet, unshare } from '../../lib';
import { spawn } from '../../lib';
import { eventually } from '../fixtures/footprint';

/**
 * What keeps a namespace alive: a process in it, a descriptor, a bind mount (`namespaces(7)`).
 *
 * The kernel's object is watched through the count it keeps: in a user namespace where one network namespace is
 * allowed (user.max_net_namespaces), a second can be made exactly when the first has gone.
 */
describe('a network namespace', () => {
  let yard: NamespaceSet;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ns-life-'));
    yard = await unshare(['user', 'mnt']);
    await yard.writeFile('/proc/sys/user/max_net_namespaces', '1');
  });

  afterAll(async () => {
    await yard.close();
    rmSync(folder, { recursive: true });
  });

  const inNewNet = (file: string, args: string[]): Promise<NamespaceProcess> =>
    spawn(file, args, { setns: yard, unshare: ['net'], stdio: 'ignore' });

  async function another(): Promise<boolean> {
    try {
      await (
        await inNewNet('true', [])
      ).exited;
      return true;
    } catch (error) {
      expect(error).toMatchObject({
        code: 'ENOSPC',
        kind: 'net',
        hint: expect.stringMatching(/max_net_namespaces/) as string,
      });
      return false;
    }
  }

  test('goes when the process in it, all there was, has ended', async () => {
    const first = await inNewNet('sleep', ['60']);
    expect(await another()).toBe(false);
    await first[Symbol.asyncDispose]();
    await eventually(another);
  });

  test('stays as long as a descriptor is open', async () => {
    const first = await eventualNet();
    const handle = await Namespace.of(first.pid, 'net');
    await first[Symbol.asyncDispose]();
    expect(await another()).toBe(false);
    await handle.close();
    await eventually(another);
  });

  test('stays as long as a duplicate of the descriptor is open', async () => {
    const first = await eventualNet();
    const handle = await Namespace.of(first.pid, 'net');
    const duplicate = await handle.duplicate();
    await Promise.all([first[Symbol.asyncDispose](), handle.close()]);
    expect(await another()).toBe(false);
    await duplicate.close();
    await eventually(another);
  });

  test('stays as long as it is mounted somewhere', async () => {
    const file = join(folder, 'net');
    writeFileSync(file, '');
    const first = await eventualNet();
    await yard.mount({ bind: true, source: `/proc/${first.pid}/ns/net`, target: file });
    await first[Symbol.asyncDispose]();
    expect(await another()).toBe(false);
    await yard.umount(file);
    await eventually(another);
  });

  /** The one of the test before goes in the kernel's own time. */
  async function eventualNet(): Promise<NamespaceProcess> {
    let made: NamespaceProcess | undefined;
    await eventually(async () => {
      made = await inNewNet('sleep', ['60']).catch(() => undefined);
      return made !== undefined;
    });
    return made!;
  }
});

test('processes that outlive a set without an init stay in its namespaces', async () => {
  const set = await unshare(['user', 'uts']);
  await set.setHostname('stays');
  const name = String(set.uts);
  const child = await set.spawn('sh', ['-c', 'read x; hostname'], { stdio: ['pipe', 'pipe', 'ignore'] });
  await set.close();
  const uts = await Namespace.of(child.pid, 'uts');
  expect(String(uts)).toBe(name);
  child.stdin!.end('go\n');
  let output = '';
  for await (const chunk of child.stdout!) output += String(chunk);
  expect(output).toBe('stays\n');
  await Promise.all([uts.close(), child.exited]);
});
