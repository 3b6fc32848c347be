import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type MountEntry, Sandbox, type SandboxSpec, execFile, unshare } from '../../lib';
import { ATTACKERS, Arsenal, type Attacker, MIGHTY, achieved } from '../fixtures/attacks';
import { needs } from '../fixtures/optional';
import { nodeArguments } from '../fixtures/scenario';
import { eventually } from '../fixtures/footprint';

let arsenal: Arsenal;
beforeAll(() => {
  arsenal = new Arsenal();
});
afterAll(() => arsenal.remove());

/** Keeps exchanging two names until it is disposed of. */
async function swapping(a: string, b: string): Promise<AsyncDisposable> {
  const swapper = nodeSpawn(arsenal.escape, ['swap', a, b], { stdio: 'ignore' });
  await once(swapper, 'spawn');
  return {
    [Symbol.asyncDispose]: async () => {
      swapper.kill('SIGKILL');
      await once(swapper, 'exit');
    },
  };
}

describe('devices of the host can be used, and not be changed', () => {
  const NAMES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
  const DEVICES = NAMES.map((name) => `/dev/${name}`);
  const MASKED = ['keys', 'interrupts', 'timer_list', 'kallsyms'].map((name) => `/proc/${name}`);

  /** Whatever is done to an inode changes its ctime. */
  const states = (): unknown[] =>
    DEVICES.map((path) => statSync(path)).map(({ mode, uid, gid, ctimeMs }) => [mode, uid, gid, ctimeMs]);

  const ALSO: Attacker[] = [{ who: 'who it was outside, without a user namespace', spec: { share: ['user'] } }];
  const attackers = process.geteuid!() === 0 ? [...ATTACKERS, ...ALSO] : ATTACKERS;

  test.each(attackers)('by $who', async ({ spec }) => {
    const before = states();
    const ours = openSync('/dev/null', 'r+');
    const targets = [...DEVICES, ...MASKED, '/proc/self/fd/0', '/proc/self/fd/3'].join(' ');
    const command = `for at in ${targets}; do chmod 0600 $at; touch -d 2001-01-01 $at; chown 0:5 $at; done 2>/dev/null`;
    const usable = 'echo x >/dev/null && cat /dev/null && head -c 2 /dev/zero | wc -c && head -c 1 <&0 && echo x >&3';
    try {
      const sandbox = await arsenal.sandbox(spec);
      const child = await sandbox.spawn('sh', ['-c', `${command}\n${usable}`], {
        stdio: ['ignore', 'pipe', 'inherit', ours],
      });
      expect(await text(child.stdout!)).toBe('2\n');
      expect((await child.exited).code).toBe(0);
      await sandbox.close();
      expect(states()).toEqual(before);
    } finally {
      closeSync(ours);
      if (process.geteuid!() === 0) for (const path of DEVICES) chmodSync(path, 0o666);
    }
  });
});

describe('a name that is a directory now and a link out then, while the sandbox is made', () => {
  /** `place` in the root is both by turns; the link's target is a directory of the host. */
  function trap(): { root: string; outside: string; place: string; link: string } {
    const root = arsenal.folder('root');
    const outside = arsenal.folder('outside');
    const [place, link] = [join(root, 'place'), join(root, 'link')];
    mkdirSync(place);
    symlinkSync(outside, link);
    return { root, outside, place, link };
  }

  const entries: [what: string, entry: (target: string) => MountEntry][] = [
    ['a file is written to it', (target) => ({ type: 'file', target, data: 'caught' })],
    ['a directory is made in it', (target) => ({ type: 'dir', target })],
    ['a link is made in it', (target) => ({ type: 'symlink', target, to: 'x' })],
    ['something is mounted in it', (target) => ({ type: 'tmpfs', target })],
    ['something is bound in it', (target) => ({ type: 'bind', source: '/dev/null', target })],
  ];

  test.each(entries)('leads nowhere: %s', async (_, entry) => {
    const { root, outside, place, link } = trap();
    await using _swapping = await swapping(place, link);
    let made = 0;
    for (let round = 0; round < 100; round++) {
      const spec: SandboxSpec = { root: { path: root, readOnly: false }, dev: false, proc: false };
      // That it is refused is as good: the kernel may find that something has moved.
      const sandbox = await Sandbox.create({ ...spec, mounts: [entry(`/place/${round}`)] }).catch(() => undefined);
      made += sandbox === undefined ? 0 : 1;
      await sandbox?.close();
    }
    expect(made).toBeGreaterThan(0);
    expect(readdirSync(outside)).toEqual([]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(outside);
  });

  test('would lead out who looks first and then writes', async () => {
    const { outside, place, link } = trap();
    await using _swapping = await swapping(place, link);
    await eventually(() => {
      for (let round = 0; round < 1000; round++) writeFileSync(join(place, 'caught'), '');
      return existsSync(join(outside, 'caught'));
    });
    expect(readdirSync(outside)).toEqual(['caught']);
  });

  test('leads nowhere for who reads and writes in one that is there', async () => {
    const { root, outside, place, link } = trap();
    writeFileSync(join(outside, 'secret'), 'the secret');
    writeFileSync(join(place, 'secret'), 'no secret');
    await using sandbox = await Sandbox.create({ root: { path: root, readOnly: false } });
    await using _swapping = await swapping(place, link);
    const read = new Set<string>();
    for (let round = 0; round < 150; round++) {
      const quiet = (): undefined => undefined;
      read.add((await sandbox.readFile('/place/secret', 'utf8').catch(quiet)) ?? 'refused');
      await sandbox.writeFile('/place/caught', 'caught').catch(quiet);
      await sandbox.mkdir('/place/made').catch(quiet);
    }
    expect(read.has('the secret')).toBe(false);
    expect(read.has('no secret')).toBe(true);
    expect(readdirSync(outside)).toEqual(['secret']);
  });
});

describe('links', () => {
  test('in a root lead to what is in it, for readFile and writeFile too', async () => {
    const root = arsenal.folder('root');
    for (const [name, to] of [
      ['up', `../../../../../../../../..${arsenal.secret}`],
      ['absolute', arsenal.secret],
      ['process', '/proc/self/cwd'],
      ['init', '/proc/1/root'],
    ] as const) {
      symlinkSync(to, join(root, name));
    }
    mkdirSync(join(root, 'proc'));
    await using sandbox = await Sandbox.create({ root: { path: root, readOnly: false }, dev: false });
    for (const path of [
      '/up',
      '/absolute',
      `/..${arsenal.secret}`,
      `/process${arsenal.secret}`,
      `/init${arsenal.secret}`,
    ]) {
      await expect(sandbox.readFile(path)).rejects.toMatchObject({ name: 'NamespaceError' });
      await expect(sandbox.writeFile(path, 'x')).rejects.toMatchObject({ name: 'NamespaceError' });
    }
    for (const path of ['/proc/self/root', '/proc/self/exe', '/proc/self/fd/0', '/proc/self/cwd']) {
      await expect(sandbox.readFile(path)).rejects.toMatchObject({ name: 'NamespaceError' });
    }
    expect(readFileSync(arsenal.secret, 'utf8')).toBe('the secret\n');
  });

  test('on the way to a mount point lead to what is in the root', async () => {
    const root = arsenal.folder('root');
    const outside = arsenal.folder('outside');
    symlinkSync(outside, join(root, 'link'));
    const mounts: MountEntry[] = [
      { type: 'file', target: '/link/a', data: 'a' },
      { type: 'dir', target: '/link/b' },
      { type: 'file', target: '/../../../../..' + outside + '/c', data: 'c' },
    ];
    const made = await Sandbox.create({ root: { path: root, readOnly: false }, dev: false, proc: false, mounts }).catch(
      () => undefined,
    );
    await made?.close();
    expect(readdirSync(outside)).toEqual([]);
  });
});

describe('files that are no files', () => {
  test('keep nobody waiting: a FIFO, a device, an endless one', async () => {
    await using sandbox = await arsenal.sandbox();
    await sandbox.exec('mkfifo /tmp/fifo; truncate -s 1T /tmp/endless');
    for (const path of ['/tmp/fifo', '/dev/zero', '/dev/tty', '/tmp']) {
      await expect(sandbox.readFile(path)).rejects.toMatchObject({ name: 'NamespaceError' });
    }
    await expect(sandbox.readFile('/tmp/endless', { maxBytes: 1 << 20 })).rejects.toMatchObject({ code: 'EFBIG' });
    await expect(sandbox.writeFile('/tmp/fifo', 'x')).rejects.toMatchObject({ name: 'NamespaceError' });
  });
});

describe('a descriptor or a directory of the host', () => {
  test.each(ATTACKERS)('is not to be had, whatever this process was started with: $who', async ({ spec }) => {
    const scenario = join(__dirname, 'scenarios.ts');
    const node = nodeSpawn('bash', [
      '-c',
      `exec 60<'${arsenal.secret}' 61<'${arsenal.directory}' 62<>/dev/null; cd '${arsenal.directory}'; exec "$@"`,
      'sh',
      process.execPath,
      ...nodeArguments(scenario, 'whatIsInside', [spec, arsenal.directory]),
    ]);
    let output = '';
    node.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    node.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(node, 'close');
    const inside = { descriptors: ['0', '1', '2', '3'], directories: [], environment: [] };
    expect(JSON.parse(output.replace(/^result: /, ''))).toEqual(inside);
  });

  test.each(ATTACKERS)('is not the directory that a program starts in (CVE-2024-21626): $who', async ({ spec }) => {
    await using sandbox = await arsenal.sandbox({ ...spec, mounts: [{ type: 'tmpfs', target: '/work' }] });
    const seen = new Set<string>();
    for (let fd = 0; fd < 24; fd++) {
      await sandbox.exec(`rm -f /work/link; ln -s /proc/self/fd/${fd} /work/link`);
      for (const cwd of [`/proc/self/fd/${fd}`, '/work/link', `/proc/self/fd/${fd}/../../../../..`, '/work/link/..']) {
        // Seen from there: up, as far as it goes.
        const up = `cat ../../../../../../../../../..${arsenal.secret} .${arsenal.secret} 2>/dev/null; pwd -P`;
        const inside = await sandbox.exec(up, { cwd }).catch(() => ({ stdout: 'refused' }));
        seen.add(inside.stdout.trim());
      }
    }
    // pwd says '(unreachable)' of a directory that is not below the root: getcwd(2).
    expect([...seen].filter((path) => path !== 'refused' && !path.startsWith('/'))).toEqual([]);
    expect(seen).toContain('refused');
    expect([...seen].join()).not.toContain('the secret');
  });
});

test('a directory that a program is given on purpose is one it has', async () => {
  const directory = openSync(arsenal.directory, 'r');
  await using sandbox = await arsenal.sandbox();
  const child = await sandbox.spawn('cat', ['/proc/self/fd/3/secret'], {
    stdio: ['ignore', 'pipe', 'ignore', directory],
  });
  expect(await text(child.stdout!)).toBe('the secret\n');
  closeSync(directory);
});

describe('a device', () => {
  test.each(ATTACKERS)('is not to be made, whoever it is: $who', async ({ spec }) => {
    await using sandbox = await arsenal.sandbox(spec);
    expect(await achieved(sandbox, 'mknod /tmp/mem c 1 1; mknod /tmp/disk b 254 0; ls /tmp/mem /tmp/disk')).toBe('');
  });

  test.each(ATTACKERS)('that is bound is not to be opened, unless that was asked for: $who', async ({ spec }) => {
    const mounts: MountEntry[] = [
      { type: 'bind', source: '/dev/zero', target: '/bound' },
      { type: 'bindDevices', source: '/dev/zero', target: '/asked' },
    ];
    await using sandbox = await arsenal.sandbox({ ...spec, mounts });
    const first = 'head -c 1 /asked | wc -c';
    expect(await achieved(sandbox, `${first}; head -c 1 /bound && echo opened`)).toBe('1\n');
    const again = `mount -o remount,bind,dev /bound; ${arsenal.syscall} 442 -100 =/bound 0 :0:4:0:0 32 >/tmp/x`;
    expect(await achieved(sandbox, `${again}; head -c 1 /bound && echo opened`)).toBe('');
  });

  needs({ root: true }).test.each(ATTACKERS)(
    'that lies in a directory of the host is not to be opened: $who',
    async ({ spec }) => {
      const source = arsenal.folder('devices');
      await execFile('mknod', ['-m', '666', join(source, 'zero'), 'c', '1', '5']);
      expect(
        await achieved({ exec: (command) => execFile('sh', ['-c', command]) }, `head -c 1 ${source}/zero | wc -c`),
      ).toBe('1\n');
      await using sandbox = await arsenal.sandbox({ ...spec, mounts: [{ type: 'bind', source, target: '/bound' }] });
      expect(await achieved(sandbox, 'test -c /bound/zero && echo there; head -c 1 /bound/zero && echo opened')).toBe(
        'there\n',
      );
    },
  );

  test.each(ATTACKERS)('of the host that is none of the harmless ones is not there: $who', async ({ spec }) => {
    await using sandbox = await arsenal.sandbox(spec);
    const devices = await achieved(
      sandbox,
      "find /dev -xdev \\( -type c -o -type b \\) -printf '%f\\n'; find / -xdev -type b",
    );
    const others = devices
      .split('\n')
      .filter((name) => !['null', 'zero', 'full', 'random', 'urandom', 'tty', ''].includes(name));
    expect(others).toEqual([]);
  });
});

describe('the machine', () => {
  const SYSCTLS = [
    'kernel/core_pattern',
    'kernel/hostname',
    'vm/drop_caches',
    'kernel/modprobe',
    'net/ipv4/ip_forward',
    'fs/binfmt_misc',
  ];

  test.each(ATTACKERS)('has nothing that can be set in /proc: $who', async ({ spec }) => {
    await using sandbox = await arsenal.sandbox(spec);
    const open =
      'for f in $(find /proc/sys /proc/irq /proc/bus /proc/fs /proc/sysrq-trigger -type f); do ( : >>$f ) && echo $f; done';
    expect(await achieved(sandbox, open)).toBe('');
    const unlocked = `umount -l /proc/sys; umount -l /proc; mount -o remount,rw /proc/sys; mount -o remount,rw /proc
      mkdir /tmp/p; mount -t proc p /tmp/p; ${open}; for f in ${SYSCTLS.join(' ')}; do ( : >>/tmp/p/sys/$f ) && echo $f; done`;
    expect(await achieved(sandbox, unlocked)).toBe('');
    const nested = `unshare -Ump --keep-caps -f sh -c '${arsenal.syscall} 165 =p =/proc =proc 0 0; for f in ${SYSCTLS.join(' ')}; do ( : >>/proc/sys/$f ) && echo $f; done; :'`;
    expect((await achieved(sandbox, nested)).replace(/^-1 \d+\n$/, '')).toBe('');
  });

  test('has things that could be set there, in a set without a sandbox', async () => {
    await using set = await unshare(['user', 'mnt', 'pid', 'net', 'uts']);
    await set.mount({ source: 'proc', target: '/proc', type: 'proc' });
    expect(await achieved(set, '( : >>/proc/sys/net/ipv4/ip_forward ) && echo open')).toBe('open\n');
  });

  test.each(ATTACKERS)('does not tell of its memory, its keys or its log: $who', async ({ spec }) => {
    await using sandbox = await arsenal.sandbox(spec);
    const output = await achieved(
      sandbox,
      `for f in kcore keys kmsg timer_list sched_debug; do head -c 1 /proc/$f; done; umount -l /proc/kcore; head -c 1 /proc/kcore
       dmesg; head -c 1 /dev/kmsg; head -c 1 /dev/mem`,
    );
    expect(output).toBe('');
  });

  test.each(ATTACKERS)('has no /sys, and a read-only one where that is asked for: $who', async ({ spec }) => {
    await using sandbox = await arsenal.sandbox(spec);
    expect(await achieved(sandbox, 'ls -d /sys; mkdir -p /tmp/s; mount -t sysfs s /tmp/s; ls /tmp/s')).toBe('');
    const mounts: MountEntry[] = [{ type: 'sysfs', target: '/sys' }];
    const asked = await arsenal.sandbox({ ...spec, mounts }).catch((error: unknown) => error as Error);
    // An ordinary user's container may have one that is masked, below which none can be mounted.
    if (!(asked instanceof Sandbox)) {
      expect(asked).toMatchObject({ name: 'NamespaceError' });
      return;
    }
    const open = 'for f in $(find /sys -type f -perm /u+w | head -200); do ( : >>$f ) && echo $f; done';
    const unlock = `mount -o remount,rw /sys; ${arsenal.syscall} 442 -100 =/sys 0x8000 :0:1:0:0 32 >/dev/null`;
    expect(await achieved(asked, `${open}; ${unlock}; ${open}`)).toBe('');
    await asked.close();
  });

  test("may be asked of by who has it all, and still keeps to itself what is the host's", async () => {
    await using sandbox = await arsenal.sandbox(MIGHTY.spec);
    const output = await achieved(
      sandbox,
      `hostname mine; date -s "$(date)" && echo dated; reboot -f && echo rebooted
       modprobe dummy && echo loaded; losetup -f && echo looped; sysctl -w kernel.panic=1 && echo set; hostname`,
    );
    expect(output).not.toMatch(/dated|rebooted|loaded|set\n/);
    expect(readFileSync('/proc/sys/kernel/hostname', 'utf8')).not.toBe('mine\n');
  });
});
