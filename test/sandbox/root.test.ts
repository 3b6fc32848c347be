/** What is in a sandbox's root: nothing but what was asked for. */
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type MountEntry, Sandbox, type SandboxSpec, hostUserland } from '../../lib';
import { expectNothingLeft, footprint, mountsBelow } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { inSandbox, programs, said, saidIn, userland, withFolder } from './box';

test('by default there is an empty root with a /dev and a /proc', async () => {
  await inSandbox({}, async (sandbox) => {
    const names = async (path: string): Promise<string[]> => (await sandbox.readdir(path)).map(({ name }) => name);
    expect(await names('/')).toEqual(['dev', 'proc']);
    expect(await names('/dev')).toEqual(
      [
        'fd',
        'full',
        'null',
        'ptmx',
        'pts',
        'random',
        'shm',
        'stderr',
        'stdin',
        'stdout',
        'tty',
        'urandom',
        'zero',
      ].sort(),
    );
  });
  await inSandbox({ dev: false, proc: false }, async (sandbox) => {
    expect(await sandbox.readdir('/')).toEqual([]);
  });
});

test('nothing of the host is left anywhere: neither its root, nor mounts, nor what lay on them', async () => {
  const mounts = (await saidIn({}, 'cat /proc/self/mountinfo')).split('\n').map((line) => line.split(' '));
  const parents = new Set(mounts.map(([id]) => id));
  // The root is the only one whose parent is not in there: all else hangs on it.
  expect(mounts.filter(([, parent]) => !parents.has(parent)).map((line) => line[4])).toEqual(['/']);
  expect(await saidIn({}, 'cd /..; pwd; ls -d /.. /../home/* 2>/dev/null; stat -c %i / /..')).toMatch(
    /^\/\n\/\.\.\n\/\.\.\/home\/user\n(\d+)\n\1$/,
  );
});

test('a bind mount is the same directory: read-only, or not, with what is mounted below it', async () => {
  await withFolder(async (folder) => {
    mkdirSync(join(folder, 'in'));
    writeFileSync(join(folder, 'in', 'file'), 'from outside');
    const mounts: SandboxSpec['mounts'] = [
      { type: 'bindReadOnly', source: join(folder, 'in'), target: '/ro' },
      { type: 'bind', source: join(folder, 'in'), target: '/a/b/rw' },
    ];
    const text = await saidIn({ mounts }, 'cat /ro/file; echo; echo x > /ro/new; echo y > /a/b/rw/new; cat /ro/new');
    expect(text).toMatch(/^from outside\n.*\/ro\/new: Read-only file system\ny$/);
    expect(readFileSync(join(folder, 'in', 'new'), 'utf8')).toBe('y\n');
  });
});

test('a read-only bind mount is read-only in what is mounted below it as well', async () => {
  const text = await saidIn(
    { mounts: [{ type: 'bindReadOnly', source: '/dev', target: '/devices' }] },
    "awk '$5 ~ /^\\/devices/ { print $6 }' /proc/self/mountinfo",
  );
  const options = text.split('\n');
  expect(options.length).toBeGreaterThan(1);
  for (const each of options) expect(each).toMatch(/^ro,nosuid,nodev/);
});

test('a file is bound on a file, a descriptor on what it is open on; what is optional may be missing', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'file');
    writeFileSync(path, 'a file');
    const fds = [openSync(path, 'r'), openSync(folder, constants.O_RDONLY | 0o10000000 /* O_PATH */)];
    const mounts: SandboxSpec['mounts'] = [
      { type: 'bind', source: path, target: '/one' },
      { type: 'bind', source: fds[0]!, target: '/two' },
      { type: 'bind', source: fds[1]!, target: '/three' },
      { type: 'bind', source: '/no/such/thing', target: '/four', optional: true },
    ];
    expect(await saidIn({ mounts }, 'cat /one /two /three/file; ls -d /four')).toMatch(
      /^a filea filea filels: .*No such file/,
    );
    fds.forEach((fd) => closeSync(fd));
  });
});

test('a descriptor of what has been replaced since is not something else', async () => {
  await withFolder(async (folder) => {
    const [path, moved] = [join(folder, 'this'), join(folder, 'that')];
    mkdirSync(path);
    const fd = openSync(path, 'r');
    renameSync(path, moved);
    const mounts: SandboxSpec['mounts'] = [{ type: 'bind', source: fd, target: '/x' }];
    // Followed to where it is now, and gone is gone.
    expect(await saidIn({ mounts }, 'ls -d /x')).toBe('/x');
    renameSync(moved, path);
    rmdirSync(path);
    await expect(Sandbox.create({ mounts })).rejects.toMatchObject({ step: `mounts[0]: bind descriptor ${fd} on /x` });
    closeSync(fd);
  });
});

test('devices can be opened where that was asked for, and nowhere else', async () => {
  const mounts: SandboxSpec['mounts'] = [
    { type: 'bindDevices', source: '/dev/null', target: '/with' },
    { type: 'bind', source: '/dev/null', target: '/without' },
  ];
  expect(await saidIn({ mounts }, 'echo x > /with && echo opened; echo x > /without')).toMatch(
    /^opened\n.*\/without: Permission denied$/,
  );
});

test('a tmpfs has the size and the mode it was given', async () => {
  const mounts: SandboxSpec['mounts'] = [{ type: 'tmpfs', target: '/t', size: 65536, mode: 0o1777 }];
  const text = await saidIn({ mounts }, 'stat -c %a /t; head -c 1000000 /dev/zero > /t/big; stat -c %s /t/big');
  expect(text).toMatch(/^1777\n.*No space left on device\n65536$/);
});

test('directories, links and files are made with their modes, and those on the way to them', async () => {
  const mounts: SandboxSpec['mounts'] = [
    { type: 'dir', target: '/a/b/c', mode: 0o700 },
    { type: 'symlink', target: '/l/link', to: '../a/b' },
    { type: 'file', target: '/a/text', data: 'some text', mode: 0o640 },
    { type: 'file', target: '/a/b/bytes', data: Uint8Array.of(104, 105) },
    { type: 'chmod', target: '/a', mode: 0o711 },
  ];
  const text = await saidIn({ mounts }, 'stat -c "%a %n" /a /a/b /a/b/c /a/text /a/b/bytes; cat /a/text /l/link/bytes');
  expect(text.split('\n')).toEqual([
    '711 /a',
    '700 /a/b', // on the way to what is private
    '700 /a/b/c',
    '640 /a/text',
    '644 /a/b/bytes',
    'some texthi',
  ]);
});

test('the umask of this process has no part in it', async () => {
  const umask = process.umask(0o077);
  try {
    const mounts: SandboxSpec['mounts'] = [
      { type: 'dir', target: '/a/b', mode: 0o777 },
      { type: 'file', target: '/f', data: '', mode: 0o666 },
    ];
    expect(await saidIn({ mounts }, 'stat -c %a /a /a/b /f; umask')).toBe('755\n777\n666\n0077');
  } finally {
    process.umask(umask);
  }
});

test('a file comes from a string, a stream, a descriptor, as large as it may be', async () => {
  await withFolder(async (folder) => {
    writeFileSync(join(folder, 'file'), 'from a descriptor');
    const fd = openSync(join(folder, 'file'), 'r');
    const mounts: SandboxSpec['mounts'] = [
      { type: 'file', target: '/stream', data: Readable.from(['from ', 'a ', 'stream']) },
      { type: 'file', target: '/descriptor', data: fd, readOnly: true },
      { type: 'file', target: '/large', data: Buffer.alloc(20_000_000, 'x'), readOnly: true },
    ];
    const text = await saidIn(
      { mounts },
      'cat /stream; echo; cat /descriptor; echo; wc -c < /large; echo > /large; rm /large',
    );
    closeSync(fd);
    expect(text).toMatch(
      /^from a stream\nfrom a descriptor\n20000000\n.*\/large: Read-only file system\n.*cannot remove '\/large'/,
    );
  });
});

test('a file that is mounted can be written, and the host has nothing of it', async () => {
  await withFolder(async (folder) => {
    const file: MountEntry = { type: 'file', target: '/shared/mine', data: 'given', mode: 0o600, mounted: true };
    const mounts: MountEntry[] = [{ type: 'bind', source: folder, target: '/shared' }, file];
    const command = 'cat /shared/mine; echo -n written >/shared/mine; cat /shared/mine; stat -c %a:%u /shared/mine';
    expect(await saidIn({ mounts }, command)).toBe(`givenwritten600:${process.getuid!()}`);
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('a file in a directory of the host is written there; a read-only one is not', async () => {
  await withFolder(async (folder) => {
    mkdirSync(join(folder, 'shared'));
    const mounts: SandboxSpec['mounts'] = [
      { type: 'bind', source: join(folder, 'shared'), target: '/shared' },
      { type: 'file', target: '/shared/written', data: 'written' },
      { type: 'file', target: '/shared/covered', data: 'in memory', readOnly: true },
    ];
    expect(await saidIn({ mounts }, 'cat /shared/written /shared/covered')).toBe('writtenin memory');
    expect(readFileSync(join(folder, 'shared', 'written'), 'utf8')).toBe('written');
    expect(readdirSync(join(folder, 'shared'))).toEqual(['written']);
  });
});

describe('a file or directory of the host that an entry names', () => {
  const modeOf = (path: string): number => statSync(path).mode & 0o7777;

  test('keeps its mode and its owner, unless a mode is given', async () => {
    await withFolder(async (folder) => {
      writeFileSync(join(folder, 'secret'), 'old', { mode: 0o600 });
      writeFileSync(join(folder, 'opened'), 'old', { mode: 0o600 });
      mkdirSync(join(folder, 'closed'), { mode: 0o700 });
      const { uid, gid } = statSync(join(folder, 'secret'));
      const mounts: MountEntry[] = [
        { type: 'bind', source: folder, target: '/shared' },
        { type: 'file', target: '/shared/secret', data: 'new' },
        { type: 'file', target: '/shared/opened', data: 'new', mode: 0o640 },
        { type: 'file', target: '/shared/made', data: 'new' },
        { type: 'dir', target: '/shared/closed', mode: 0o755, keepMode: true },
        { type: 'dir', target: '/shared/created', mode: 0o711, keepMode: true },
      ];
      await inSandbox({ mounts }, () => Promise.resolve());
      const modes = ['secret', 'opened', 'made', 'closed', 'created'].map((name) => modeOf(join(folder, name)));
      expect(modes).toEqual([0o600, 0o640, 0o644, 0o700, 0o711]);
      expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe('new');
      expect(statSync(join(folder, 'secret'))).toMatchObject({ uid, gid });
    });
  });

  test('is in directories as private as itself, where they are missing', async () => {
    const mounts: MountEntry[] = [
      { type: 'file', target: '/a/b/private', data: '', mode: 0o600 },
      { type: 'file', target: '/c/of-group', data: '', mode: 0o640, readOnly: true },
      { type: 'dir', target: '/d/private', mode: 0o700 },
      { type: 'file', target: '/e/public', data: '' },
    ];
    expect(await saidIn({ mounts }, 'stat -c %a /a /a/b /c /d /e')).toBe('700\n700\n750\n700\n755');
  });
});

describe('a mount point that had to be made in a directory of the host', () => {
  const file = (target: string): MountEntry => ({ type: 'file', target, data: 'in memory', readOnly: true });
  const namesIn = (folder: string): string[] => readdirSync(folder, { recursive: true }).map(String).sort();

  test('can be written by nobody, and is gone with the sandbox, and those on the way to it', async () => {
    await withFolder(async (folder) => {
      writeFileSync(join(folder, 'mine'), '');
      const mounts: MountEntry[] = [
        { type: 'bind', source: folder, target: '/shared' },
        file('/shared/file'),
        { type: 'tmpfs', target: '/shared/a/b/c' },
        file('/shared/mine'),
        { type: 'readOnly', target: '/shared' },
      ];
      await inSandbox({ mounts }, async (sandbox) => {
        expect(await sandbox.readFile('/shared/file', 'utf8')).toBe('in memory');
        expect(namesIn(folder)).toEqual(['a', 'a/b', 'a/b/c', 'file', 'mine']);
        expect(statSync(join(folder, 'file')).mode & 0o7777).toBe(0o444);
      });
      expect(namesIn(folder)).toEqual(['mine']);
    });
  });

  test('stays if somebody has written to it, or put something into it or in its place', async () => {
    await withFolder(async (folder) => {
      const mounts: MountEntry[] = [
        { type: 'bind', source: folder, target: '/shared' },
        ...['written', 'replaced', 'gone'].map((name) => file(`/shared/${name}`)),
        { type: 'tmpfs', target: '/shared/filled' },
      ];
      await inSandbox({ mounts }, () => {
        chmodSync(join(folder, 'written'), 0o644);
        writeFileSync(join(folder, 'written'), 'by somebody');
        unlinkSync(join(folder, 'replaced'));
        writeFileSync(join(folder, 'replaced'), '', { mode: 0o444 });
        unlinkSync(join(folder, 'gone'));
        writeFileSync(join(folder, 'filled', 'file'), '');
        return Promise.resolve();
      });
      expect(namesIn(folder)).toEqual(['filled', 'filled/file', 'replaced', 'written']);
    });
  });

  test('stays as long as another sandbox uses it, whose mount would go with it', async () => {
    await withFolder(async (folder) => {
      const mounts: MountEntry[] = [{ type: 'bind', source: folder, target: '/shared' }, file('/shared/file')];
      const first = await Sandbox.create({ mounts });
      await inSandbox({ mounts }, async (second) => {
        await first.close();
        expect(await second.readFile('/shared/file', 'utf8')).toBe('in memory');
      });
    });
  });

  test('is gone, too, where the sandbox cannot be made after all', async () => {
    await withFolder(async (folder) => {
      const mounts: MountEntry[] = [{ type: 'bind', source: folder, target: '/shared' }, file('/shared/a/file')];
      const bad: MountEntry = { type: 'bind', source: '/no/such', target: '/x' };
      await expect(Sandbox.create({ mounts: [...mounts, bad] })).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(Sandbox.create({ mounts, cwd: '/no/such' })).rejects.toMatchObject({ code: 'ENOENT' });
      expect(namesIn(folder)).toEqual([]);
    });
  });
});

test('a source is what it is on the host, also by way of .. from the root', async () => {
  await withFolder(async (folder) => {
    writeFileSync(join(folder, 'file'), 'the host’s');
    symlinkSync(`${'../'.repeat(40)}${folder.slice(1)}/file`, join(folder, 'up'));
    symlinkSync(join(folder, 'file'), join(folder, 'absolute'));
    const mounts: SandboxSpec['mounts'] = [
      // The same path in the sandbox is something else by then.
      { type: 'file', target: join(folder, 'file'), data: 'the sandbox’s' },
      { type: 'bind', source: join(folder, 'up'), target: '/one' },
      { type: 'bind', source: join(folder, 'absolute'), target: '/two' },
    ];
    await inSandbox({ mounts }, async (sandbox) => {
      expect(await sandbox.readFile('/one', 'utf8')).toBe('the host’s');
      expect(await sandbox.readFile('/two', 'utf8')).toBe('the host’s');
    });
  });
});

test('links in a root do not lead out of it, neither absolute nor by ..', async () => {
  await withFolder(async (folder) => {
    const [root, outside] = [join(folder, 'root'), join(folder, 'outside')];
    mkdirSync(root);
    mkdirSync(outside);
    symlinkSync(outside, join(root, 'absolute'));
    symlinkSync('../../../../../../../..' + outside, join(root, 'relative'));
    symlinkSync('/proc/self/root' + outside, join(root, 'magic'));
    const spec: SandboxSpec = {
      root: { path: root, readOnly: false },
      mounts: [
        { type: 'file', target: '/absolute/f1', data: 'x' },
        { type: 'file', target: '/relative/f2', data: 'x' },
        { type: 'dir', target: '/absolute/d1' },
        { type: 'tmpfs', target: '/relative/t1' },
        { type: 'symlink', target: '/absolute/l1', to: '/' },
      ],
    };
    await inSandbox(spec, async (sandbox) => {
      expect(readdirSync(outside)).toEqual([]);
      const inside = await sandbox.readdir(outside);
      expect(inside.map(({ name }) => name)).toEqual(['d1', 'f1', 'f2', 'l1', 't1']);
      await expect(sandbox.readFile('/proc/self/root/etc/passwd')).rejects.toMatchObject({ name: 'NamespaceError' });
    });
    const magic: SandboxSpec = { ...spec, mounts: [{ type: 'file', target: '/magic/f', data: 'x' }] };
    await expect(Sandbox.create(magic)).rejects.toMatchObject({ step: 'mounts[0]: make file /magic/f' });
    expect(readdirSync(outside)).toEqual([]);
  });
});

test('a mount point behind a link to nowhere is made where the link says', async () => {
  const mounts: SandboxSpec['mounts'] = [
    { type: 'symlink', target: '/etc/resolv.conf', to: '../run/resolver/stub.conf' },
    { type: 'file', target: '/etc/resolv.conf', data: 'nameserver 192.0.2.1', readOnly: true },
    { type: 'symlink', target: '/round', to: '/about' },
    { type: 'symlink', target: '/about', to: '/round' },
  ];
  expect(await saidIn({ mounts }, 'cat /etc/resolv.conf /run/resolver/stub.conf')).toBe(
    'nameserver 192.0.2.1nameserver 192.0.2.1',
  );
  const circle: SandboxSpec = { mounts: [...mounts, { type: 'tmpfs', target: '/round/x' }] };
  await expect(Sandbox.create(circle)).rejects.toMatchObject({
    code: 'ELOOP',
    step: 'mounts[4]: mount tmpfs on /round/x',
  });
});

test('readOnly and mask take away what was there, mount or not', async () => {
  const mounts: SandboxSpec['mounts'] = [
    { type: 'tmpfs', target: '/t' },
    { type: 'tmpfs', target: '/t/below' },
    { type: 'file', target: '/secret/file', data: 'secret' },
    { type: 'file', target: '/key', data: 'secret' },
    { type: 'dir', target: '/plain' },
    { type: 'readOnly', target: '/t' },
    { type: 'readOnly', target: '/plain' },
    { type: 'mask', target: '/secret' },
    { type: 'mask', target: '/key' },
  ];
  const text = await saidIn(
    { mounts },
    'touch /t/x; touch /t/below/x && echo below; touch /plain/x; ls -A /secret; cat /key; touch /secret/x',
  );
  expect(text).toMatch(
    /^[^\n]*\/t\/x'?: Read-only file system\nbelow\n[^\n]*\/plain\/x'?: Read-only.*\n[^\n]*\/secret\/x'?: Read-only/,
  );
  const all: SandboxSpec['mounts'] = [...mounts, { type: 'readOnly', target: '/', recursive: true }];
  expect(await saidIn({ mounts: all }, 'touch /t/below/x; touch /x; echo > /dev/null && echo written')).toMatch(
    /Read-only file system\n.*Read-only file system\nwritten$/,
  );
});

test('of /proc what concerns the machine cannot be written, and what tells of it is hidden', async () => {
  const text = await saidIn(
    {},
    'echo 1 > /proc/sys/kernel/panic; cat /proc/keys /proc/timer_list /proc/kcore; ls /proc/acpi',
  );
  expect(text).toMatch(/^.*\/proc\/sys\/kernel\/panic: Read-only file system/);
  expect(text.replace(/^.*(Read-only file system|No such file or directory)$/gm, '').trim()).toBe('');
  const processes = (await saidIn({}, 'cd /proc; echo [0-9]*')).split(' ');
  expect(processes.length).toBeLessThan(5);
});

test('a /proc, a /dev and the like can be anywhere', async () => {
  const mounts: SandboxSpec['mounts'] = [
    { type: 'proc', target: '/p', masked: false },
    { type: 'dev', target: '/d' },
    { type: 'mqueue', target: '/q' },
    { type: 'sysfs', target: '/s' },
    { type: 'cgroup2', target: '/c' },
  ];
  const text = await saidIn(
    { mounts },
    'cat /p/1/comm; echo x > /d/null && ls /s/class/net; ls /q; ls /c/cgroup.procs',
  );
  expect(text).toBe('nsinit\nlo\n/c/cgroup.procs');
});

test('of a /dev, and its shm, programs can be run where that is asked for', async () => {
  const run = 'for at in /dev /dev/shm; do cp /bin/true $at/true && $at/true && echo ran; done';
  expect(await saidIn({}, run)).not.toContain('ran');
  expect(await saidIn({ mounts: [{ type: 'dev', target: '/dev', exec: true }] }, run)).toBe('ran\nran');
});

test('/dev/core and /dev/console are entries like others', async () => {
  const mounts: MountEntry[] = [
    { type: 'symlink', target: '/dev/core', to: '/proc/kcore' },
    { type: 'bindDevices', source: '/dev/null', target: '/dev/console' },
  ];
  expect(await saidIn({ mounts }, 'readlink /dev/core; stat -c %F /dev/console; echo x >/dev/console && echo ok')).toBe(
    '/proc/kcore\ncharacter special file\nok',
  );
});

test('readOnly can be for what may be missing', async () => {
  await inSandbox({ mounts: [{ type: 'readOnly', target: '/no/such', optional: true }] }, () => Promise.resolve());
  await expect(Sandbox.create({ mounts: [{ type: 'readOnly', target: '/no/such' }] })).rejects.toMatchObject({
    code: 'ENOENT',
    step: 'mounts[0]: make /no/such read-only',
  });
});

test('a root in memory has the size and the mode it was given', async () => {
  const text = await saidIn(
    { root: { size: 65536, mode: 0o700 } },
    'stat -c %a /; head -c 1000000 /dev/zero >/big; stat -c %s /big',
  );
  expect(text).toMatch(/^700\n.*No space left on device\n\d+$/);
});

test('a root can be a descriptor', async () => {
  await withFolder(async (folder) => {
    writeFileSync(join(folder, 'file'), 'here');
    const fd = openSync(folder, constants.O_RDONLY);
    const spec: SandboxSpec = { root: { path: fd, readOnly: false }, proc: false, dev: false };
    await inSandbox(spec, async (sandbox) => {
      expect(await sandbox.readFile('/file', 'utf8')).toBe('here');
    });
    await inSandbox({ ...spec, root: { path: fd } }, async (sandbox) => {
      await expect(sandbox.writeFile('/new', '')).rejects.toMatchObject({ code: 'EROFS' });
    });
    closeSync(fd);
  });
});

test('a root has the devices of the host where that is asked for', async () => {
  const open = 'echo x >/dev/null && echo opened';
  const spec: SandboxSpec = { dev: false, proc: false };
  await inSandbox({ ...spec, root: { path: '/', devices: true } }, async (sandbox) => {
    expect(await said(sandbox, open)).toBe('opened');
  });
  await inSandbox({ ...spec, root: '/' }, async (sandbox) => {
    expect(await said(sandbox, open)).not.toContain('opened');
  });
});

describe('a root that is a directory', () => {
  test('is read-only unless it is said not to be', async () => {
    await withFolder(async (folder) => {
      for (const name of ['proc', 'dev', 'usr', 'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'])
        mkdirSync(join(folder, name));
      const mounts = programs().map((entry) =>
        entry.type === 'symlink' ? ({ type: 'bind', source: entry.target, target: entry.target } as const) : entry,
      );
      const spec: SandboxSpec = { root: folder, mounts };
      await inSandbox(spec, async (sandbox) => expect(await said(sandbox, 'echo x > /file')).toMatch(/Read-only/));
      await inSandbox({ ...spec, root: { path: folder, readOnly: false } }, async (sandbox) => {
        expect(await said(sandbox, 'echo x > /file')).toBe('');
      });
      expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('x\n');
    });
  });
});

test('an overlay as a mount shows its layers, and keeps what is written to itself', async () => {
  await withFolder(async (folder) => {
    for (const name of ['one', 'two', 'with:colon,and\\more']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'file'), name);
      writeFileSync(join(folder, name, `of-${name.slice(0, 3)}`), '');
    }
    const lower = ['one', 'two', 'with:colon,and\\more'].map((name) => join(folder, name));
    const mounts: SandboxSpec['mounts'] = [{ type: 'overlay', target: '/o', lower }];
    expect(
      await saidIn({ mounts }, 'ls /o; cat /o/file; echo; echo new > /o/file; rm /o/of-two; cat /o/file; ls /o'),
    ).toBe('file\nof-one\nof-two\nof-wit\none\nnew\nfile\nof-one\nof-wit');
    expect(readFileSync(join(folder, 'one', 'file'), 'utf8')).toBe('one');
    expect(readdirSync(join(folder, 'two'))).toEqual(['file', 'of-two']);
  });
});

test('hostUserland() has programs, and nobody’s files', async () => {
  const { mounts, cwd, env } = hostUserland();
  expect(cwd).toBe('/home/user');
  expect(env).toEqual({ HOME: '/home/user' });
  expect(mounts.some(({ target }) => target === '/usr')).toBe(true);
  const text = await saidIn(
    {},
    'ls -A /home /home/user /root; id -un; cat /etc/shadow; touch ~/x /tmp/x && echo writable; touch /usr/x',
  );
  expect(text).toMatch(
    /^ls: [^\n]*\/root[^\n]*\n\/home:\nuser\n\n\/home\/user:\n(root|user)\ncat: \/etc\/shadow[^\n]*\nwritable\n.*Read-only/,
  );
  expect(() => hostUserland({ writeable: [] } as never)).toThrow(/did you mean 'writable'/);
});

test('hostUserland({ writable }) is the host’s directory at its own place, where programs start', async () => {
  await withFolder(async (folder) => {
    writeFileSync(join(folder, 'file'), 'here');
    await inSandbox(hostUserland({ writable: folder, readable: '/var/lib/dpkg' }), async (sandbox) => {
      expect(
        await said(sandbox, 'pwd; cat file; echo; echo new > made; ls -d /var/lib/dpkg; echo > /var/lib/dpkg/x'),
      ).toMatch(new RegExp(`^${folder}\nhere\n/var/lib/dpkg\n.*(Read-only|Permission denied)`));
    });
    expect(readFileSync(join(folder, 'made'), 'utf8')).toBe('new\n');
  });
});

test('many sandboxes, one after another and at once, leave nothing', async () => {
  const before = footprint();
  const mounts = mountsBelow('/').length;
  for (let round = 0; round < 5; round++) {
    await Promise.all(
      Array.from({ length: 8 }, () => inSandbox(userland(), async (sandbox) => said(sandbox, 'echo x > /tmp/x'))),
    );
  }
  expect(mountsBelow('/').length).toBe(mounts);
  await expectNothingLeft(before);
});

needs({ root: true }).test('a user namespace that is shared leaves programs who they are', async () => {
  const text = await saidIn({ share: ['user'] }, 'id -u; readlink /proc/self/ns/user; grep CapEff /proc/self/status');
  expect(text).toMatch(/^0\nuser:\[\d+\]\nCapEff:\s+0+$/);
});
