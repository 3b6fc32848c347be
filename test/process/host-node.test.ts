import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type NamespaceProcess, type NamespaceSet, fork, setns, spawn, unshare } from '../../lib';
import { errorWith } from '../fixtures/errors';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { OTHER_NODES, otherNode } from '../fixtures/other-nodes';

/** Tells what it sees, and tries what it may not do. */
const MODULE = `
  const fs = require('fs');
  const tried = (action) => {
    if (!fs.existsSync('/.host-node')) return 'not tried'; // it is the host's
    try { action(); return 'done'; } catch (error) { return error.code; } };
  process.on('message', (message) => {
    process.send({
      message,
      version: process.version,
      args: process.argv.slice(2),
      title: process.argv0,
      root: fs.readdirSync('/'),
      uid: process.getuid(),
      mnt: tried(() => fs.readlinkSync('/proc/self/ns/mnt')),
      hasNode: fs.existsSync(${JSON.stringify(process.execPath)}),
      overNode: tried(() => fs.writeFileSync('/.host-node/node', '')),
      besideNode: tried(() => fs.writeFileSync('/.host-node/new', '')),
      inRoot: tried(() => fs.writeFileSync('/new', '')),
    });
    process.disconnect();
  });`;

const OPTIONS = { execArgv: [], silent: true };

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-host-node-'));
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'module.js'), MODULE);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Asks the module, and has it end. */
async function ask(child: NamespaceProcess): Promise<Record<string, unknown>> {
  const answer = once(child, 'message');
  child.send('question');
  const [seen] = (await answer) as [Record<string, unknown>];
  expect(await child.exited).toEqual({ code: 0, signal: null });
  return seen;
}

/** Mount namespaces in which only the module is left: a file system in memory is the root, nothing of the host's below. */
async function emptyRoot(
  unshared: readonly ('mnt' | 'user')[],
): Promise<{ set: NamespaceSet; holder: NamespaceProcess }> {
  const script = `
    mount -t tmpfs tmpfs /mnt && mkdir /mnt/old /mnt/app /mnt/dir && cp ${folder}/module.js /mnt/app && ln -s app /mnt/link &&
    : >/mnt/file && cd /mnt && pivot_root . old && cd / && echo ready && read line`;
  const options = { unshare: unshared, stdio: ['pipe', 'pipe', 'inherit'], env: { PATH } } as const;
  const holder = await spawn('sh', ['-c', script], options);
  await once(holder.stdout!, 'data');
  const set = await setns({ pid: holder.pid, kinds: [...unshared] });
  await set.mount({ type: 'tmpfs', target: '/old' });
  return { set, holder };
}

/** Without a user namespace it takes root. */
const KINDS: ('mnt' | 'user')[][] = process.geteuid?.() === 0 ? [['user', 'mnt'], ['mnt']] : [['user', 'mnt']];

describe.each(KINDS.map((kinds) => [kinds.join(' and '), kinds] as const))(
  'in a root that has no Node: %s',
  (_, kinds) => {
    let set: NamespaceSet;
    let holder: NamespaceProcess;

    beforeAll(async () => {
      ({ set, holder } = await emptyRoot(kinds));
    });
    afterAll(async () => {
      await set.close();
      await holder.close();
    });

    test('fork() says so without it', async () => {
      const error = errorWith({ code: 'ENOENT', syscall: 'execve', path: process.execPath });
      await expect(set.fork('/app/module.js')).rejects.toThrow(error);
    });

    test("it runs the host's", async () => {
      const seen = await ask(await set.fork('/link/module.js', ['a', 'b'], { ...OPTIONS, hostNode: true }));
      expect(seen).toMatchObject({ message: 'question', version: process.version, args: ['a', 'b'], hasNode: false });
      expect(seen.root).toEqual(['.host-node', 'app', 'dir', 'file', 'link', 'old']);
      expect(seen).toMatchObject({ overNode: 'EROFS', besideNode: 'EROFS', inRoot: 'EROFS' });
    });

    test('nothing of it is in the namespace that was joined, nor on the host', async () => {
      const mounts = async (): Promise<string> => {
        await set.mount({ type: 'proc', target: '/dir' }).catch(() => undefined);
        return (await set.readFile('/proc/self/mounts').catch(() => Buffer.alloc(0))).toString();
      };
      const before = await mounts();
      await ask(await set.fork('/app/module.js', { ...OPTIONS, hostNode: true }));
      expect(await mounts()).toBe(before);
      await expect(set.readFile('/.host-node/node')).rejects.toThrow(errorWith({ code: 'ENOENT' }));
      expect(existsSync('/.host-node')).toBe(false);
    });

    test('two at once', async () => {
      const start = async (): Promise<unknown> => ask(await set.fork('/app/module.js', { ...OPTIONS, hostNode: true }));
      const [one, other] = await Promise.all([start(), start()]);
      expect(one).toEqual(other);
    });

    test('under another name, with an init, in more namespaces', async () => {
      const options = { ...OPTIONS, hostNode: true, argv0: 'other', unshare: ['pid', 'net'] } as const;
      expect(await ask(await set.fork('/app/module.js', options))).toMatchObject({ version: process.version });
    });

    test('a Node that is not there, and one that is none', async () => {
      const none = set.fork('/app/module.js', { hostNode: true, execPath: '/no/node' });
      await expect(none).rejects.toThrow(errorWith({ code: 'ENOENT', path: '/no/node' }));
      const script = set.fork('/app/module.js', { hostNode: true, execPath: join(folder, 'module.js') });
      await expect(script).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_UNSUPPORTED' }));
      const relative = set.fork('/app/module.js', { hostNode: true, execPath: 'node' });
      await expect(relative).rejects.toThrow(errorWith({ code: 'ERR_INVALID_ARG_VALUE' }));
    });
  },
);

describe.each(OTHER_NODES)('Node %i', (major) => {
  needs({ node: [major] }).test('is made available as well', async () => {
    const { set, holder } = await emptyRoot(['user', 'mnt']);
    const options = { ...OPTIONS, hostNode: true, execPath: otherNode(major)! };
    const { version } = await ask(await set.fork('/app/module.js', options));
    expect(version).toMatch(new RegExp(`^v${major}\\.`));
    await set.close();
    await holder.close();
  });
});

describe("in the host's root", () => {
  test('with Node and /usr covered, and /proc to see', async () => {
    await using set = await unshare(['user', 'mnt']);
    for (const target of [dirname(process.execPath), '/usr']) await set.mount({ type: 'tmpfs', target });
    const child = await set.fork(join(folder, 'module.js'), { ...OPTIONS, hostNode: true });
    const seen = await ask(child);
    expect(seen).toMatchObject({ version: process.version, hasNode: false, besideNode: 'EROFS', inRoot: 'EROFS' });
    expect(seen.root).toEqual([...readdirSync('/'), '.host-node'].sort());
    expect(existsSync('/.host-node')).toBe(false);
  });

  test('a kernel that refuses is an error that says what, and nothing is left', async () => {
    const before = footprint();
    {
      await using set = await unshare(['user', 'mnt']);
      await set.writeFile('/proc/sys/user/max_mnt_namespaces', '0');
      const failing = set.fork(join(folder, 'module.js'), { ...OPTIONS, hostNode: true });
      const hint = expect.stringContaining('max_mnt_namespaces') as unknown;
      await expect(failing).rejects.toThrow(
        errorWith({ code: 'ENOSPC', syscall: 'unshare', step: 'unshare mnt', hint }),
      );
    }
    await expectNothingLeft(before);
  });

  test('where Node is where it was, nothing is done', async () => {
    const child = await fork(join(folder, 'module.js'), { ...OPTIONS, hostNode: true, unshare: ['user', 'net'] });
    expect(await ask(child)).toMatchObject({ hasNode: true, root: readdirSync('/') });
    await using own = await setns({ pid: process.pid, kinds: ['mnt', 'net'] }).catch(() => unshare(['user', 'net']));
    const other = await own.fork(join(folder, 'module.js'), { ...OPTIONS, hostNode: true });
    expect(await ask(other)).toMatchObject({ hasNode: true, root: readdirSync('/') });
  });
});
