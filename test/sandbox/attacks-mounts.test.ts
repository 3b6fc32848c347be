import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MountEntry, type NamespaceSet, Sandbox, unshare } from '../../lib';
import { ATTACKERS, Arsenal, MIGHTY, achieved } from '../fixtures/attacks';

let arsenal: Arsenal;
beforeAll(() => {
  arsenal = new Arsenal();
});
afterAll(() => arsenal.remove());

/** mount_setattr(2): takes MOUNT_ATTR_RDONLY away, also below. Unlike mount(8) it does not care who it is run by. */
const madeWritable = (at: string): string => `${arsenal.syscall} 442 -100 =${at} 0x8000 :0:1:0:0 32`;

/** All that one can do to get at a directory that is mounted read-only, and then write in it. */
const WAYS_TO_WRITE: readonly (readonly [way: string, command: (at: string) => string])[] = [
  ['as it is', (at) => `echo x >${at}/kept; touch ${at}/new`],
  ['remounted', (at) => `mount -o remount,bind,rw ${at}; touch ${at}/new`],
  ['remounted with mount_setattr', (at) => `${madeWritable(at)}; touch ${at}/new`],
  ['unmounted', (at) => `umount ${at}; umount -l ${at}; touch ${at}/new`],
  ['moved away', (at) => `mkdir -p /tmp/a; mount --move ${at} /tmp/a; touch ${at}/new /tmp/a/new`],
  [
    'bound elsewhere',
    (at) =>
      `mkdir -p /tmp/b; mount --bind ${at} /tmp/b; mount -o remount,bind,rw /tmp/b; touch /tmp/b/new; umount /tmp/b`,
  ],
  [
    'in namespaces of its own',
    (at) => `unshare -Urm sh -c 'mount -o remount,bind,rw ${at}; umount ${at}; touch ${at}/new'`,
  ],
  // Where 0 may not be mapped; but capabilities are there.
  [
    'in namespaces of nobody',
    (at) => `unshare -Um --keep-caps sh -c '${madeWritable(at)}; umount ${at}; touch ${at}/new'`,
  ],
  ['with the root bound elsewhere', (at) => `mkdir -p /tmp/c; mount --bind / /tmp/c; touch /tmp/c${at}/new`],
  ['through the root of process 1', (at) => `touch /proc/1/root${at}/new; touch /proc/self/root${at}/new`],
  [
    'as the lower layer of an overlay',
    (at) =>
      `mkdir -p /tmp/u /tmp/w; mount -t overlay -o lowerdir=${at},upperdir=${at},workdir=/tmp/w o /tmp; touch /tmp/new`,
  ],
];

/** A set in which there is nothing between root inside and its mounts: what is tried there works. */
async function defenceless(bind?: { source: string; target: string }): Promise<NamespaceSet> {
  const set = await unshare(['user', 'mnt', 'pid']);
  await set.mount({ source: 'proc', target: '/proc', type: 'proc' });
  if (bind !== undefined) await set.mount({ ...bind, bind: true, readOnly: true });
  return set;
}

describe('a directory that is bound read-only', () => {
  const entries: (readonly [how: string, mounts: (source: string) => MountEntry[]])[] = [
    ['bindReadOnly', (source) => [{ type: 'bindReadOnly', source, target: '/bound' }]],
    [
      'bind, and then readOnly',
      (source) => [
        { type: 'bind', source, target: '/bound' },
        { type: 'readOnly', target: '/bound' },
      ],
    ],
  ];
  const cases = entries.flatMap(([how, mounts]) => ATTACKERS.map(({ who, spec }) => ({ how, mounts, who, spec })));

  test.each(cases)('stays as it is: $how, $who', async ({ mounts, spec }) => {
    const source = arsenal.folder('bound');
    writeFileSync(join(source, 'kept'), 'kept');
    for (const [, command] of WAYS_TO_WRITE) {
      // One each: what one way leaves behind is not to be in the way of the next.
      await using sandbox = await arsenal.sandbox({ ...spec, mounts: mounts(source) });
      expect(await achieved(sandbox, 'cat /bound/kept')).toBe('kept');
      await achieved(sandbox, command('/bound'));
      expect(readdirSync(source)).toEqual(['kept']);
    }
    expect(readFileSync(join(source, 'kept'), 'utf8')).toBe('kept');
  });

  test.each(ATTACKERS)(
    'is not to be written through a root that is a directory of the host: $who',
    async ({ spec }) => {
      const root = arsenal.folder('root');
      for (const name of ['usr', 'bin', 'lib', 'lib64', 'proc', 'dev', 'tmp', 'etc', 'bound'])
        mkdirSync(join(root, name));
      const system: MountEntry[] = ['/usr', '/bin', '/lib', '/lib64'].flatMap((path) =>
        existsSync(path) ? [{ type: 'bindReadOnly', source: path, target: path }] : [],
      );
      const mounts: MountEntry[] = [...system, { type: 'tmpfs', target: '/tmp' }];
      await using sandbox = await Sandbox.create({ ...spec, root, mounts });
      for (const [, command] of WAYS_TO_WRITE) await achieved(sandbox, command('/bound'));
      expect(readdirSync(join(root, 'bound'))).toEqual([]);
    },
  );

  test('could be written that way where nothing locks it', async () => {
    const source = arsenal.folder('bound');
    const target = arsenal.folder('target');
    await using set = await defenceless({ source, target });
    expect(await achieved(set, `touch ${target}/new && echo written`)).toBe('');
    await achieved(set, `mount -o remount,bind,rw ${target}; touch ${target}/new`);
    expect(readdirSync(source)).toEqual(['new']);
  });

  test('could be written with mount_setattr where nothing locks it', async () => {
    const source = arsenal.folder('bound');
    const target = arsenal.folder('target');
    await using set = await defenceless({ source, target });
    await achieved(set, `${madeWritable(target)}; touch ${target}/new`);
    expect(readdirSync(source)).toEqual(['new']);
  });
});

describe('what is masked', () => {
  const WAYS_TO_LOOK = [
    'true',
    'umount /data/hidden; umount -l /data/hidden',
    'mkdir -p /tmp/a; mount --bind /data /tmp/a; cat /tmp/a/hidden/*',
    'mkdir -p /tmp/a; mount --bind / /tmp/a; cat /tmp/a/data/hidden/*',
    'mkdir -p /tmp/a; mount --move /data/hidden /tmp/a',
    "unshare -Urm sh -c 'umount /data/hidden; cat /data/hidden/*'",
    "unshare -Urm sh -c 'mkdir -p /tmp/a; mount --bind /data /tmp/a; cat /tmp/a/hidden/*'",
    'cat /proc/1/root/data/hidden/*',
  ];

  test.each(ATTACKERS)('is not to be seen: $who', async ({ spec }) => {
    const source = arsenal.folder('data');
    mkdirSync(join(source, 'hidden'));
    writeFileSync(join(source, 'hidden', 'secret'), 'the secret\n');
    const mounts: MountEntry[] = [
      { type: 'bind', source, target: '/data' },
      { type: 'mask', target: '/data/hidden' },
    ];
    for (const way of WAYS_TO_LOOK) {
      await using sandbox = await arsenal.sandbox({ ...spec, mounts });
      expect(await achieved(sandbox, `${way}; cat /data/hidden/* /data/hidden`)).toBe('');
    }
  });

  test('could be seen that way where nothing locks it', async () => {
    const data = arsenal.folder('data');
    writeFileSync(join(data, 'secret'), 'the secret\n');
    await using set = await defenceless();
    await set.mount({ source: 'tmpfs', target: data, type: 'tmpfs' });
    expect(await achieved(set, `cat ${data}/*`)).toBe('');
    expect(await achieved(set, `umount ${data}; cat ${data}/*`)).toBe('the secret\n');
  });
});

describe('the root', () => {
  test.each(ATTACKERS)('is not to be climbed out of with chroot: $who', async ({ spec }) => {
    await using sandbox = await arsenal.sandbox(spec);
    const output = await achieved(sandbox, `${arsenal.escape} chroot ${arsenal.secret}`);
    expect(output).not.toContain('the secret');
    // That it got so far, but no further, shows that it was tried.
    if (spec === MIGHTY.spec) expect(output).toBe('climbed\n');
  });

  test('would be climbed out of if it were made with chroot', async () => {
    await using set = await defenceless();
    const jail = arsenal.folder('jail');
    const output = await achieved(set, `${arsenal.escape} chroot ${arsenal.secret} ${jail}`);
    expect(output).toBe('climbed\nthe secret\n\n');
  });

  test.each(ATTACKERS)('of the host is not below it, above it or beside it: $who', async ({ spec }) => {
    await using sandbox = await arsenal.sandbox(spec);
    const output = await achieved(
      sandbox,
      `cat ${arsenal.secret} /..${arsenal.secret} /proc/*/root${arsenal.secret} /proc/*/cwd${arsenal.secret}
       umount -l /; umount /; cat ${arsenal.secret}; pivot_root . .; umount -l .; cat ${arsenal.secret}
       nsenter -t 1 -m cat ${arsenal.secret}; nsenter -m/proc/1/ns/mnt cat ${arsenal.secret}
       unshare -Urm sh -c 'umount -l /; cat ${arsenal.secret}'`,
    );
    expect(output).toBe('');
  });

  test('of a sandbox has nothing of the host in its mounts but what was asked for', async () => {
    await using sandbox = await arsenal.sandbox(MIGHTY.spec);
    const { stdout } = await sandbox.execFile('cat', ['/proc/self/mountinfo']);
    const shared = stdout.split('\n').filter((line) => /(shared|master|propagate_from):/.test(line));
    expect(shared).toEqual([]);
    const roots = stdout.split('\n').map((line) => line.split(' ')[3]);
    expect(roots.filter((root) => root?.includes('old') === true)).toEqual([]);
  });
});

describe('a mount inside', () => {
  test('is not to be seen outside, nor one outside inside', async () => {
    const shared = arsenal.folder('shared');
    await using sandbox = await arsenal.sandbox({
      ...MIGHTY.spec,
      mounts: [{ type: 'bind', source: shared, target: '/shared' }],
    });
    expect(await achieved(sandbox, 'mount -t tmpfs t /shared && touch /shared/inside && ls /shared')).toBe('inside\n');
    expect(readdirSync(shared)).toEqual([]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(shared);
  });
});
