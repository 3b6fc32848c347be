/** Bad specs: found before anything is started, and told with the property's name. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { Sandbox, type SandboxSpec, execFile, unshare } from '../../lib';
import { NOTHING, expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { nodeArguments } from '../fixtures/scenario';
import { inSandbox, userland, withFolder } from './box';

const REFUSED: [what: string, spec: unknown, code: string, words: RegExp][] = [
  [
    'a read-only file that is to be written in its place',
    { mounts: [{ type: 'file', target: '/f', data: '', readOnly: true, mounted: false }] },
    'ERR_INVALID_ARG_VALUE',
    /spec\.mounts\[0\]\.mounted.*readOnly/,
  ],
  ['a spec that is none', 'x', 'ERR_INVALID_ARG_TYPE', /"spec"/],
  ['an unknown key', { netwrok: 'none' }, 'ERR_INVALID_ARG_VALUE', /'netwrok' \(did you mean 'network'\?\)/],
  [
    'an unknown key of a root',
    { root: { path: '/', readonly: true } },
    'ERR_INVALID_ARG_VALUE',
    /spec\.root.*readOnly/,
  ],
  [
    'an unknown key of an entry',
    { mounts: [{ type: 'tmpfs', target: '/t', sise: 1 }] },
    'ERR_INVALID_ARG_VALUE',
    /spec\.mounts\[0\]' has no property 'sise'/,
  ],
  [
    'an entry with what another type has',
    { mounts: [{ type: 'bind', source: '/usr', target: '/t', readOnly: true }] },
    'ERR_INVALID_ARG_VALUE',
    /spec\.mounts\[0\]' has no property 'readOnly'/,
  ],
  ['an unknown type', { mounts: [{ type: 'robind' }] }, 'ERR_INVALID_ARG_VALUE', /spec\.mounts\[0\]\.type/],
  ['an unknown key of a user', { user: { id: 0 } }, 'ERR_INVALID_ARG_VALUE', /spec\.user/],
  ['an unknown capability', { capabilities: ['CAP_X'] }, 'ERR_INVALID_ARG_VALUE', /spec\.capabilities\[0\]/],
  ['an unknown resource', { rlimits: { nofiles: 1 } }, 'ERR_INVALID_ARG_VALUE', /spec\.rlimits/],
  ['an unknown kind', { share: ['network'] }, 'ERR_INVALID_ARG_VALUE', /spec\.share\[0\]/],
  ['a relative target', { mounts: [{ type: 'dir', target: 'x' }] }, 'ERR_INVALID_ARG_VALUE', /mounts\[0\]\.target/],
  ['a relative cwd', { cwd: 'x' }, 'ERR_INVALID_ARG_VALUE', /spec\.cwd/],
  ['an env that has no string', { env: { A: 1 } }, 'ERR_INVALID_ARG_TYPE', /spec\.env\['A'\]/],
  ['a mode out of range', { mounts: [{ type: 'dir', target: '/x', mode: 65536 }] }, 'ERR_OUT_OF_RANGE', /\.mode/],
  ['two roots', { root: { path: '/', lower: ['/'] } }, 'ERR_INVALID_ARG_VALUE', /two roots/],
  [
    'a second root among the mounts',
    { root: '/usr', mounts: [{ type: 'tmpfs', target: '//' }] },
    'ERR_INVALID_ARG_VALUE',
    /second root/,
  ],
  ['a work directory without an upper one', { root: { lower: ['/'], work: '/x' } }, 'ERR_INVALID_ARG_VALUE', /\.work/],
  ['an overlay of nothing', { root: { lower: [] } }, 'ERR_INVALID_ARG_VALUE', /spec\.root\.lower/],
  ['a uid that is not mapped', { user: { uid: 7, map: 'root' } }, 'ERR_INVALID_ARG_VALUE', /spec\.user\.uid.*has 0/],
  [
    'groups that are not mapped, or cannot be set',
    { user: { groups: [12345] } },
    'ERR_INVALID_ARG_VALUE',
    /spec\.user\.groups/,
  ],
  ['a propagation to the host', { propagation: 'shared' }, 'ERR_INVALID_ARG_VALUE', /spec\.propagation/],
  ['a root of two kinds', { root: { path: '/', size: 1 } }, 'ERR_INVALID_ARG_VALUE', /spec\.root\.size.*with 'path'/],
  [
    'layers that are to be writable themselves',
    { root: { lower: ['/'], readOnly: false } },
    'ERR_INVALID_ARG_VALUE',
    /spec\.root\.readOnly.*with 'lower'/,
  ],
  ['devices of a root in memory', { root: { size: 1, devices: true } }, 'ERR_INVALID_ARG_VALUE', /spec\.root\.devices/],
  ['a root that is no descriptor', { root: { path: -1 } }, 'ERR_OUT_OF_RANGE', /spec\.root\.path/],
  ['a root of no size', { root: { size: 0 } }, 'ERR_OUT_OF_RANGE', /spec\.root\.size/],
  ['the host mounts', { share: ['mnt'] }, 'ERR_INVALID_ARG_VALUE', /spec\.share/],
  ['a network that is shared and not', { network: 'none', share: ['net'] }, 'ERR_INVALID_ARG_VALUE', /spec\.network/],
  ['a hostname of the host', { hostname: 'x', share: ['uts'] }, 'ERR_INVALID_ARG_VALUE', /spec\.hostname/],
  ['a map without a user namespace', { share: ['user'], user: { map: 'root' } }, 'ERR_INVALID_ARG_VALUE', /user\.map/],
  [
    'limits of a user namespace that is shared',
    { share: ['user'], disableUserNamespaces: true },
    'ERR_INVALID_ARG_VALUE',
    /disableUserNamespaces/,
  ],
  [
    'user namespaces inside that are asked for and forbidden',
    { userNamespaces: true, disableUserNamespaces: true },
    'ERR_INVALID_ARG_VALUE',
    /spec\.userNamespaces.*disableUserNamespaces/,
  ],
  [
    'user namespaces that a filter is to refuse which is not the default one',
    { userNamespaces: false, seccomp: 'none' },
    'ERR_INVALID_ARG_VALUE',
    /spec\.userNamespaces.*disableUserNamespaces/,
  ],
  [
    'user namespaces that are no truth value',
    { userNamespaces: 'yes' },
    'ERR_INVALID_ARG_TYPE',
    /spec\.userNamespaces/,
  ],
  [
    'a /proc of a pid namespace that is shared',
    { share: ['pid'] },
    'ERR_INVALID_ARG_VALUE',
    /spec\.share.*proc: false/,
  ],
  [
    'a filter where privileges can be gained, and nobody may install it',
    { noNewPrivileges: false },
    'ERR_INVALID_ARG_VALUE',
    /spec\.noNewPrivileges/,
  ],
  ['a sandbox without an init', { init: false }, 'ERR_INVALID_ARG_VALUE', /spec\.init.*spawn\(\)/],
  [
    'an init in a pid namespace that is shared',
    { init: true, share: ['pid'], proc: false },
    'ERR_INVALID_ARG_VALUE',
    /spec\.init/,
  ],
  [
    'an address that is none',
    { hosts: { db: 'localhost' } },
    'ERR_INVALID_ARG_VALUE',
    /spec\.hosts\['db'\].*IP address/,
  ],
  ['an address with a zone', { hosts: { db: ['fe80::1%eth0'] } }, 'ERR_INVALID_ARG_VALUE', /spec\.hosts\['db'\]/],
  ['an address that would be a line', { hosts: { db: '1.2.3.4\n5.6.7.8 x' } }, 'ERR_INVALID_ARG_VALUE', /spec\.hosts/],
  [
    'a name that would be a line',
    { hosts: { 'a\nb': '1.2.3.4' } },
    'ERR_INVALID_ARG_VALUE',
    /spec\.hosts' must have the names of hosts/,
  ],
  ['hosts that are a list', { hosts: 5 }, 'ERR_INVALID_ARG_TYPE', /spec\.hosts/],
  ['clocks that there are not', { time: { realtime: 5 } }, 'ERR_INVALID_ARG_VALUE', /spec\.time.*realtime/],
  ['an offset that is no number', { time: { boottime: '5' } }, 'ERR_INVALID_ARG_TYPE', /spec\.time\.boottime/],
  ['clocks that are not said how', { time: true }, 'ERR_INVALID_ARG_TYPE', /spec\.time/],
  ['clocks of the host', { time: {}, share: ['time'] }, 'ERR_INVALID_ARG_VALUE', /spec\.time.*share/],
  ['a terminal without a /dev', { dev: false, terminal: true }, 'ERR_INVALID_ARG_VALUE', /spec\.terminal/],
  ['a network that is no network', { network: 'bridge' }, 'ERR_INVALID_ARG_VALUE', /spec\.network/],
];

test.each(REFUSED)('%s is refused by name', async (_, spec, code, message) => {
  const before = footprint();
  await expect(Sandbox.create(spec as SandboxSpec)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  });
  await expectNothingLeft(before);
});

test('a namespace of another kind, or one that is closed, is no network', async () => {
  const set = await unshare(['user', 'uts', 'net']);
  await expect(Sandbox.create({ network: set.uts! })).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  const { net } = set;
  await set.close();
  await expect(Sandbox.create({ network: net! })).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
});

test('options of create() are checked as well', async () => {
  await expect(Sandbox.create({}, { sginal: undefined } as never)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
  });
  await expect(Sandbox.create({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
});

describe('what the kernel refuses names the entry, and leaves nothing', () => {
  let before: ReturnType<typeof footprint>;

  beforeEach(() => {
    before = footprint();
  });

  afterEach(() => expectNothingLeft(before));

  test('a source that is not there', async () => {
    const mounts: SandboxSpec['mounts'] = [
      { type: 'tmpfs', target: '/tmp' },
      { type: 'bindReadOnly', source: '/no/such/source', target: '/y' },
    ];
    await expect(Sandbox.create({ mounts })).rejects.toMatchObject({
      name: 'NamespaceError',
      code: 'ENOENT',
      step: 'mounts[1]: bind /no/such/source on /y',
      path: '/no/such/source',
      hint: expect.stringContaining('/no/such/source') as string,
    });
  });

  test('a target that can not be made, its parent being read-only', async () => {
    await withFolder(async (folder) => {
      const spec: SandboxSpec = { root: folder, dev: false, proc: false, mounts: [{ type: 'tmpfs', target: '/a/b' }] };
      await expect(Sandbox.create(spec)).rejects.toMatchObject({
        code: 'EROFS',
        step: 'mounts[0]: mount tmpfs on /a/b',
        hint: expect.stringContaining('read-only') as string,
      });
    });
  });

  test('a target on the way to which there is a file', async () => {
    const mounts: SandboxSpec['mounts'] = [
      { type: 'file', target: '/f', data: '' },
      { type: 'dir', target: '/f/d' },
    ];
    await expect(Sandbox.create({ mounts })).rejects.toMatchObject({
      code: 'ENOTDIR',
      step: 'mounts[1]: make directory /f/d',
    });
  });

  test('what can be hidden only if it is there', async () => {
    await expect(Sandbox.create({ mounts: [{ type: 'mask', target: '/x' }] })).rejects.toMatchObject({
      code: 'ENOENT',
      step: 'mounts[0]: mask /x',
    });
    await inSandbox({ mounts: [{ type: 'mask', target: '/x', optional: true }] }, () => Promise.resolve());
  });

  test('a root, and a directory to start in, that are not there', async () => {
    await expect(Sandbox.create({ root: '/no/such/root' })).rejects.toMatchObject({
      code: 'ENOENT',
      step: 'root: bind /no/such/root on /',
    });
    await expect(Sandbox.create({ cwd: '/no/such/directory' })).rejects.toMatchObject({
      code: 'ENOENT',
      step: 'cwd: change directory to /no/such/directory',
    });
  });

  test('layers that cannot be an overlay', async () => {
    await withFolder(async (folder) => {
      mkdirSync(`${folder}/inside`);
      const spec: SandboxSpec = { root: { lower: [folder], upper: folder, work: `${folder}/inside` } };
      await expect(Sandbox.create(spec)).rejects.toMatchObject({
        code: 'EINVAL',
        step: 'root: mount overlay on /',
        hint: expect.stringContaining('neither in the other') as string,
      });
    });
  });

  test('a stream that fails: with its own error', async () => {
    const data = Readable.from(
      (function* () {
        yield 'first';
        throw new Error('no more');
      })(),
    );
    await expect(Sandbox.create({ mounts: [{ type: 'file', target: '/f', data }] })).rejects.toThrow('no more');
  });

  test('a stream that never ends can be given up', async () => {
    const controller = new AbortController();
    const data = new PassThrough();
    const created = Sandbox.create({ mounts: [{ type: 'file', target: '/f', data }] }, { signal: controller.signal });
    data.write('something');
    setTimeout(() => controller.abort(), 50);
    await expect(created).rejects.toMatchObject({ name: 'AbortError' });
  });
});

test('a network namespace too many is told of, wherever it is made, and nothing is left', async () => {
  const specs: SandboxSpec[] = [{}, { mounts: [{ type: 'sysfs', target: '/sys' }] }, { user: { uid: 5, gid: 5 } }];
  const args = nodeArguments(join(__dirname, 'scenarios'), 'networksRefused', [specs]);
  const { stdout } = await execFile(process.execPath, args, {
    unshare: { user: true, mnt: true },
    cwd: join(__dirname, '../..'),
  });
  const { errors, left } = JSON.parse(/^result: (.*)$/m.exec(stdout)?.[1] ?? stdout) as Record<string, unknown>;
  const hint = expect.stringContaining('user.max_net_namespaces = 0') as string;
  const refused = { code: 'ENOSPC', syscall: 'unshare', hint };
  expect(errors).toEqual([
    { ...refused, step: 'unshare net' },
    { ...refused, step: 'unshare net' },
    { ...refused, step: 'make a user namespace below' },
  ]);
  expect(left).toEqual(NOTHING);
});

test('what a program leaves out is as the sandbox has it, not as this process', async () => {
  const spec = userland({ user: { uid: 0, gid: 0 }, capabilities: ['CAP_NET_RAW'], rlimits: { nofile: 64 } });
  await inSandbox(spec, async (sandbox) => {
    const options = {
      capabilities: { bounding: undefined, ambient: undefined },
      rlimits: { nofile: { soft: undefined } },
    };
    const { stdout } = await sandbox.exec("grep -E '^Cap(Eff|Bnd)' /proc/self/status; ulimit -n; ulimit -Hn", options);
    expect(stdout).toMatch(/CapEff:\s0{12}2000\nCapBnd:\s0{12}2000\n64\n64\n/);
  });
});

needs({ root: true }).test('without a user namespace a program is not somebody else of the host', async () => {
  await inSandbox(userland({ share: ['user'], user: { uid: 1, gid: 1 } }), async (sandbox) => {
    expect((await sandbox.exec('id -u')).stdout).toBe('1\n');
    await expect(sandbox.exec('id -u', { uid: 0 })).rejects.toThrow(/options\.uid/);
  });
});

test('what a program asks for beyond the sandbox is refused before it is started', async () => {
  const spec = userland({ capabilities: ['CAP_NET_RAW'], rlimits: { nofile: 64 } });
  await inSandbox(spec, async (sandbox) => {
    const attempts: [object, RegExp][] = [
      [{ capabilities: ['CAP_SYS_ADMIN'] }, /options\.capabilities' cannot have CAP_SYS_ADMIN/],
      [{ capabilities: { bounding: ['CAP_SYS_ADMIN'] } }, /options\.capabilities\.bounding/],
      [{ rlimits: { nofile: 65 } }, /options\.rlimits\.nofile/],
      [{ rlimits: { nofile: { hard: 'unlimited' } } }, /options\.rlimits\.nofile/],
      [{ noNewPrivileges: false }, /options\.noNewPrivileges/],
      [{ newSession: false }, /options\.newSession/],
      [{ unshare: ['net'] }, /no property 'unshare'/],
      [{ setns: [] }, /no property 'setns'/],
      [{ cgroup: {} }, /no property 'cgroup'/],
      [{ dieWithParent: false }, /no property 'dieWithParent'/],
      [{ securebits: [] }, /no property 'securebits'/],
      [{ env: { A: 1 } }, /options\.env\['A'\]/],
    ];
    for (const [options, message] of attempts) {
      await expect(sandbox.spawn('true', options)).rejects.toThrow(message);
      await expect(sandbox.execFile('true', [], options)).rejects.toThrow(message);
      await expect(sandbox.exec('true', options)).rejects.toThrow(message);
    }
  });
});
