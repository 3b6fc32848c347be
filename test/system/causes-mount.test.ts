import { type MountOptions, unshare } from '../../lib';
import { type Cause, expectCause, using } from '../fixtures/causes';
import { CompiledPackage } from '../fixtures/child-node';

let node: CompiledPackage;
beforeAll(() => {
  node = new CompiledPackage();
});
afterAll(() => node.remove());

describe('a mount is refused because', () => {
  const whole = [/mount too revealing/, 'Bind-mount the existing /proc', "'--security-opt systempaths=unconfined'"];

  test('it would uncover what is masked above', async () => {
    await using(unshare(['user', 'mnt', 'pid']), async (outer) => {
      await outer.mount({ type: 'proc', target: '/proc' });
      await outer.mount({ bind: true, source: '/dev/null', target: '/proc/cmdline' });
      const script = `
        const set = await linux.unshare(['user', 'mnt', 'pid']);
        try { await set.mount({ type: 'proc', target: '/proc' }); } finally { await set.close(); }`;
      await expectCause(node.runIn(outer, script), {
        code: 'EPERM',
        syscall: 'fsmount',
        kind: 'mnt',
        step: 'mount proc on /proc',
        hint: [/\/proc outside is partly covered \(\/proc\/cmdline\)/, ...whole],
      });
    });
  });

  test('it would uncover what is masked in the set that was joined', async () => {
    await using(unshare(['user', 'mnt', 'pid']), async (outer) => {
      await outer.mount({ bind: true, source: '/dev/null', target: '/proc/cmdline' });
      await using(outer.spawn('sleep', ['60'], { unshare: ['user', 'mnt', 'pid'], init: false }), async (program) => {
        await using(program.namespaces(), async (inner) => {
          const mount = inner.mount({ type: 'proc', target: '/proc' });
          await expectCause(mount, { code: 'EPERM', step: 'mount proc on /proc', hint: whole });
        });
        program.kill('SIGKILL');
      });
    });
  });

  const cases: [what: string, options: MountOptions, cause: Cause][] = [
    [
      'the pid namespace that proc shows is not its own',
      { type: 'proc', target: '/proc' },
      { code: 'EPERM', hint: ['Mounting proc takes a pid namespace', "add 'pid' to the kinds"] },
    ],
    [
      'the net namespace that sysfs shows is not its own',
      { type: 'sysfs', target: '/sys' },
      { code: 'EPERM', hint: ['Mounting sysfs takes a net namespace', "add 'net' to the kinds"] },
    ],
    [
      'that filesystem is for root of the host',
      { type: 'ext4', source: '/dev/null', target: '/mnt' },
      { code: 'EPERM', hint: ["The kernel doesn't let a user namespace mount ext4", 'bind-mount it inside'] },
    ],
    [
      'there is no such filesystem',
      { type: 'nosuchfs', target: '/mnt' },
      { code: 'ENODEV', hint: ["does not know the filesystem 'nosuchfs'", "'sudo modprobe nosuchfs'"] },
    ],
    [
      'the target is missing',
      { type: 'tmpfs', target: '/no/such' },
      { code: 'ENOENT', syscall: 'openat2', path: '/no/such', hint: /^The target '\/no\/such' does not exist/ },
    ],
    [
      'the source is missing',
      { bind: true, source: '/no/such', target: '/mnt' },
      {
        code: 'ENOENT',
        syscall: 'open_tree',
        step: 'bind /no/such on /mnt',
        hint: "The source '/no/such' does not exist",
      },
    ],
    [
      'a file goes on files only',
      { bind: true, source: '/etc/passwd', target: '/mnt' },
      { code: 'EINVAL', syscall: 'move_mount', hint: 'a file only on a file' },
    ],
    [
      'what is mounted below it may not be left out',
      { bind: true, source: '/', target: '/mnt' },
      { code: 'EINVAL', syscall: 'open_tree', hint: 'bind recursively' },
    ],
    [
      'an option is wrong, in the words of the kernel',
      { type: 'tmpfs', target: '/mnt', data: 'nosuch=1' },
      {
        code: 'EINVAL',
        syscall: 'fsconfig',
        step: 'mount tmpfs on /mnt',
        hint: 'The kernel says: "tmpfs: Unknown parameter \'nosuch\'".',
      },
    ],
    [
      'a value is wrong, in the words of the kernel',
      { type: 'tmpfs', target: '/mnt', options: { size: 'much' } },
      { code: 'EINVAL', syscall: 'fsconfig', hint: 'The kernel says: "tmpfs: Bad value for \'size\'".' },
    ],
    [
      'a layer of an overlay is missing',
      { type: 'overlay', target: '/mnt', lower: ['/no/such', '/usr'] },
      { code: 'ENOENT', step: 'mount overlay on /mnt', hint: "'/no/such', a layer of the overlay, does not exist" },
    ],
    [
      'an upper layer and its work directory are on two filesystems',
      { type: 'overlay', target: '/mnt', lower: ['/usr'], upper: '/proc', work: '/dev' },
      { code: 'EINVAL', step: 'mount overlay on /mnt', hint: /dmesg|The kernel says/ },
    ],
    [
      'what it is moved from is no mount',
      { move: true, source: '/usr', target: '/mnt' },
      { code: 'EINVAL', syscall: 'move_mount', step: 'move /usr to /mnt', hint: "'/usr' is no mount point" },
    ],
    [
      'what is moved came from a more privileged mount namespace',
      { move: true, source: '/proc', target: '/mnt' },
      { code: 'EINVAL', syscall: 'move_mount', hint: 'is locked' },
    ],
    [
      'the filesystem was mounted by another',
      { remount: true, target: '/proc', options: { hidepid: 2 } },
      { code: 'EPERM', step: 'remount /proc', hint: 'With bind: true only this mount is changed' },
    ],
    [
      'what is changed is no mount',
      { remount: true, bind: true, target: '/usr', readOnly: true },
      { code: 'EINVAL', syscall: 'mount_setattr', step: 'remount /usr', hint: "'/usr' is no mount point" },
    ],
    [
      'a link of /proc is no way to a target',
      { type: 'tmpfs', target: '/proc/self/root/mnt' },
      { code: 'ELOOP', syscall: 'openat2', hint: 'not followed in targets' },
    ],
  ];
  test.each(cases)('%s', async (_, options, cause) => {
    await using(unshare(['user', 'mnt']), async (set) => {
      await expectCause(set.mount(options), { kind: 'mnt', ...cause });
    });
  });
});

describe('a mount that came from a more privileged mount namespace is locked', () => {
  const locked = { code: 'EINVAL', syscall: 'umount2', step: 'umount /proc', kind: 'mnt', path: '/proc' } as const;

  test('it is not unmounted', async () => {
    await using(unshare(['user', 'mnt']), async (set) => {
      await expectCause(set.umount('/proc'), {
        ...locked,
        hint: ["'/proc' was mounted in a more privileged mount namespace", 'is locked', 'Mount something over it'],
      });
      await expectCause(node.runIn(set, `await linux.umount('/proc')`), { ...locked, hint: 'is locked' });
    });
  });

  test('its flags are not taken away', async () => {
    await using(unshare(['user', 'mnt']), async (outer) => {
      await outer.mount({ type: 'tmpfs', target: '/mnt', readOnly: true });
      const script = `
        const set = await linux.unshare(['user', 'mnt']);
        try { await set.mount({ remount: true, bind: true, target: '/mnt', readOnly: false }); } finally { await set.close(); }`;
      await expectCause(node.runIn(outer, script), {
        code: 'EPERM',
        syscall: 'mount_setattr',
        step: 'remount /mnt',
        kind: 'mnt',
        hint: ["'/mnt' came from a more privileged mount namespace", 'its flags are locked'],
      });
    });
  });

  test('what is no mount is told from what is locked', async () => {
    await using(unshare(['user', 'mnt']), async (set) => {
      await expectCause(node.runIn(set, `await linux.umount('/etc')`), { code: 'EINVAL', hint: /^Nothing is mounted/ });
      await expectCause(set.umount('/etc'), { code: 'EINVAL', hint: ['is no mount point', 'or it is locked'] });
      await expectCause(set.setPropagation('/etc', 'shared'), { code: 'EINVAL', hint: 'is no mount point' });
    });
  });

  test('what is in use is told', async () => {
    await using(unshare(['user', 'mnt']), async (set) => {
      await set.mount({ type: 'tmpfs', target: '/mnt' });
      await using(set.spawn('sleep', ['60'], { cwd: '/mnt', stdio: 'ignore' }), async () => {
        await expectCause(set.umount('/mnt'), { code: 'EBUSY', hint: ['is in use', 'detach: true'] });
      });
    });
  });
});
