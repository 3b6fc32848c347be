import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { CAPABILITIES, type Capability, type SpawnOptions, execFile, spawn, unshare } from '../../lib';
import { capabilitiesOf } from '../../lib/kernel/capabilities';
import { HostFiles } from '../../lib/kernel/host-files';
import { CompiledPackage, outcomeOf } from '../fixtures/child-node';
import { errorWith } from '../fixtures/errors';
import { eventually, isAlive } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

interface Sets {
  permitted: Capability[];
  effective: Capability[];
  inheritable: Capability[];
  bounding: Capability[];
  ambient: Capability[];
}

/** The sets of a program, as it finds them itself. */
async function setsOf(options: SpawnOptions): Promise<Sets> {
  return parse((await execFile('cat', ['/proc/self/status'], options)).stdout);
}

function parse(status: string): Sets {
  const set = (name: string): Capability[] =>
    capabilitiesOf(BigInt(`0x${new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '0'}`));
  return {
    permitted: set('CapPrm'),
    effective: set('CapEff'),
    inheritable: set('CapInh'),
    bounding: set('CapBnd'),
    ambient: set('CapAmb'),
  };
}

/** Exactly these, for a program that is not root: what it executes has them too. */
const exactly = (...capabilities: Capability[]): Sets => ({
  permitted: capabilities,
  effective: capabilities,
  inheritable: capabilities,
  bounding: capabilities,
  ambient: capabilities,
});

/** Exactly these, for root: it has what the bounding set has, and who it becomes later does not. */
const exactlyAsRoot = (...capabilities: Capability[]): Sets => ({
  ...exactly(...capabilities),
  inheritable: [],
  ambient: [],
});

let compiled: CompiledPackage;
beforeAll(() => {
  compiled = new CompiledPackage();
});
afterAll(() => compiled.remove());

const own = capabilitiesOf(BigInt(`0x${new HostFiles().status('CapBnd') ?? '0'}`));

describe.each<[who: string, options: SpawnOptions, sets: typeof exactly]>([
  ['root of a new user namespace', { unshare: 'user' }, exactlyAsRoot],
  ['root of a new user namespace with an init', { unshare: ['user', 'pid'] }, exactlyAsRoot],
  ['nobody in a new user namespace', { unshare: { user: { uidMap: [], gidMap: [] } } }, exactly],
  ['nobody with an init', { unshare: { user: { uidMap: [], gidMap: [] }, pid: true } }, exactly],
])('%s', (_, where, sets) => {
  test('has exactly the capabilities listed', async () => {
    expect(await setsOf({ ...where, capabilities: ['CAP_NET_BIND_SERVICE'] })).toEqual(sets('CAP_NET_BIND_SERVICE'));
    expect(await setsOf({ ...where, capabilities: ['CAP_BPF', 'CAP_CHOWN'] })).toEqual(sets('CAP_CHOWN', 'CAP_BPF'));
  });

  test('has none with an empty list', async () => {
    expect(await setsOf({ ...where, capabilities: [] })).toEqual(sets());
  });

  test('has exactly them with noNewPrivileges as well', async () => {
    const options: SpawnOptions = { ...where, capabilities: ['CAP_CHOWN'], noNewPrivileges: true };
    expect(await setsOf(options)).toEqual(sets('CAP_CHOWN'));
  });
});

describe('in a new user namespace', () => {
  test('one set alone can be given', async () => {
    const bounding = await setsOf({ unshare: 'user', capabilities: { bounding: ['CAP_CHOWN', 'CAP_KILL'] } });
    expect(bounding).toEqual(exactlyAsRoot('CAP_CHOWN', 'CAP_KILL'));
    const nobody: SpawnOptions = { unshare: { user: { uidMap: [], gidMap: [] } } };
    const ambient = await setsOf({ ...nobody, capabilities: { ambient: ['CAP_KILL'] } });
    expect(ambient).toEqual({ ...exactly('CAP_KILL'), bounding: [...CAPABILITIES] });
    const inheritable = await setsOf({ ...nobody, capabilities: { inheritable: ['CAP_KILL'] } });
    expect(inheritable).toEqual({ ...exactly(), inheritable: ['CAP_KILL'], bounding: [...CAPABILITIES] });
  });

  test('root without its powers is one more user (NOROOT)', async () => {
    expect((await setsOf({ unshare: 'user', securebits: ['NOROOT'] })).effective).toEqual([]);
    const options: SpawnOptions = {
      unshare: 'user',
      securebits: ['NOROOT', 'NOROOT_LOCKED'],
      capabilities: ['CAP_KILL'],
    };
    expect(await setsOf(options)).toEqual(exactly('CAP_KILL'));
  });

  test('what was given can be all that is ever given (NO_CAP_AMBIENT_RAISE)', async () => {
    const securebits = ['NO_CAP_AMBIENT_RAISE', 'NO_CAP_AMBIENT_RAISE_LOCKED'] as const;
    const unshareNobody: SpawnOptions['unshare'] = { user: { uidMap: [], gidMap: [] } };
    const sets = await setsOf({ unshare: unshareNobody, securebits, capabilities: ['CAP_KILL'] });
    expect(sets).toEqual(exactly('CAP_KILL'));
  });

  test('a program that joins one has exactly what is listed, too', async () => {
    await using set = await unshare(['user', 'pid']);
    const { stdout } = await set.execFile('cat', ['/proc/self/status'], { capabilities: ['CAP_NET_RAW'] });
    expect(parse(stdout)).toEqual(exactlyAsRoot('CAP_NET_RAW'));
  });

  needs({ tool: ['unshare'] }).test('a program with none cannot make itself root again', async () => {
    const nested = execFile('unshare', ['-U', 'mount', '--bind', '/tmp', '/mnt'], {
      unshare: ['user', 'mnt'],
      capabilities: [],
    });
    await expect(nested).rejects.toMatchObject({ code: expect.any(Number) as number });
    await expect(execFile('hostname', ['x'], { unshare: ['user', 'uts'], capabilities: [] })).rejects.toMatchObject({
      stderr: expect.stringMatching(/root|permitted/) as string,
    });
  });
});

needs({ root: true }).describe('as root', () => {
  const someone: SpawnOptions = { uid: 1000, gid: 1000 };

  test('an unprivileged program is given one capability', async () => {
    const { stdout } = await execFile('cat', ['/proc/self/status'], {
      ...someone,
      capabilities: ['CAP_NET_BIND_SERVICE'],
    });
    expect(stdout).toMatch(/^Uid:\s+1000\s+1000\s+1000\s+1000$/m);
    expect(parse(stdout)).toEqual(exactly('CAP_NET_BIND_SERVICE'));
  });

  test('and it can use it, where it cannot without', async () => {
    const listen = `require('net').createServer().once('error', (error) => { console.log(error.code); })
      .listen(81, '127.0.0.1', function () { console.log('listens'); this.close(); })`;
    const inNet: SpawnOptions = { ...someone, unshare: 'net' };
    const ran = async (options: SpawnOptions): Promise<string> =>
      (await execFile(process.execPath, ['-e', listen], { ...inNet, ...options })).stdout;
    expect(await ran({ capabilities: ['CAP_NET_BIND_SERVICE'] })).toBe('listens\n');
    expect(await ran({ capabilities: [] })).toBe('EACCES\n');
    expect(await ran({})).toBe('EACCES\n');
  });

  test('an unprivileged program is not given what root held to start it', async () => {
    expect(await setsOf({ ...someone, capabilities: { bounding: ['CAP_CHOWN'] } })).toEqual({
      ...exactly(),
      bounding: ['CAP_CHOWN'],
    });
    expect(await setsOf({ ...someone, securebits: ['NOROOT'] })).toEqual({ ...exactly(), bounding: own });
  });

  test('what only root may execute is executed neither by it', async () => {
    const options: SpawnOptions = { ...someone, capabilities: ['CAP_KILL'], cwd: '/' };
    await expect(execFile('/proc/1/exe', options)).rejects.toMatchObject({ code: 'EACCES', syscall: 'execve' });
  });

  test('root itself can be given less', async () => {
    expect(await setsOf({ capabilities: ['CAP_KILL'] })).toEqual(exactlyAsRoot('CAP_KILL'));
    expect(await setsOf({ capabilities: [] })).toEqual(exactlyAsRoot());
  });

  test('the same in a new user namespace with a range of ids', async () => {
    const map = [{ inside: 0, outside: 200_000, count: 65_536 }];
    const where: SpawnOptions = { unshare: { user: { uidMap: map, gidMap: map }, pid: true } };
    expect(await setsOf({ ...where, ...someone, capabilities: ['CAP_CHOWN'] })).toEqual(exactly('CAP_CHOWN'));
    expect(await setsOf({ ...where, ...someone })).toEqual({ ...exactly(), bounding: [...CAPABILITIES] });
  });

  test('a program with capabilities dies with its parent all the same', async () => {
    const [file, args] = compiled.command(
      `const options = { stdio: 'ignore', uid: 1000, gid: 1000, capabilities: ['CAP_KILL'] };
       return (await linux.spawn('sleep', ['600'], options)).pid;`,
    );
    const parent = nodeSpawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [text] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = outcomeOf(text.toString()).value as number;
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await eventually(() => !isAlive(pid));
  });
});

describe('what the kernel refuses says which, and why', () => {
  const refused = (options: SpawnOptions, hint: RegExp): Promise<void> =>
    expect(execFile('true', options)).rejects.toEqual(
      errorWith({
        name: 'NamespaceError',
        code: 'EPERM',
        step: 'set capabilities',
        hint: expect.stringMatching(hint) as string,
      }),
    );

  needs({ unprivileged: true }).test('a capability that is not held', async () => {
    await refused({ capabilities: ['CAP_CHOWN', 'CAP_KILL'] }, /CAP_CHOWN and CAP_KILL are not held by .*'user'/);
  });

  needs({ unprivileged: true }).test('a smaller bounding set', async () => {
    await refused({ capabilities: [] }, /CAP_SETPCAP/);
    await refused({ capabilities: { bounding: [] } }, /CAP_SETPCAP/);
  });

  needs({ unprivileged: true }).test('securebits', async () => {
    await refused({ securebits: ['NOROOT'] }, /CAP_SETPCAP/);
  });

  test('a capability that is not in the bounding set any more', async () => {
    await using set = await unshare(['user']);
    const { stdout } = await set.execFile(
      ...compiled.command("await linux.execFile('true', { capabilities: ['CAP_KILL'] })"),
      { capabilities: { bounding: ['CAP_CHOWN', 'CAP_SETPCAP'] } },
    );
    expect(outcomeOf(stdout).error?.hint).toMatch(/CAP_KILL is not in the bounding set/);
  });
});

describe('bad values reject before anything is started', () => {
  test.each<[options: object, code: string, message: RegExp]>([
    [{ capabilities: ['CAP_NET_BIND'] }, 'ERR_INVALID_ARG_VALUE', /options.capabilities\[0\]/],
    [{ capabilities: ['net_admin'] }, 'ERR_INVALID_ARG_VALUE', /options.capabilities\[0\]/],
    [{ capabilities: 'CAP_KILL' }, 'ERR_INVALID_ARG_TYPE', /options.capabilities/],
    [{ capabilities: { permitted: [] } }, 'ERR_INVALID_ARG_VALUE', /'permitted'/],
    [{ capabilities: { ambient: 5 } }, 'ERR_INVALID_ARG_TYPE', /options.capabilities.(ambient|inheritable)/],
    [
      { capabilities: { ambient: ['CAP_KILL'], inheritable: [] } },
      'ERR_INVALID_ARG_VALUE',
      /options.capabilities.ambient/,
    ],
    [{ securebits: ['SECBIT_NOROOT'] }, 'ERR_INVALID_ARG_VALUE', /options.securebits\[0\]/],
    [{ securebits: 1 }, 'ERR_INVALID_ARG_TYPE', /options.securebits/],
  ])('%j', async (options, code, message) => {
    const expected = errorWith({ code, message: expect.stringMatching(message) as string });
    await expect(spawn('true', options)).rejects.toEqual(expected);
  });
});
