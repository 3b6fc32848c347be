import { execFile as execFileCallback, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setns, spawn, unshare } from '../../../lib';
import { Network, networkNamespaces } from '../../../lib/network';
import { errorWith } from '../../fixtures/errors';
import { eventually, expectNothingLeft, footprint } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';
import { nodeArguments } from '../../fixtures/scenario';
import { closeAll, converse } from '../sockets/inside';

const execFile = promisify(execFileCallback);

/** What ip(8) prints. */
async function ip(...args: string[]): Promise<string> {
  return (await execFile('ip', args)).stdout;
}

describe('networkNamespaces', () => {
  let serial = 0;
  const names: string[] = [];

  /** A name that nobody else has, and that goes with the test. */
  const fresh = (): string => {
    const name = `linux-ns-${process.pid}-${serial++}`;
    names.push(name);
    return name;
  };

  afterEach(async () => {
    const left = await networkNamespaces.list();
    for (const name of names.splice(0)) {
      if (left.includes(name) || existsSync(`/run/netns/${name}`)) await networkNamespaces.delete(name);
      rmSync(`/etc/netns/${name}`, { recursive: true, force: true });
    }
    // Others may have theirs.
    if (existsSync('/etc/netns')) attempt(() => rmdirSync('/etc/netns'));
  });

  test('adds, lists, opens and removes a namespace by its name', async () => {
    const before = footprint();
    const name = fresh();
    const kept = await networkNamespaces.add(name);
    expect(kept).toMatchObject({ path: `/run/netns/${name}`, kind: 'net' });
    expect(await networkNamespaces.list()).toContain(name);
    const opened = await networkNamespaces.open(name);
    expect(opened).toMatchObject({ kind: 'net', id: kept.id });
    await opened.close();
    await networkNamespaces.delete(name);
    expect(await networkNamespaces.list()).not.toContain(name);
    expect(existsSync(kept.path)).toBe(false);
    await expectNothingLeft(before);
  });

  test('has lo up in a new one, unless told otherwise', async () => {
    const [up, down] = [fresh(), fresh()];
    await networkNamespaces.add(up);
    await networkNamespaces.add(down, { loopback: false });
    const states = await Promise.all(
      [up, down].map(async (name) => (await execFile('ip', ['-n', name, '-br', 'link'])).stdout),
    );
    expect(states[0]).toMatch(/^lo\s+UNKNOWN/);
    expect(states[1]).toMatch(/^lo\s+DOWN/);
  });

  test('what it returns removes the namespace, too, and not another of that name', async () => {
    const name = fresh();
    const kept = await networkNamespaces.add(name);
    await networkNamespaces.delete(name);
    await networkNamespaces.add(name);
    await expect(kept.delete()).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_NOT_MOUNTED' }));
    expect(await networkNamespaces.list()).toContain(name);
  });

  test('gives a name to a namespace that there is, which then outlives its set', async () => {
    const set = await unshare(['user', 'net']);
    const name = fresh();
    const id = String(set.net);
    await networkNamespaces.add(name, { namespace: set });
    expect(await networkNamespaces.identify(set)).toEqual([name]);
    await set.close();
    const opened = await networkNamespaces.open(name);
    expect(String(opened)).toBe(id);
    await opened.close();
  });

  needs({ tool: ['ip'] }).describe('beside iproute2', () => {
    test('ip sees, uses and deletes what it has added', async () => {
      const name = fresh();
      const kept = await networkNamespaces.add(name);
      expect(await ip('netns', 'list')).toMatch(new RegExp(`^${name}\\b`, 'm'));
      expect(await ip('netns', 'exec', name, 'readlink', '/proc/self/ns/net')).toBe(`net:[${kept.id}]\n`);
      await ip('netns', 'delete', name);
      expect(await networkNamespaces.list()).not.toContain(name);
      await expect(networkNamespaces.open(name)).rejects.toThrow(
        errorWith({
          code: 'ENOENT',
          hint: 'There is no network namespace of that name: list() has those that there are.',
        }),
      );
    });

    test('it sees, uses and deletes what ip has added', async () => {
      const name = fresh();
      await ip('netns', 'add', name);
      expect(await networkNamespaces.list()).toContain(name);
      const opened = await networkNamespaces.open(name);
      const inside = await setns(opened);
      expect((await inside.execFile('ip', ['netns', 'identify'])).stdout).toBe(`${name}\n`);
      await inside.close();
      await opened.close();
      await networkNamespaces.delete(name);
      expect(await ip('netns', 'list')).not.toContain(name);
    });

    test('the files and the mounts of both are the same', async () => {
      const [ours, theirs] = [fresh(), fresh()];
      await networkNamespaces.add(ours);
      await ip('netns', 'add', theirs);
      const mounts = [ours, theirs].map((name) => mountOf(`/run/netns/${name}`));
      expect(mounts[0]).toEqual(mounts[1]);
      expect(mounts[0]).toMatchObject({ type: 'nsfs', shared: true });
      expect(mountOf('/run/netns')).toMatchObject({ shared: true });
      for (const name of [ours, theirs]) await networkNamespaces.delete(name);
    });

    test('neither takes a name that the other has', async () => {
      const [ours, theirs] = [fresh(), fresh()];
      await networkNamespaces.add(ours);
      await expect(ip('netns', 'add', ours)).rejects.toThrow(/File exists/);
      await ip('netns', 'add', theirs);
      await expect(networkNamespaces.add(theirs)).rejects.toThrow(
        errorWith({
          name: 'NamespaceError',
          code: 'EEXIST',
          path: `/run/netns/${theirs}`,
          hint: expect.stringContaining('already') as string,
        }),
      );
      expect(await networkNamespaces.list()).toEqual(expect.arrayContaining([ours, theirs]));
    });

    test('many of both at once do not get into each other’s way', async () => {
      const [ours, theirs] = [1, 2].map(() => Array.from({ length: 8 }, fresh)) as [string[], string[]];
      await Promise.all([
        ...ours.map((name) => networkNamespaces.add(name)),
        ...theirs.map((name) => ip('netns', 'add', name)),
      ]);
      expect(await networkNamespaces.list()).toEqual(expect.arrayContaining([...ours, ...theirs]));
      expect(mountsOn('/run/netns')).toBe(1);
      await Promise.all([
        ...ours.map((name) => ip('netns', 'delete', name)),
        ...theirs.map((name) => networkNamespaces.delete(name)),
      ]);
      const left = await networkNamespaces.list();
      expect(left.filter((name) => [...ours, ...theirs].includes(name))).toEqual([]);
    });
  });

  test('of many who want the same name one has it', async () => {
    const name = fresh();
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => networkNamespaces.add(name)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'EEXIST' });
    }
  });

  test('sees a file that nothing is mounted on for what it is, and takes it away', async () => {
    const name = fresh();
    const kept = await networkNamespaces.add(fresh()); // so that the directory is there
    writeFileSync(`/run/netns/${name}`, '');
    expect(await networkNamespaces.list()).not.toContain(name);
    await expect(networkNamespaces.open(name)).rejects.toThrow(errorWith({ code: 'EINVAL' }));
    await expect(networkNamespaces.add(name)).rejects.toThrow(
      errorWith({ code: 'EEXIST', hint: expect.stringContaining('delete()') as string }),
    );
    await networkNamespaces.delete(name);
    expect(existsSync(`/run/netns/${name}`)).toBe(false);
    await kept.delete();
  });

  test('refuses a namespace of another kind, wherever the name is used, and lists the others', async () => {
    const [name, other] = [fresh(), fresh()];
    await networkNamespaces.add(other);
    const set = await unshare('uts');
    const kept = await set.uts!.persist(`/run/netns/${name}`);
    try {
      const { open, enter, pids } = networkNamespaces;
      for (const act of [open, enter, pids]) {
        await expect(act(name)).rejects.toThrow(
          errorWith({ code: 'ERR_LINUX_NS_NO_SUCH_KIND', kind: 'net', path: `/run/netns/${name}` }),
        );
      }
      expect(await networkNamespaces.list()).not.toContain(name);
      expect(await networkNamespaces.list()).toContain(other);
      expect(await networkNamespaces.entries()).toEqual(
        expect.arrayContaining([
          { name, kind: 'uts' },
          { name: other, kind: 'net' },
        ]),
      );
      await expect(networkNamespaces.add(name)).rejects.toThrow(errorWith({ code: 'EEXIST' }));
    } finally {
      await kept.delete();
      await set.close();
    }
  });

  needs({ tool: ['strace'] }).describe('of a process that is killed before the mount', () => {
    /** Adds a name, or keeps a namespace, in another Node, and kills what does it. */
    const interrupted = async (scenario: 'addOne' | 'persistOne', argument: string): Promise<void> => {
      const kill = ['-f', '-qq', '-o', '/dev/null', '-e', 'inject=open_tree:signal=KILL', '-e', 'trace=open_tree'];
      const node = nodeArguments(require.resolve('./scenarios'), scenario, [argument]);
      await execFile('strace', [...kill, process.execPath, ...node]).catch(() => undefined);
    };
    /** The mode of a file that waits for its mount: no other file has only the sticky bit. */
    const LEFT = 0o101000;

    test('list() takes the file away', async () => {
      const name = fresh();
      await interrupted('addOne', name);
      expect(statSync(`/run/netns/${name}`).mode).toBe(LEFT);
      expect(await networkNamespaces.list()).not.toContain(name);
      expect(existsSync(`/run/netns/${name}`)).toBe(false);
    });

    test('add() and persist() use it', async () => {
      const name = fresh();
      await interrupted('addOne', name);
      expect(statSync(`/run/netns/${name}`).mode).toBe(LEFT);
      await networkNamespaces.add(name);
      await networkNamespaces.delete(name);
      const folder = mkdtempSync(join(tmpdir(), 'ns-left-'));
      const set = await unshare('net');
      try {
        await interrupted('persistOne', join(folder, 'kept'));
        expect(statSync(join(folder, 'kept')).mode).toBe(LEFT);
        const kept = await set.net!.persist(join(folder, 'kept'));
        await kept.delete();
        expect(existsSync(join(folder, 'kept'))).toBe(false);
      } finally {
        await set.close();
        rmSync(folder, { recursive: true });
      }
    });
  });

  test('says that there is no such name', async () => {
    const name = fresh();
    const { delete: deleteNamed, open, enter } = networkNamespaces;
    for (const act of [deleteNamed, open, enter]) {
      await expect(act(name)).rejects.toThrow(errorWith({ code: 'ENOENT', path: `/run/netns/${name}` }));
    }
  });

  test('leaves nothing behind when it is aborted', async () => {
    const before = footprint();
    const name = fresh();
    const controller = new AbortController();
    const adding = networkNamespaces.add(name, { signal: controller.signal });
    setImmediate(() => controller.abort());
    const outcome = await adding.then(
      () => 'added',
      (error: unknown) => (error as Error).name,
    );
    expect(['added', 'AbortError']).toContain(outcome);
    await expectNothingLeft(before);
  });

  test('knows the names of a namespace, and the processes in it', async () => {
    const [one, two] = [fresh(), fresh()];
    await networkNamespaces.add(one);
    const net = await networkNamespaces.open(one);
    await networkNamespaces.add(two, { namespace: net });
    expect(await networkNamespaces.identify(net)).toEqual([one, two]);
    const child = await spawn('sleep', ['60'], { setns: net, stdio: 'ignore' });
    expect(await networkNamespaces.identify(child.pid)).toEqual([one, two]);
    expect(await networkNamespaces.pids(one)).toEqual([child.pid]);
    await child.close();
    await net.close();
    expect(await networkNamespaces.pids(one)).toEqual([]);
    expect(await networkNamespaces.identify()).not.toContain(one);
  });

  test('a namespace lives on without its name while somebody uses it', async () => {
    const name = fresh();
    await networkNamespaces.add(name);
    const handle = await networkNamespaces.open(name);
    const net = await Network.open(handle);
    await handle.close();
    const server = await net.listen(
      createServer((socket) => socket.end('nameless')),
      80,
    );
    await networkNamespaces.delete(name);
    expect(await converse(await net.connect(80), '')).toBe('nameless');
    await closeAll(server);
    await net.close();
  });

  test('the mount of a name spreads to other mount namespaces, and goes from there', async () => {
    const name = fresh();
    await networkNamespaces.add(fresh()); // so that the directory is a mount
    const other = await unshare({ mnt: { propagation: 'slave' } });
    await networkNamespaces.add(name);
    const mounted = async (): Promise<boolean> =>
      (await other.readFile('/proc/self/mountinfo', 'utf8')).includes(`/run/netns/${name} `);
    expect(await mounted()).toBe(true);
    await networkNamespaces.delete(name);
    expect(await mounted()).toBe(false);
    await other.close();
  });

  describe('enter()', () => {
    test('puts the files of /etc/netns/NAME over those of /etc, and shows the devices of that network', async () => {
      const name = fresh();
      await networkNamespaces.add(name);
      mkdirSync(`/etc/netns/${name}`, { recursive: true });
      writeFileSync(`/etc/netns/${name}/resolv.conf`, 'nameserver 10.11.12.13\n');
      writeFileSync(`/etc/netns/${name}/hosts`, '10.11.12.14 elsewhere\n');
      writeFileSync(`/etc/netns/${name}/no-such-file-in-etc`, 'nothing to stand in for\n');
      const hosts = readFileSync('/etc/hosts', 'utf8');
      const inside = await networkNamespaces.enter(name);
      try {
        const { stdout } = await inside.exec(
          'cat /etc/resolv.conf /etc/hosts; ls /sys/class/net; ls /etc/no-such* 2>&1 | wc -l',
        );
        expect(stdout).toBe('nameserver 10.11.12.13\n10.11.12.14 elsewhere\nlo\n1\n');
        await using net = await Network.open(inside);
        expect(await net.lookup('elsewhere')).toEqual([{ address: '10.11.12.14', family: 4 }]);
        expect((await inside.execFile('cat', ['/etc/hosts'], { uid: 65534 })).stdout).toBe('10.11.12.14 elsewhere\n');
        expect([...inside].map(({ kind }) => kind)).toEqual(['mnt', 'net']);
      } finally {
        await inside.close();
      }
      expect(readFileSync('/etc/hosts', 'utf8')).toBe(hosts);
      expect(mountsOn('/etc/hosts')).toBe(0);
    });

    test('is what ip netns exec shows', async () => {
      const name = fresh();
      await networkNamespaces.add(name);
      mkdirSync(`/etc/netns/${name}`, { recursive: true });
      writeFileSync(`/etc/netns/${name}/resolv.conf`, 'nameserver 10.11.12.13\n');
      const look = ['sh', '-c', 'cat /etc/resolv.conf; ls /sys/class/net; readlink /proc/self/ns/net; ip -br link'];
      const inside = await networkNamespaces.enter(name);
      const ours = (await inside.execFile(look[0]!, look.slice(1))).stdout;
      await inside.close();
      expect(ours).toBe(await ip('netns', 'exec', name, ...look));
    });

    test('sees what the host mounts later, and keeps to itself what is mounted inside', async () => {
      const name = fresh();
      await networkNamespaces.add(name);
      const folder = mkdtempSync(join(tmpdir(), 'ns-enter-'));
      const inside = await networkNamespaces.enter(name);
      try {
        await inside.mount({ type: 'tmpfs', target: folder });
        expect(mountsOn(folder)).toBe(0);
      } finally {
        await inside.close();
        rmSync(folder, { recursive: true });
      }
    });

    test('leaves nothing when it fails', async () => {
      const before = footprint();
      const name = fresh();
      await networkNamespaces.add(name);
      mkdirSync(`/etc/netns/${name}/hosts`, { recursive: true });
      await expect(networkNamespaces.enter(name)).rejects.toThrow(
        errorWith({ name: 'NamespaceError', code: 'EINVAL', path: '/etc/hosts' }),
      );
      await expectNothingLeft(before);
    });
  });

  test('lookup() of a namespace with a name goes by its files in /etc/netns', async () => {
    const name = fresh();
    await networkNamespaces.add(name);
    mkdirSync(`/etc/netns/${name}`, { recursive: true });
    writeFileSync(`/etc/netns/${name}/hosts`, '10.11.12.15 only.here\n');
    writeFileSync(`/etc/netns/${name}/resolv.conf`, 'nameserver 127.0.0.77\noptions timeout:1 attempts:1\n');
    const handle = await networkNamespaces.open(name);
    const net = await Network.open(handle);
    await handle.close();
    try {
      expect(await net.lookup('only.here')).toEqual([{ address: '10.11.12.15', family: 4 }]);
      await expect(net.lookup('nowhere.test')).rejects.toThrow(
        errorWith({ code: 'EAI_AGAIN', message: expect.stringContaining('127.0.0.77') as string }),
      );
      await using set = await unshare('net');
      await using other = await Network.open(set);
      await expect(other.lookup('only.here', { servers: ['127.0.0.1'], timeout: 1000 })).rejects.toThrow();
    } finally {
      await net.close();
    }
  });

  test('goes when nobody uses it: its devices with it', async () => {
    const name = fresh();
    await networkNamespaces.add(name);
    const other = fresh();
    await networkNamespaces.add(other);
    execFileSync('ip', [
      'link',
      'add',
      'ends0',
      'netns',
      name,
      'type',
      'veth',
      'peer',
      'name',
      'ends1',
      'netns',
      other,
    ]);
    await networkNamespaces.delete(name);
    await eventually(async () => !(await ip('-n', other, 'link')).includes('ends1'));
  });
});

function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // as far as it goes
  }
}

/** How many mounts there are on a path. */
function mountsOn(path: string): number {
  return mountLines().filter((fields) => fields[4] === path).length;
}

/** The mount on a path, as far as it is the same for two of a kind. */
function mountOf(path: string): unknown {
  const fields = mountLines().find((each) => each[4] === path);
  const dash = fields?.indexOf('-') ?? 0;
  const { mode, uid, gid, nlink } = statSync(path);
  return {
    options: fields?.[5],
    shared: fields?.slice(6, dash).some((field) => field.startsWith('shared:')),
    type: fields?.[dash + 1],
    ...{ mode, uid, gid, nlink },
  };
}

function mountLines(): string[][] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
}
