/** Files of a sandbox, read and written from here: what a program inside could do, and nothing outside. */
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Sandbox, type SandboxSpec, exec, unshare } from '../../lib';
import { run } from '../../lib/launch/launch';
import type { Step } from '../../types/native';
import { eventually, expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { inSandbox, said, userland, withFolder } from './box';

/** With links that lead out, if they are followed as the host does. */
const spec: SandboxSpec = {
  mounts: [
    { type: 'symlink', target: '/out', to: '/etc' },
    { type: 'symlink', target: '/up', to: '../../../../etc' },
    { type: 'symlink', target: '/root-of', to: '/proc/1/root/etc' },
    { type: 'file', target: '/etc/own', data: 'the sandbox’s' },
    { type: 'file', target: '/closed', data: 'secret', mode: 0 },
    { type: 'file', target: '/shut', data: '', readOnly: true },
  ],
};

let sandbox: Sandbox;
let before: ReturnType<typeof footprint>;

// What is opened once and for all is open from here on.
beforeAll(async () => {
  await exec('true');
  await inSandbox(userland(), (first) => said(first, 'true'));
});

beforeEach(async () => {
  before = footprint();

  sandbox = await Sandbox.create(userland(spec));
});

afterEach(async () => {
  await sandbox.close();
  await expectNothingLeft(before);
});

test('what is written inside is read here, and the other way round', async () => {
  await said(sandbox, 'printf "from inside" > /tmp/a');
  expect(await sandbox.readFile('/tmp/a', 'utf8')).toBe('from inside');
  expect(await sandbox.readFile('/tmp/a', { encoding: 'latin1' })).toBe('from inside');
  expect(await sandbox.readFile('/tmp/a')).toEqual(Buffer.from('from inside'));
  await sandbox.writeFile('/tmp/b', 'from outside');
  await sandbox.writeFile('/tmp/b', Buffer.from(', more'), { flag: 'a' });
  expect(await said(sandbox, 'cat /tmp/b; rm /tmp/b')).toBe('from outside, more');
  await sandbox.writeFile('/tmp/b', '');
  expect(await sandbox.readFile('/tmp/b', 'utf8')).toBe('');
  await expect(sandbox.writeFile('/tmp/b', 'x', { flag: 'wx' })).rejects.toMatchObject({ code: 'EEXIST' });
});

test('a file that is made belongs to who programs are', async () => {
  await sandbox.writeFile('/tmp/script', '#!/bin/sh\nid -u', { mode: 0o755 });
  await sandbox.mkdir('/tmp/directory');
  const uid = process.geteuid!();
  expect(await said(sandbox, '/tmp/script; stat -c "%u %a" /tmp/script /tmp/directory')).toBe(
    `${uid}\n${uid} 755\n${uid} 755`,
  );
});

test('large files and streams go through', async () => {
  const size = 30_000_000;
  await sandbox.writeFile('/tmp/large', Buffer.alloc(size, 7));
  expect(await said(sandbox, 'stat -c %s /tmp/large')).toBe(String(size));
  await expect(sandbox.readFile('/tmp/large')).rejects.toMatchObject({ code: 'EFBIG', path: '/tmp/large' });
  expect((await sandbox.readFile('/tmp/large', { maxBytes: size })).length).toBe(size);
  let seen = 0;
  for await (const chunk of await sandbox.createReadStream('/tmp/large')) seen += (chunk as Buffer).length;
  expect(seen).toBe(size);
  await sandbox.writeFile('/tmp/streamed', Readable.from(['a', 'b', 'c']));
  await pipeline(Readable.from(['d']), await sandbox.createWriteStream('/tmp/streamed', { flag: 'a' }));
  expect(await text(await sandbox.createReadStream('/tmp/streamed'))).toBe('abcd');
});

test('links lead to where they lead inside', async () => {
  for (const path of ['/out/own', '/up/own', '/../../etc/own', 'etc/own']) {
    expect(await sandbox.readFile(path, 'utf8')).toBe('the sandbox’s');
  }
  expect((await sandbox.readdir('/out')).map(({ name }) => name)).toContain('own');
  await sandbox.writeFile('/up/new', 'x');
  expect(await said(sandbox, 'cat /etc/new')).toBe('x');
  await expect(sandbox.readFile('/root-of/own')).rejects.toMatchObject({
    code: expect.stringMatching(/ELOOP|ENOENT|EACCES/) as string,
  });
  await expect(sandbox.readFile('/proc/self/root/etc/passwd')).rejects.toMatchObject({ name: 'NamespaceError' });
});

test('what a program inside may not do is not done from here either', async () => {
  await expect(sandbox.writeFile('/shut', 'x')).rejects.toMatchObject({ code: 'EROFS' });
  await expect(sandbox.writeFile('/usr/new', 'x')).rejects.toMatchObject({
    code: 'EROFS',
    hint: "'/usr/new' is on a read-only mount.",
  });
  await expect(sandbox.writeFile('/nowhere/new', 'x')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(sandbox.mkdir('/tmp')).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(sandbox.mkdir('/a/b/c')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(sandbox.writeFile('/proc/sys/kernel/hostname', 'x')).rejects.toMatchObject({ name: 'NamespaceError' });
  await expect(sandbox.readFile('/closed')).rejects.toMatchObject({ code: 'EACCES' });
});

test('nobody is waited for, and no device is touched: regular files only', async () => {
  await said(sandbox, 'mkfifo /tmp/fifo; mkdir /tmp/directory; ln -s /dev/zero /tmp/zero');
  await expect(sandbox.readFile('/tmp/fifo')).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(sandbox.writeFile('/tmp/fifo', 'x')).rejects.toMatchObject({ code: 'ENXIO' });
  await expect(sandbox.readFile('/tmp/directory')).rejects.toMatchObject({ code: 'EISDIR' });
  await expect(sandbox.readFile('/tmp/zero')).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(sandbox.writeFile('/dev/null', 'x')).rejects.toMatchObject({ code: 'EINVAL' });
});

test('directories are made and listed, by name and type', async () => {
  await sandbox.mkdir('/tmp/one');
  await sandbox.mkdir('/tmp/a/b/c', { recursive: true, mode: 0o700 });
  await sandbox.mkdir('/tmp/a/b/c', { recursive: true });
  await said(sandbox, 'cd /tmp; touch file; ln -s x link; mkfifo fifo; touch "$(printf "a\\nb")"');
  expect(await sandbox.readdir('/tmp')).toEqual([
    { name: 'a', type: 'directory' },
    { name: 'a\nb', type: 'file' },
    { name: 'fifo', type: 'fifo' },
    { name: 'file', type: 'file' },
    { name: 'link', type: 'symlink' },
    { name: 'one', type: 'directory' },
  ]);
  expect(await said(sandbox, 'stat -c %a /tmp/one /tmp/a /tmp/a/b/c')).toBe('755\n755\n700');
  await expect(sandbox.readdir('/tmp/file')).rejects.toMatchObject({ code: 'ENOTDIR' });
  await said(sandbox, 'mkdir /tmp/many; cd /tmp/many; seq 1 3000 | xargs touch');
  expect(await sandbox.readdir('/tmp/many')).toHaveLength(3000);
});

describe('a filesystem that is full', () => {
  const full: SandboxSpec = { mounts: [{ type: 'tmpfs', target: '/small', size: 1_000_000 }] };

  test.each([
    ['bytes', () => Buffer.alloc(5_000_000)],
    ['a text', () => 'x'.repeat(5_000_000)],
    ['a stream', () => Readable.from(Array<Buffer>(80).fill(Buffer.alloc(65_536)))],
  ])('is an error that says so, of %s', async (_, data) => {
    await inSandbox(userland(full), async (box) => {
      await expect(box.writeFile('/small/file', data())).rejects.toMatchObject({
        ...{ name: 'NamespaceError', code: 'ENOSPC', syscall: 'write', path: '/small/file', step: 'write /small/file' },
        hint: expect.stringContaining('is full') as string,
      });
      await box.writeFile('/small/file', 'fits');
      expect(await box.readFile('/small/file', 'utf8')).toBe('fits');
    });
  });

  test('leaves nothing open, and no process', async () => {
    await inSandbox(userland(full), async (box) => {
      await box.writeFile('/small/first', 'x');
      const sofar = footprint();
      await expect(box.writeFile('/small/file', Buffer.alloc(5_000_000))).rejects.toMatchObject({ code: 'ENOSPC' });
      await expectNothingLeft(sofar);
    });
  });
});

test('a stream that does not end is given up by a signal, and destroyed', async () => {
  const endless = new Readable({ read: () => undefined });
  const controller = new AbortController();
  const writing = sandbox.writeFile('/tmp/x', endless, { signal: controller.signal });
  controller.abort();
  await expect(writing).rejects.toMatchObject({ name: 'AbortError' });
  await eventually(() => endless.destroyed);
});

test('each call takes a signal', async () => {
  const signal = AbortSignal.abort();
  const calls = [
    sandbox.readFile('/etc/own', { signal }),
    sandbox.writeFile('/tmp/x', 'x', { signal }),
    sandbox.createReadStream('/etc/own', { signal }),
    sandbox.createWriteStream('/tmp/x', { signal }),
    sandbox.readdir('/', { signal }),
    sandbox.mkdir('/tmp/d', { signal }),
  ];
  for (const call of calls) await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  expect(await sandbox.readdir('/tmp')).toEqual([]);
});

test('a stream of the sandbox ends with its signal', async () => {
  const controller = new AbortController();
  const stream = await sandbox.createWriteStream('/tmp/x', { signal: controller.signal });
  controller.abort();
  await expect(pipeline(Readable.from(['x']), stream)).rejects.toMatchObject({ name: 'AbortError' });
});

test('a stream that fails is what the call fails with', async () => {
  const failing = new Readable({
    read() {
      this.destroy(new Error('broken off'));
    },
  });
  await expect(sandbox.writeFile('/tmp/x', failing)).rejects.toThrow('broken off');
});

test('a stream of what is neither text nor bytes is an error of the call, and none that nobody catches', async () => {
  const numbers = () => Readable.from([1, 2, 3]);
  await expect(sandbox.writeFile('/tmp/x', numbers())).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  const withFile = Sandbox.create({ mounts: [{ type: 'file', target: '/f', data: numbers() }] });
  await expect(withFile).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
});

test('a stream that does not end is given up with the sandbox, and nothing of it is left', async () => {
  const endless = new Readable({ read: () => undefined });
  const written = sandbox.writeFile('/tmp/x', endless).catch((error: unknown) => error);
  endless.push('something');
  await said(sandbox, 'until [ -s /tmp/x ]; do sleep 0.05; done');
  await sandbox.close();
  expect(await written).toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  expect(endless.destroyed).toBe(true);
});

test('a stream takes as long as it takes: a start that waits for it is not taken for one that is held', async () => {
  const slow = Readable.from(
    (async function* () {
      for (const part of ['slow', 'ly']) {
        yield part;
        await delay(1800);
      }
    })(),
  );
  await inSandbox({ mounts: [{ type: 'file', target: '/f', data: slow }] }, async (box) => {
    expect(await box.readFile('/f', 'utf8')).toBe('slowly');
  });
});

needs({ root: true }).test(
  'what is written is written by the sandbox: a bit that only root may leave is taken off',
  async () => {
    await withFolder(async (folder) => {
      const map = [{ inside: 0, outside: 180_000, count: 10 }];
      chmodSync(folder, 0o777);
      const spec: SandboxSpec = { user: { map }, mounts: [{ type: 'bind', source: folder, target: '/shared' }] };
      await inSandbox(userland(spec), async (box) => {
        const file = join(folder, 'program');
        writeFileSync(file, 'text');
        chownSync(file, 180_000, 180_000);
        chmodSync(file, 0o4755);
        await box.writeFile('/shared/program', 'more', { flag: 'a' });
        expect([readFileSync(file, 'utf8'), (statSync(file).mode & 0o7777).toString(8)]).toEqual(['textmore', '755']);
      });
    });
  },
);

test('bad arguments are refused by name', async () => {
  await expect(sandbox.readFile('')).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  await expect(sandbox.readFile('/x', { maxByte: 1 } as never)).rejects.toThrow(/maxBytes/);
  await expect(sandbox.writeFile('/x', 5 as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  await expect(sandbox.writeFile('/x', '', { flag: 'r' as never })).rejects.toThrow(/options\.flag/);
  await expect(sandbox.mkdir('/x', { recursiv: true } as never)).rejects.toThrow(/recursive/);
});

test('a stream that is given up gives its descriptor back', async () => {
  await sandbox.writeFile('/tmp/x', Buffer.alloc(1_000_000));
  const stream = await sandbox.createReadStream('/tmp/x');
  await new Promise((resolve) => stream.once('readable', resolve));
  stream.destroy();
  const unread = await sandbox.createReadStream('/tmp/x');
  unread.destroy();
  await inSandbox({}, () => Promise.resolve());
});

/** Runs something, and tells how many rounds the event loop has made meanwhile. */
async function turnsDuring<T>(work: () => Promise<T>): Promise<[result: T, turns: number]> {
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const result = await work();
  isOver = true;
  return [result, turns];
}

test('a directory of a hundred thousand leaves the event loop room', async () => {
  await said(sandbox, 'mkdir /tmp/many && cd /tmp/many && seq 100000 | xargs -n 5000 touch');
  // By hand, what is done for each of them takes a tenth of a second.
  const [entries, turns] = await turnsDuring(() => sandbox.readdir('/tmp/many'));
  expect(entries).toHaveLength(100_000);
  expect(entries.slice(0, 3)).toEqual(['1', '10', '100'].map((name) => ({ name, type: 'file' })));
  expect(turns).toBeGreaterThan(10);
});

test.each<[string, bytes: number, entries: number, hint: string]>([
  ['entries', 1e6, 2, 'more than 1000000 entries'],
  ['bytes', 5, 1e6, 'more than 268435456 bytes of names'],
])('a list has a limit in %s, and an error that says so', async (_, bytes, most, hint) => {
  const set = await unshare(['user', 'mnt']);
  await set.mount({ type: 'tmpfs', target: '/mnt' });
  await set.exec('touch /mnt/a /mnt/b /mnt/c');
  const step: Step = ['list', '/mnt', bytes, most];
  await expect(run({ join: [...set] }, [step])).rejects.toMatchObject({
    name: 'NamespaceError',
    code: 'EFBIG',
    path: '/mnt',
    step: 'list /mnt',
    hint: expect.stringContaining(hint) as string,
  });
  await set.close();
});
