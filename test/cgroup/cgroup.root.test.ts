import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type Cgroup, type NamespaceProcess, clone, execFile, spawn, unshare } from '../../lib';
import { ownCgroup } from '../../lib/cgroup/place';
import { CompiledPackage, outcomeOf } from '../fixtures/child-node';
import { errorWith } from '../fixtures/errors';
import { eventually, isAlive } from '../fixtures/footprint';
import { libraryWorker } from '../fixtures/worker';
import { firstLine } from '../discovery/fixtures/programs';

// Each run below a cgroup of its own, which has no controllers: what others have in the first one does not matter.
let parent: string;
let compiled: CompiledPackage;
beforeAll(() => {
  compiled = new CompiledPackage();
  parent = join(ownCgroup(), `linux-ns-jest-${process.pid}`);
  mkdirSync(parent);
});
afterAll(() => {
  compiled.remove();
  rmdirSync(parent);
});

/** A program that runs until it is killed, and its cgroup. */
async function sleeper(command = 'exec sleep 600'): Promise<{ child: NamespaceProcess; cgroup: Cgroup }> {
  const child = await spawn('sh', ['-c', command], { stdio: 'ignore', cgroup: { parent } });
  return { child, cgroup: child.cgroup! };
}

const cgroupOf = (pid: number): string => /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
const state = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? '';
const left = (): string[] =>
  readdirSync(parent, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? [e.name] : []));

test('a program is born in its cgroup, which is removed when it ends', async () => {
  const { child, cgroup } = await sleeper();
  expect(dirname(cgroup.path)).toBe(parent);
  expect(basename(cgroupOf(child.pid))).toBe(basename(cgroup.path));
  expect(await cgroup.processes()).toEqual([child.pid]);
  child.kill();
  await once(child, 'close');
  expect(existsSync(cgroup.path)).toBe(false);
});

test('by default it is made below the cgroup of this process', async () => {
  await using child = await spawn('sleep', ['600'], { stdio: 'ignore', cgroup: {} });
  expect(dirname(child.cgroup!.path)).toBe(ownCgroup().replace(/\/$/, ''));
});

test('it may have a name', async () => {
  await using child = await spawn('sleep', ['600'], { stdio: 'ignore', cgroup: { parent, name: 'a box' } });
  expect(child.cgroup!.path).toBe(join(parent, 'a box'));
  await expect(spawn('true', { cgroup: { parent, name: 'a box' } })).rejects.toEqual(
    errorWith({ code: 'EEXIST', syscall: 'mkdir', hint: expect.stringMatching(/already/) as string }),
  );
});

test('without the option there is none', async () => {
  await using child = await spawn('sleep', ['600'], { stdio: 'ignore' });
  expect(child.cgroup).toBeNull();
});

test('an init is in it as well, and the root of a new cgroup namespace is where the program is', async () => {
  const options = { unshare: ['user', 'pid', 'cgroup'], cgroup: { parent } } as const;
  expect((await execFile('cat', ['/proc/self/cgroup'], { ...options })).stdout).toMatch(/^0::\/$/m);
  const child = await spawn('sleep', ['600'], { stdio: 'ignore', ...options });
  expect(await child.cgroup!.processes()).toHaveLength(2);
  await child.close();
  expect(existsSync(child.cgroup!.path)).toBe(false);
});

test('programs in namespaces that exist have one too', async () => {
  await using set = await unshare(['user', 'pid', 'mnt']);
  const child = await set.spawn('sleep', ['600'], { stdio: 'ignore', cgroup: { parent } });
  expect(basename(cgroupOf(child.pid))).toBe(basename(child.cgroup!.path));
  await child.close();
  expect(existsSync(child.cgroup!.path)).toBe(false);
});

test('a Node whose own cgroup has once been killed has them too', async () => {
  const own = join(parent, 'killed');
  mkdirSync(own);
  const enter = ['sh', '-c', `echo $$ >${own}/cgroup.procs && exec "$@"`, 'sh'];
  writeFileSync(join(own, 'cgroup.kill'), '1');
  const script = `
    const child = await linux.spawn('cat', ['/proc/self/cgroup'], { cgroup: { parent: '${parent}' }, unshare: ['user', 'pid'] });
    let text = '';
    for await (const chunk of child.stdout) text += chunk;
    return [await child.exited, text.includes(child.cgroup.path.slice(${ownCgroup().length}))];`;
  expect(await compiled.run(script, enter)).toEqual({ value: [{ code: 0, signal: null }, true] });
  rmdirSync(own);
});

test('clone() has it, and close() waits for its removal', async () => {
  const child = await clone({ file: 'sleep', args: ['600'], cgroup: { parent } });
  expect(await child.cgroup!.processes()).toEqual([child.pid]);
  await child.close();
  expect(existsSync(child.cgroup!.path)).toBe(false);
});

test('what a program leaves behind ends with it, however it has hidden', async () => {
  const child = await spawn('sh', ['-c', 'setsid sleep 600 & echo $!; kill -9 $$'], { cgroup: { parent } });
  const [pid] = (await once(child.stdout!, 'data')) as [Buffer];
  // The grandchild holds the streams: that it is gone is what lets 'close' come.
  await once(child, 'close');
  expect(isAlive(Number(pid))).toBe(false);
  expect(existsSync(child.cgroup!.path)).toBe(false);
});

test('cgroups that a program has made in it are removed, too', async () => {
  const { child, cgroup } = await sleeper();
  const below = join(cgroup.path, 'a', 'b');
  mkdirSync(below, { recursive: true });
  writeFileSync(join(below, 'cgroup.procs'), String(child.pid));
  expect(await cgroup.processes()).toEqual([child.pid]);
  await child.close();
  expect(existsSync(cgroup.path)).toBe(false);
});

test('freeze() stops all of it, thaw() lets it go on', async () => {
  const { child, cgroup } = await sleeper('while :; do :; done');
  await cgroup.freeze();
  expect(await cgroup.stats()).toMatchObject({ populated: true, frozen: true });
  const before = (await cgroup.stats()).cpu?.usage_usec;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await cgroup.stats()).cpu?.usage_usec).toBe(before);
  await cgroup.thaw();
  expect(await cgroup.stats()).toMatchObject({ populated: true, frozen: false });
  expect(['R', 'S']).toContain(state(child.pid));
  await child.close();
});

describe('a process that waits in the kernel, for a file server that does not answer,', () => {
  let folder: string;
  let server: NamespaceProcess;
  let waiting: { child: NamespaceProcess; cgroup: Cgroup };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ns-silent-'));
    const script = join(__dirname, '../discovery/fixtures/silent-server.py');
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    server = await spawn('python3', [script, join(folder, 'silent')], { unshare: ['mnt'], stdio: [...stdio] });
    const pid = Number(await firstLine(server));
    waiting = await sleeper(`exec cat /proc/${pid}/root/mnt/file`);
    const name = (): string => readFileSync(`/proc/${waiting.child.pid}/comm`, 'utf8');
    await eventually(() => name() === 'cat\n' && ['S', 'D'].includes(state(waiting.child.pid)));
  });
  afterEach(async () => {
    // Not even SIGKILL ends it before.
    await server.close();
    await waiting.child.close();
    rmSync(folder, { recursive: true });
  });

  test('cannot be frozen: freeze() says so, and leaves nothing frozen', async () => {
    const { child, cgroup } = waiting;
    await expect(cgroup.freeze({ timeout: 100 })).rejects.toMatchObject({
      name: 'NamespaceError',
      code: 'ETIMEDOUT',
      step: `freeze ${cgroup.path}`,
      path: cgroup.path,
      message: expect.stringContaining(`within 100 ms for the processes ${child.pid}`) as string,
      hint: expect.stringContaining('in state D waits in the kernel for a device or a file server') as string,
    });
    expect(readFileSync(join(cgroup.path, 'cgroup.freeze'), 'utf8')).toBe('0\n');
  });

  test('need not be waited for', async () => {
    const controller = new AbortController();
    const freezing = waiting.cgroup.freeze({ signal: controller.signal });
    controller.abort();
    await expect(freezing).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
    expect(readFileSync(join(waiting.cgroup.path, 'cgroup.freeze'), 'utf8')).toBe('0\n');
  });
});

test.each([
  [{ timeout: 0 }, 'ERR_OUT_OF_RANGE'],
  [{ timeout: '1' }, 'ERR_INVALID_ARG_TYPE'],
  [{ timeot: 1 }, 'ERR_INVALID_ARG_VALUE'],
  [{ signal: {} }, 'ERR_INVALID_ARG_TYPE'],
])('freeze() and thaw() refuse %j, and do nothing', async (options, code) => {
  const { child, cgroup } = await sleeper();
  await expect(cgroup.freeze(options as object)).rejects.toMatchObject({ code });
  await expect(cgroup.thaw(options as object)).rejects.toMatchObject({ code });
  expect(readFileSync(join(cgroup.path, 'cgroup.freeze'), 'utf8')).toBe('0\n');
  await child.close();
});

test('a frozen program can be killed and closed', async () => {
  const { child, cgroup } = await sleeper();
  await cgroup.freeze();
  child.kill('SIGKILL');
  expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  const other = await sleeper();
  await other.cgroup.freeze();
  await other.child.close();
  expect([existsSync(cgroup.path), existsSync(other.cgroup.path)]).toEqual([false, false]);
});

test('kill() ends all of it', async () => {
  const { child, cgroup } = await sleeper('sleep 600 & sleep 600 & wait');
  await eventually(async () => (await cgroup.processes()).length === 3);
  await cgroup.kill();
  expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
});

test('kill() resolves however soon the cgroup is removed', async () => {
  for (let round = 0; round < 20; round++) {
    const { child, cgroup } = await sleeper();
    const killing = [cgroup.kill(), cgroup.delete()];
    child.kill('SIGKILL');
    await Promise.all(killing);
    expect(existsSync(cgroup.path)).toBe(false);
  }
});

test('after the end there is nothing to ask any more', async () => {
  const { child, cgroup } = await sleeper();
  await child.close();
  const gone = errorWith({ code: 'ENOENT', hint: expect.stringMatching(/program has ended/) as string });
  await expect(cgroup.stats()).rejects.toEqual(gone);
  await expect(cgroup.freeze()).rejects.toEqual(gone);
  await expect(cgroup.processes()).rejects.toEqual(errorWith({ code: 'ENOENT' }));
  await expect(cgroup.delete()).resolves.toBeUndefined();
});

test('a start that fails leaves no cgroup', async () => {
  await expect(spawn('/no/such/file', { cgroup: { parent, name: 'missing' } })).rejects.toMatchObject({
    code: 'ENOENT',
  });
  const signal = AbortSignal.abort();
  await expect(spawn('true', { signal, cgroup: { parent, name: 'aborted' } })).rejects.toMatchObject({
    name: 'AbortError',
  });
  expect(left()).not.toEqual(expect.arrayContaining(['missing']));
  expect(left()).not.toEqual(expect.arrayContaining(['aborted']));
});

test('many at once have one each', async () => {
  const children = await Promise.all(Array.from({ length: 8 }, () => sleeper()));
  expect(new Set(children.map(({ cgroup }) => cgroup.path)).size).toBe(8);
  await Promise.all(children.map(({ child }) => child.close()));
  expect(children.filter(({ cgroup }) => existsSync(cgroup.path))).toEqual([]);
});

test('the cgroup of a Node that was killed is removed by the next one', async () => {
  const below = join(parent, 'stale');
  mkdirSync(below);
  const [file, args] = compiled.command(
    `const child = await linux.spawn('sleep', ['600'], { stdio: 'ignore', cgroup: { parent: '${below}' } });
     return { pid: child.pid, path: child.cgroup.path };`,
  );
  const node = nodeSpawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = (await once(node.stdout, 'data')) as [Buffer];
  const { pid, path } = outcomeOf(text.toString()).value as { pid: number; path: string };
  node.kill('SIGKILL');
  await once(node, 'exit');
  await eventually(() => !isAlive(pid));
  expect(existsSync(path)).toBe(true);
  await execFile('true', { cgroup: { parent: below } });
  expect(existsSync(path)).toBe(false);
  rmdirSync(below);
});

test('the cgroup of a Worker that was terminated is removed by the next start in the same process', async () => {
  const below = join(parent, 'worker');
  mkdirSync(below);
  const worker = libraryWorker(`
    const child = await linux.spawn('sleep', ['600'], { stdio: 'ignore', cgroup: { parent: ${JSON.stringify(below)} } });
    report({ pid: child.pid, path: child.cgroup.path });`);
  const [{ pid, path }] = (await once(worker, 'message')) as [{ pid: number; path: string }];
  await worker.terminate();
  await eventually(() => !isAlive(pid));
  await eventually(async () => {
    await execFile('true', { cgroup: { parent: below } });
    return !existsSync(path);
  });
  rmdirSync(below);
});

describe('limits', () => {
  const controllers = readFileSync(join(ownCgroup(), 'cgroup.controllers'), 'utf8').split(/\s+/);

  test('a controller that the parent does not have is named, and how it gets there', async () => {
    // The parent was given none.
    const error = {
      name: 'NamespaceError',
      code: 'ERR_LINUX_NS_UNSUPPORTED',
      message: expect.stringContaining(`no memory, pids controller in ${parent}/cgroup.controllers`) as string,
      path: join(parent, 'cgroup.controllers'),
      hint: expect.stringMatching(/Delegate=yes|version 1/) as string,
    };
    await expect(spawn('true', { cgroup: { parent, memoryMax: 1e9, pidsMax: 10 } })).rejects.toEqual(errorWith(error));
  });

  test('a directory that is no cgroup of version 2 is refused', async () => {
    await expect(spawn('true', { cgroup: { parent: '/tmp' } })).rejects.toEqual(
      errorWith({ code: 'ERR_LINUX_NS_UNSUPPORTED', path: '/tmp', hint: expect.stringMatching(/cgroup2/) as string }),
    );
    await expect(spawn('true', { cgroup: { parent: join(parent, 'missing') } })).rejects.toEqual(
      errorWith({ code: 'ENOENT', step: 'find parent cgroup' }),
    );
  });

  const withHugetlb = controllers.includes('hugetlb') ? describe : describe.skip;
  // The one controller that is free where version 1 has all the others.
  withHugetlb('of a controller that is there', () => {
    const top = (): string => join(ownCgroup(), 'cgroup.subtree_control');
    const wasOn = readFileSync(top(), 'utf8').includes('hugetlb');
    afterAll(() => {
      if (!wasOn) writeFileSync(top(), '-hugetlb');
    });

    test('are set', async () => {
      const child = await spawn('sleep', ['600'], { stdio: 'ignore', cgroup: { hugetlbMax: { '2MB': 4_194_304 } } });
      expect(readFileSync(join(child.cgroup!.path, 'hugetlb.2MB.max'), 'utf8')).toBe('4194304\n');
      await child.close();
      expect(existsSync(child.cgroup!.path)).toBe(false);
    });

    test('that the kernel does not know leave nothing', async () => {
      const name = `linux-ns-jest-unknown-${process.pid}`;
      await expect(spawn('true', { cgroup: { name, hugetlbMax: { '3MB': 0 } } })).rejects.toEqual(
        errorWith({
          code: 'ENOENT',
          step: 'write 0 to hugetlb.3MB.max',
          hint: expect.stringMatching(/This kernel has no/) as string,
        }),
      );
      expect(existsSync(join(ownCgroup(), name))).toBe(false);
    });

    test('cannot be given below a cgroup that has processes', async () => {
      await using box = await spawn('sleep', ['600'], { stdio: 'ignore', cgroup: { hugetlbMax: { '2MB': 0 } } });
      const busy = { parent: box.cgroup!.path, hugetlbMax: { '2MB': 0 } };
      await expect(spawn('true', { cgroup: busy })).rejects.toEqual(
        errorWith({
          code: 'EBUSY',
          step: expect.stringMatching(/^enable hugetlb in .*cgroup.subtree_control$/) as string,
          hint: expect.stringMatching(/processes of its own.*DelegateSubgroup/) as string,
        }),
      );
    });
  });
});

test('who may not write to the cgroup above both cannot start a program in the one below', async () => {
  const delegated = join(parent, 'delegated');
  mkdirSync(delegated);
  await execFile('chown', ['-R', '4713', delegated]);
  const body = `await linux.spawn('true', { cgroup: { parent: '${delegated}' } })`;
  const { error } = await compiled.run(body, ['setpriv', '--reuid=4713', '--regid=4713', '--clear-groups']);
  expect(error).toMatchObject({
    code: 'EACCES',
    step: 'enter cgroup',
    hint: expect.stringMatching(/Delegat/) as string,
  });
  expect(readdirSync(delegated).filter((name) => name.startsWith('linux-ns'))).toEqual([]);
  rmdirSync(delegated);
});
