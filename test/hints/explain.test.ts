import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Errno } from '../../lib/kernel/errno';
import { type Failure, explain } from '../../lib/hints/explain';
import { causeOf } from '../../lib/plan/step';
import { HostFiles } from '../../lib/kernel/host-files';
import { NAMESPACE_KINDS } from '../../lib/kernel/namespace-kind';
import { ALL_CAPABILITIES, type Tree, anotherHost, ordinary, statusOf } from '../fixtures/another-host';

/** The hint for a failure on an ordinary host that differs in a few files. */
function hint(failure: Partial<Failure> & Pick<Failure, 'operation' | 'errno'>, differs: Tree = {}): string {
  const host = anotherHost({ ...ordinary, ...differs });
  return explain({ syscall: 'clone3', ...failure }, host, causeOf(failure.operation)) ?? '(none)';
}

const root = { 'proc/self/status': statusOf({ Uid: '0 0 0 0', Gid: '0 0 0 0', CapEff: ALL_CAPABILITIES }) };
const filtered = { 'proc/self/status': statusOf({ Seccomp: '2' }) };

describe('a pid that was chosen is refused', () => {
  test.each([
    [Errno.EEXIST, 'is taken'],
    [Errno.EPERM, 'CAP_CHECKPOINT_RESTORE'],
    [Errno.EINVAL, 'kernel.pid_max'],
    [Errno.E2BIG, 'Linux 5.5'],
    [Errno.ENOMEM, 'The init of that pid namespace has ended'],
  ])('errno %d, with its cause', (errno, cause) => {
    expect(hint({ operation: 'set_tid', errno })).toContain(cause);
  });

  it('by a seccomp filter that has no clone3', () => {
    expect(hint({ operation: 'set_tid', errno: Errno.ENOSYS }, filtered)).toContain('A seccomp filter answers ENOSYS');
  });
});

describe('a user namespace is refused', () => {
  const refused = { operation: 'clone', errno: Errno.EPERM, kinds: ['user', 'net'] } satisfies Partial<Failure>;
  const apparmor = { 'proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1\n' };
  const debian = { 'proc/sys/kernel/unprivileged_userns_clone': '0\n' };

  it("by Debian's sysctl, which it tells how to set", () => {
    expect(hint(refused, debian)).toContain("'sudo sysctl -w kernel.unprivileged_userns_clone=1'");
    expect(hint(refused, { 'proc/sys/kernel/unprivileged_userns_clone': '1\n' })).not.toContain('unprivileged_userns');
  });

  it("but not by Debian's sysctl where the caller is root", () => {
    expect(hint(refused, { ...debian, ...root })).not.toContain('unprivileged_userns_clone');
  });

  it.each([Errno.EPERM, Errno.EACCES])(
    "by AppArmor's restriction (errno %d), which a profile or a sysctl lifts",
    (errno) => {
      const text = hint({ ...refused, errno }, apparmor);
      expect(text).toContain('kernel.apparmor_restrict_unprivileged_userns = 1');
      expect(text).toContain("'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0'");
      expect(text).toContain("'userns,'");
      expect(text).toContain(process.execPath);
    },
  );

  it.each(['hostname', 'fs', 'loopback', 'propagation', 'uid_map', 'time'])(
    'by AppArmor only in effect: it is made, and then %s is refused',
    (operation) => {
      const failure = { operation, errno: Errno.EPERM, syscall: operation, kinds: [...NAMESPACE_KINDS] };
      expect(hint(failure, apparmor)).toContain('apparmor_restrict_unprivileged_userns=0');
      expect(hint(failure, { ...apparmor, ...root })).not.toContain('apparmor_restrict');
    },
  );

  it("by a container's seccomp profile, while the sysctls allow it", () => {
    const text = hint(refused, filtered);
    expect(text).toContain('Seccomp: 2 in /proc/self/status');
    expect(text).toContain('--security-opt seccomp=unconfined');
    expect(hint(refused)).not.toContain('Seccomp: 2');
  });

  it('by a seccomp profile that has no clone3 at all', () => {
    expect(hint({ ...refused, errno: Errno.ENOSYS }, filtered)).toContain('seccomp filter answers ENOSYS');
    expect(hint({ ...refused, errno: Errno.ENOSYS })).toContain('gVisor');
  });

  it('in a chroot, which shows in nothing being mounted on /', () => {
    const mountinfo = '63 43 0:39 / /proc rw,relatime - proc proc rw\n';
    expect(hint(refused, { 'proc/self/mountinfo': mountinfo })).toContain('runs in a chroot');
    expect(hint(refused, { 'proc/self/mountinfo': mountinfo, ...root })).toContain(
      'pivot_root(2) instead of chroot(2)',
    );
  });

  it('in a chroot to a mount point, when nothing else explains it', () => {
    expect(hint(refused)).toContain('leaves a chroot');
    expect(hint(refused, root)).toContain('leaves a chroot');
  });

  it('to ids that are not mapped where they are', () => {
    const status = { 'proc/self/status': statusOf({ Uid: '65534 65534 65534 65534' }) };
    const text = hint(refused, { ...status, 'proc/self/uid_map': '0 1000 1\n' });
    expect(text).toContain('The uid of this process has no mapping in its own user namespace (/proc/self/uid_map)');
    const neither = hint(refused, { 'proc/self/uid_map': '', 'proc/self/gid_map': '' });
    expect(neither).toContain('The uid and gid of this process');
  });

  it('by a security module, which it names', () => {
    const failure = { ...refused, errno: Errno.EACCES };
    expect(hint(failure, { 'proc/self/attr/current': 'docker-default (enforce)\n' })).toContain(
      'docker-default (enforce)',
    );
    const selinux = { 'proc/self/attr/current': 'system_u:system_r:container_t:s0:c1,c2\0' };
    expect(hint(failure, selinux)).toContain('ausearch');
    expect(hint(failure, { 'proc/self/attr/current': 'unconfined\n' })).toBe('(none)');
  });
});

describe('other namespaces are refused', () => {
  const refused = { operation: 'clone', errno: Errno.EPERM, kinds: ['net', 'uts'] } satisfies Partial<Failure>;

  it("without CAP_SYS_ADMIN: add 'user', or be root", () => {
    expect(hint(refused)).toBe(
      'New net and uts namespaces take CAP_SYS_ADMIN, which this process (uid 1000) does not have. ' +
        "Add 'user' to the kinds, which needs no privilege and gives all capabilities inside; or run as root.",
    );
  });

  it('where root has not got them either, as in a container: it names the capabilities to start with', () => {
    const contained = { 'proc/self/status': statusOf({ CapBnd: '00000000800405fb' }) };
    expect(hint(refused, contained)).toContain(
      "or start this process as root, with CAP_SYS_ADMIN and CAP_NET_ADMIN (Docker, Podman: '--cap-add SYS_ADMIN --cap-add NET_ADMIN'",
    );
    const bounded = { 'proc/self/status': statusOf({ CapBnd: ALL_CAPABILITIES }) };
    expect(hint(refused, bounded)).toMatch(/or run as root\.$/);
  });

  it('to root only by a filter or a security module', () => {
    expect(hint(refused, root)).toBe('(none)');
    const contained = statusOf({ CapEff: ALL_CAPABILITIES, Seccomp: '2' });
    expect(hint(refused, { 'proc/self/status': contained })).toContain('seccomp');
  });
});

describe('no more namespaces', () => {
  const full = { operation: 'clone', errno: Errno.ENOSPC } as const;

  it('are allowed at all: it names the sysctl that is 0', () => {
    const text = hint({ ...full, kinds: ['user', 'net'] }, { 'proc/sys/user/max_user_namespaces': '0\n' });
    expect(text).toContain('No user namespaces are allowed here: user.max_user_namespaces = 0.');
    expect(text).toContain("'sudo sysctl -w user.max_user_namespaces=15000'");
    expect(text).not.toContain('max_net');
  });

  it('fit within the limits: it names those of the kinds asked for, and how they count', () => {
    const text = hint({ ...full, kinds: ['net', 'uts'] }, { 'proc/sys/user/max_net_namespaces': '40\n' });
    expect(text).toContain('user.max_net_namespaces = 40 and user.max_uts_namespaces = 96365');
    expect(text).toContain('per user and per level');
    expect(text).toContain("'sudo sysctl -w user.max_net_namespaces=15000'");
  });

  it('fit within 32 levels, when we are nested already and no limit is near', () => {
    const nested = { 'proc/self/ns/user': '-> user:[4026532200]', 'proc/sys/user/max_user_namespaces': '2147483647\n' };
    expect(hint({ ...full, kinds: ['user'] }, nested)).toContain('nested deeper than 32 levels');
    expect(hint({ ...full, kinds: ['pid'] }, { 'proc/self/ns/pid': '-> pid:[4026532201]' })).toContain('32 levels');
  });

  it('but not for their depth where we are at the top', () => {
    expect(hint({ ...full, kinds: ['user', 'pid'] })).not.toContain('32');
    expect(hint({ ...full, kinds: ['user'] })).toContain('user.max_user_namespaces = 96365');
  });

  it("fit within an outer user namespace's limit, where the inner one has none", () => {
    const text = hint({ ...full, kinds: ['net'] }, { 'proc/sys/user/max_net_namespaces': '2147483647\n' });
    expect(text).toMatch(/^The limit of an outer user namespace is reached/);
  });

  it('may be none further out, or none here: it does not advise to raise the limit of the inner user namespace', () => {
    const nested = { 'proc/self/ns/user': '-> user:[4026532200]' };
    const further = hint(
      { ...full, kinds: ['user'] },
      { ...nested, 'proc/sys/user/max_user_namespaces': '2147483647\n' },
    );
    expect(further).toMatch(/limit of an outer user namespace is reached .*or none are allowed there, as in a Sandbox/);
    expect(further).not.toMatch(/sysctl -w|2147483647/);
    const none = hint({ ...full, kinds: ['user'] }, { ...nested, 'proc/sys/user/max_user_namespaces': '0\n' });
    expect(none).toMatch(
      /^No user namespaces are allowed in the user namespace of this process: user.max_user_namespaces = 0/,
    );
    expect(none).not.toContain('sysctl -w');
    const some = hint({ ...full, kinds: ['net'] }, { ...nested, 'proc/sys/user/max_net_namespaces': '5\n' });
    expect(some).toMatch(/^The limit on namespaces is reached: user.max_net_namespaces = 5.*or the limit of an outer/);
  });

  it('fit within 32 levels, in the words of an older kernel', () => {
    expect(hint({ operation: 'clone', errno: Errno.EUSERS, kinds: ['user'] })).toContain('deeper than 32 levels');
  });
});

describe('a kernel without a kind', () => {
  const invalid = { operation: 'clone', errno: Errno.EINVAL } as const;

  it('has no file for it in /proc/self/ns, and wants its build option', () => {
    const text = hint({ ...invalid, kinds: ['user', 'time'] });
    expect(text).toContain('no time namespaces (no /proc/self/ns/time)');
    expect(text).toContain('CONFIG_TIME_NS');
    expect(text).not.toContain('CONFIG_USER_NS');
  });

  it('is not accused without /proc', () => {
    const failure = { ...invalid, syscall: 'clone3', kinds: ['time'] } satisfies Failure;
    expect(explain(failure, anotherHost({}), causeOf(failure.operation))).toBeUndefined();
  });
});

describe('a thread of Node', () => {
  it('cannot make or join a user namespace: a task of its own can', () => {
    const failure = { errno: Errno.EINVAL, kind: 'user', kinds: ['user'] } as const;
    expect(hint({ ...failure, operation: 'unshareSync' })).toContain("Use unshare(['user', …]) or spawn()");
    expect(hint({ ...failure, operation: 'setnsSync' })).toContain('Use setns() or spawn()');
    expect(hint({ operation: 'setnsSync', kind: 'time', errno: Errno.EUSERS })).toContain('several threads');
    expect(hint({ operation: 'setnsSync', kind: 'mnt', errno: Errno.EINVAL })).toContain('shares its root');
  });
});

describe('no more tasks', () => {
  const full = { operation: 'clone', errno: Errno.EAGAIN, kinds: ['user'] } satisfies Partial<Failure>;

  it('fit into the cgroup, which it names', () => {
    const text = hint(full, {
      'proc/self/cgroup': '0::/user.slice/session\n',
      'sys/fs/cgroup/user.slice/pids.max': '100\n',
      'sys/fs/cgroup/user.slice/pids.current': '100\n',
    });
    expect(text).toContain('The cgroup /user.slice has as many tasks as it may (pids.max = 100)');
  });

  it('fit into the cgroup of the old hierarchy', () => {
    const text = hint(full, {
      'proc/self/cgroup': '12:cpu,pids:/box\n0::/\n',
      'sys/fs/cgroup/pids/box/pids.max': '7\n',
      'sys/fs/cgroup/pids/box/pids.current': '7\n',
    });
    expect(text).toContain('The cgroup /box');
  });

  it('are allowed by one of the other limits, which it lists with their values', () => {
    const text = hint(full, {
      'proc/self/limits': 'Max processes             3                    3                    processes \n',
      'proc/sys/kernel/threads-max': '1000\n',
    });
    expect(text).toContain('RLIMIT_NPROC = 3 for this user and kernel.threads-max = 1000');
  });
});

describe('no more descriptors', () => {
  it.each(['clone', 'open', 'fs', 'prepare'])('whatever was being done: %s', (operation) => {
    const limits = 'Max open files            1024                 4096                 files     \n';
    expect(hint({ operation, errno: Errno.EMFILE }, { 'proc/self/limits': limits })).toContain(
      'RLIMIT_NOFILE allows (1024',
    );
    expect(hint({ operation, errno: Errno.ENFILE }, { 'proc/sys/fs/file-max': '9\n' })).toContain('fs.file-max = 9');
  });
});

describe('a pid namespace without its init', () => {
  it('takes no new process', () => {
    expect(hint({ operation: 'fork', errno: Errno.ENOMEM, syscall: 'clone' })).toContain(
      'The init of that pid namespace has ended',
    );
  });

  it('is noticed when it is where our own children would go', () => {
    const failure = { operation: 'clone', errno: Errno.ENOMEM } as const;
    expect(hint(failure, { 'proc/self/ns/pid_for_children': '-> pid:[4026532300]' })).toContain(
      'born in pid:[4026532300]',
    );
    expect(hint(failure)).toBe('(none)');
  });
});

describe('a uid_map or gid_map is refused', () => {
  const uidMap = {
    operation: 'uid_map',
    errno: Errno.EPERM,
    syscall: 'write',
    kind: 'user',
  } satisfies Partial<Failure>;
  const gidMap = { ...uidMap, operation: 'gid_map' } satisfies Partial<Failure>;

  it('before setgroups is denied', () => {
    expect(hint({ ...gidMap, map: '0 1000 1\n' })).toContain('gid_map was written before setgroups was denied');
    expect(hint({ ...gidMap, map: '0 1000 1\n', setgroups: 'deny' })).not.toContain('before setgroups');
    expect(hint({ ...gidMap, map: '0 1000 1\n' }, root)).not.toContain('before setgroups');
  });

  it('for a range, without CAP_SETUID: newuidmap may write it', () => {
    const text = hint({ ...uidMap, map: '0 1000 1\n1 100000 65536\n' });
    expect(text).toContain('Without CAP_SETUID a process may map only its own uid, 1000');
    expect(text).toContain("uidMap: 'auto'");
    expect(hint({ ...uidMap, map: '0 5 1\n' })).toContain('only its own uid');
  });

  it("for ids that are not mapped in the caller's own user namespace", () => {
    const nested = { ...root, 'proc/self/uid_map': '0 1000 1\n1 100000 9\n' };
    expect(hint({ ...uidMap, map: '0 5 10\n' }, nested)).toContain('the outside uids 5-14 exist');
    expect(hint({ ...uidMap, map: '0 5 10\n' }, nested)).toContain('which has 0, 1-9');
    expect(hint({ ...uidMap, map: '0 0 10\n' }, nested)).not.toContain('exist in');
  });

  it('for uid 0 outside, without CAP_SETFCAP', () => {
    const withoutSetfcap = statusOf({ Uid: '0 0 0 0', CapEff: '000001ff7fffffff' });
    expect(hint({ ...uidMap, map: '0 0 1\n' }, { 'proc/self/status': withoutSetfcap })).toContain(
      'CAP_SETFCAP since Linux 5.12',
    );
    expect(hint({ ...uidMap, map: '0 1 1\n' }, { 'proc/self/status': withoutSetfcap })).not.toContain('CAP_SETFCAP');
  });

  it('the second time', () => {
    const written = { 'proc/4711/uid_map': '         0       1000          1\n' };
    expect(hint({ ...uidMap, path: '/proc/4711/uid_map', map: '0 1000 1\n' }, written)).toContain(
      "has its map already ('0 1000 1')",
    );
  });

  it('to who is neither its creator nor root', () => {
    expect(hint({ ...uidMap, map: '0 1000 1\n' })).toContain('its creator, or root');
  });
});

describe('a map is malformed', () => {
  const invalid = (map: string) => hint({ operation: 'uid_map', errno: Errno.EINVAL, syscall: 'write', map });
  const lines = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, i) => line(i)).join('\n');

  it('with ids that overlap, inside or outside', () => {
    expect(invalid('0 1000 5\n4 2000 1\n')).toBe('The inside ids 0-4 and 4 overlap, and a map may have each id once.');
    expect(invalid('0 1000 5\n5 1004 1\n')).toContain('The outside ids 1000-1004 and 1004 overlap');
  });

  it('with more than 340 lines', () => {
    expect(invalid(lines(341, (i) => `${i} ${i} 1`))).toContain('at most 340 lines, and this one has 341');
  });

  it('with a page of text or more', () => {
    expect(invalid(lines(340, (i) => `${10000 + i * 2} ${1000000 + i * 2} 1`))).toContain('smaller than a page');
  });

  it.each([
    ['0 1000 0\n', 'no id in it'],
    ['0 4294967290 100\n', 'beyond 4294967294'],
    ['0 x 1', 'three numbers'],
    ['\n', 'no line'],
  ])('%j', (map, text) => {
    expect(invalid(map)).toContain(text);
  });
});

describe('setgroups', () => {
  const refused = { operation: 'setgroups', syscall: 'write' } as const;

  it('cannot be allowed again, nor denied after gid_map, nor written by strangers', () => {
    expect(hint({ ...refused, errno: Errno.EPERM, setgroups: 'allow' })).toContain('cannot be taken back');
    expect(hint({ ...refused, errno: Errno.EPERM, setgroups: 'deny' })).toContain('only before gid_map is written');
    expect(hint({ ...refused, errno: Errno.EACCES, setgroups: 'deny' })).toContain(
      'CAP_SYS_ADMIN in that user namespace',
    );
  });
});

describe('newuidmap', () => {
  const failed = { operation: 'newuidmap', errno: Errno.EPERM, syscall: 'write' } satisfies Partial<Failure>;
  const directory = mkdtempSync(join(tmpdir(), 'linux-ns-newuidmap-'));
  const program = join(directory, 'newuidmap');
  writeFileSync(program, '');
  chmodSync(program, 0o755);
  afterAll(() => rmSync(directory, { recursive: true }));

  it('is not installed: it names the package', () => {
    expect(hint({ ...failed, errno: Errno.ENOENT })).toContain("'sudo apt install uidmap'");
    expect(hint({ ...failed, operation: 'newgidmap', errno: Errno.ENOENT })).toContain('newgidmap is not installed');
  });

  it('refuses a range outside of /etc/subuid: it names the range, what is granted, and the command that grants it', () => {
    const text = hint({ ...failed, map: '0 1000 1\n1 200000 65536\n' });
    expect(text).toContain('The outside uids 200000-265535');
    expect(text).toContain('grants to alice (100000-165535)');
    expect(text).toContain("'sudo usermod --add-subuids 200000-265535 alice'");
    expect(hint({ ...failed, map: '0 1000 1\n1 100000 65536\n' })).not.toContain('usermod');
  });

  it('reads grants by uid and grants that touch', () => {
    const etc = { 'etc/subuid': '1000:100000:100\nalice:100100:100\n' };
    expect(hint({ ...failed, map: '0 100050 100\n' }, etc)).not.toContain('usermod');
    expect(hint({ ...failed, map: '0 100150 100\n' }, etc)).toContain('100000-100099, 100100-100199');
  });

  it('has nothing to go by: no range is granted at all', () => {
    expect(hint(failed, { 'etc/subuid': 'bob:100000:65536\n' })).toContain('/etc/subuid has no range for alice');
    expect(hint({ ...failed, operation: 'newgidmap' }, { 'etc/subgid': '' })).toContain(
      '--add-subgids 100000-165535 alice',
    );
  });

  it('leaves /etc/subuid alone where grants come from a directory service', () => {
    const etc = { 'etc/subuid': '', 'etc/nsswitch.conf': 'passwd: files\nsubid: sss\n' };
    expect(hint(failed, etc)).not.toContain('/etc/subuid');
  });

  it('gets no privilege under no_new_privs', () => {
    expect(hint(failed, { 'proc/self/status': statusOf({ NoNewPrivs: '1' }) })).toContain('NoNewPrivs: 1');
  });

  it('has lost its set-user-ID bit', () => {
    expect(hint({ ...failed, path: program })).toContain(`'sudo chmod u+s ${program}'`);
  });
});

describe('joining is refused', () => {
  const join_ = { operation: 'join', syscall: 'setns' } as const;

  it('without CAP_SYS_ADMIN in the user namespace that owns it, which it names', () => {
    const text = hint({ ...join_, errno: Errno.EPERM, kind: 'net', owner: 'user:[4026532500]' });
    expect(text).toContain('CAP_SYS_ADMIN in user:[4026532500], which owns it,');
    expect(text).toContain('Join that user namespace in the same call');
    expect(hint({ ...join_, errno: Errno.EPERM, kind: 'net', owner: 'user:[4026531837]' })).toContain(
      'only root can join it',
    );
  });

  it('for mnt without CAP_SYS_CHROOT as well', () => {
    expect(hint({ ...join_, errno: Errno.EPERM, kind: 'mnt' })).toContain('CAP_SYS_ADMIN and CAP_SYS_CHROOT');
  });

  it('for a user namespace of which one is not the creator', () => {
    expect(hint({ ...join_, errno: Errno.EPERM, kind: 'user' })).toContain('This process (uid 1000) is neither');
  });

  it('to root by a seccomp filter', () => {
    const contained = { 'proc/self/status': statusOf({ CapEff: ALL_CAPABILITIES, Seccomp: '2' }) };
    expect(hint({ ...join_, errno: Errno.EPERM, kind: 'net' }, contained)).toContain('seccomp');
  });

  it.each([
    [Errno.EINVAL, 'user', 'in that user namespace already'],
    [Errno.EINVAL, 'pid', 'from one of its ancestors'],
    [Errno.EINVAL, 'net', 'not of a net namespace'],
    [Errno.ESRCH, 'net', 'has ended'],
    [Errno.EBADF, 'net', 'not open any more'],
  ] as const)('with errno %d for %s: %s', (errno, kind, text) => {
    expect(hint({ ...join_, errno, kind })).toContain(text);
  });
});

describe('opening and keeping a namespace is refused', () => {
  it.each([
    [{ operation: 'open', errno: Errno.EACCES, path: '/proc/1/ns/net' }, 'right to ptrace'],
    [{ operation: 'open', errno: Errno.EPERM, syscall: 'ioctl' }, 'may not look further out'],
    [{ operation: 'open', errno: Errno.ENOENT, path: '/proc/7/ns/pid_for_children' }, 'before its first process'],
    [{ operation: 'open', errno: Errno.ENOENT, path: '/proc/7/ns/time' }, 'no time namespaces'],
    [{ operation: 'open', errno: Errno.ENOENT, path: '/proc/7/ns/user' }, 'zombie'],
    [{ operation: 'open', errno: Errno.ENOENT, path: '/run/netns/x' }, 'no network namespace of that name'],
    [{ operation: 'open', errno: Errno.ENOTTY, path: '/etc/passwd' }, 'no namespace'],
    [{ operation: 'persist', errno: Errno.EPERM }, 'CAP_SYS_ADMIN there; this process (uid 1000) does not'],
    [{ operation: 'persist', errno: Errno.EINVAL, kind: 'mnt' }, 'only by a mount in an older one'],
    [{ operation: 'persist', errno: Errno.EEXIST, path: '/run/netns/x' }, "'/run/netns/x' exists"],
    [{ operation: 'persist', errno: Errno.ENOENT, path: '/run/netns/x' }, 'create it first'],
  ] as const)('%j', (failure, text) => {
    expect(hint(failure)).toContain(text);
  });
});

describe('a mount is refused', () => {
  const refused = { operation: 'fs', errno: Errno.EPERM, syscall: 'fsconfig' } satisfies Partial<Failure>;
  const inside = { ...refused, kinds: ['user', 'mnt', 'pid'] } satisfies Partial<Failure>;
  const masked = {
    'proc/self/mountinfo':
      ordinary['proc/self/mountinfo']! +
      ['kcore', 'keys', 'timer_list', 'sys/fs/binfmt_misc']
        .map((name, index) => `${40 + index} 22 0:30 / /proc/${name} rw - tmpfs tmpfs rw\n`)
        .join(''),
  };

  it('because a masked /proc would be uncovered', () => {
    const text = hint({ ...inside, fstype: 'proc', path: '/proc' }, masked);
    expect(text).toContain('/proc outside is partly covered (/proc/kcore, /proc/keys and /proc/timer_list)');
    expect(text).toContain('mount too revealing');
    expect(text).toContain('systempaths=unconfined');
    expect(hint({ ...inside, fstype: 'proc' })).not.toContain('revealing');
  });

  it('because there is no whole /sys to be seen', () => {
    const text = hint(
      { ...inside, kinds: ['user', 'mnt', 'net'], fstype: 'sysfs' },
      {
        'proc/self/mountinfo': '27 1 254:0 / / rw - ext4 /dev/vda rw\n',
      },
    );
    expect(text).toContain('/sys of this process is none');
  });

  it.each([
    ['proc', 'pid'],
    ['sysfs', 'net'],
    ['mqueue', 'ipc'],
    ['cgroup2', 'cgroup'],
  ])('because %s shows a %s namespace, which must be a new one, too', (fstype, kind) => {
    expect(hint({ ...inside, kinds: ['user', 'mnt'], fstype })).toContain(`add '${kind}' to the kinds`);
    expect(hint({ ...inside, kinds: [], joined: [...NAMESPACE_KINDS], fstype })).not.toContain('to the kinds');
  });

  it('because a user namespace may not mount that filesystem', () => {
    expect(hint({ ...inside, fstype: 'ext4' })).toContain("doesn't let a user namespace mount ext4");
    expect(hint({ ...inside, fstype: 'tmpfs' })).not.toContain("doesn't let");
  });

  it('because the mount namespace is the outer one', () => {
    expect(hint({ ...refused, kinds: ['user'] })).toContain("add 'mnt' to the kinds");
  });

  it('because the caller has no CAP_SYS_ADMIN on this host', () => {
    expect(hint(refused)).toContain("Do it in new 'user' and 'mnt' namespaces, or run as root.");
    expect(hint({ ...refused, operation: 'umount' })).toContain('CAP_SYS_ADMIN');
    expect(hint({ ...refused, operation: 'propagation' })).toContain('CAP_SYS_ADMIN');
  });

  it('because flags that came from a more privileged mount namespace are locked', () => {
    const setattr = { ...inside, operation: 'attributes', syscall: 'mount_setattr', path: '/data' } as const;
    expect(hint(setattr)).toContain('Keep the ones it has.');
    expect(hint({ ...setattr, operation: 'tree' })).toContain('its flags are locked');
  });

  it('because the options of a filesystem are up to who has mounted it', () => {
    expect(hint({ ...inside, operation: 'reconfigure', path: '/data' })).toContain('With bind: true only this mount');
  });

  it('because the upper layer can only be read', () => {
    const mounts = '27 1 254:0 / / rw - ext4 /dev/vda rw\n28 27 0:9 / /ro ro - tmpfs none rw\n';
    const failure = { operation: 'overlay', errno: Errno.EINVAL, syscall: 'fsconfig', fstype: 'overlay' } as const;
    const here = { 'proc/self/mountinfo': mounts };
    expect(hint({ ...failure, source: '/ro/upper' }, here)).toContain("'/ro/upper' is on a read-only mount (/ro)");
    expect(hint({ ...failure, source: '/rock' }, here)).toContain('one mount that can be written');
    expect(hint({ ...failure, source: '/ro/upper', kinds: ['mnt'] }, here)).toContain('one mount that can be written');
  });

  it('because the kernel is too old for it', () => {
    const old = { 'proc/sys/kernel/osrelease': '5.10.0-8-amd64\n' };
    expect(hint({ ...inside, fstype: 'overlay' }, old)).toContain('take Linux 5.11');
    const idmap = { operation: 'tree', detail: 'idmap', syscall: 'mount_setattr' } as const;
    expect(hint({ ...idmap, errno: Errno.ENOSYS })).toContain('take Linux 5.12');
    expect(hint({ ...idmap, errno: Errno.EINVAL })).toContain("can't be id-mapped");
    expect(hint({ ...idmap, errno: Errno.EPERM, kinds: ['user', 'mnt'] })).toContain('openTree()');
  });

  it.each([
    [{ operation: 'tree', errno: Errno.EINVAL, syscall: 'open_tree' }, 'bind recursively'],
    [{ operation: 'tree', errno: Errno.ENOENT, syscall: 'open_tree', source: '/a' }, "The source '/a' does not exist"],
    [{ operation: 'tree', errno: Errno.EINVAL, syscall: 'move_mount', path: '/a' }, 'a file only on a file'],
    [{ operation: 'tree', errno: Errno.ELOOP, syscall: 'openat2', path: '/a' }, 'not followed in targets'],
    [{ operation: 'tree', errno: Errno.ELOOP, syscall: 'open_tree', path: '/a' }, "on the way to the source '/a'"],
    [{ operation: 'tree', errno: Errno.EROFS, syscall: 'mkdir', path: '/a' }, 'on a read-only mount'],
    [{ operation: 'move', errno: Errno.EINVAL, syscall: 'move_mount', path: '/a' }, 'lies on a shared mount'],
    [{ operation: 'move', errno: Errno.ELOOP, syscall: 'move_mount', path: '/a' }, 'in the mount that was to be moved'],
    [{ operation: 'attributes', errno: Errno.EINVAL, syscall: 'mount_setattr' }, 'is no mount point'],
    [{ operation: 'reconfigure', errno: Errno.EINVAL, syscall: 'fspick' }, 'is no mount point'],
    [{ operation: 'reconfigure', errno: Errno.EBUSY, syscall: 'fsconfig' }, 'open for writing'],
    [{ operation: 'pivot_root', errno: Errno.EINVAL, syscall: 'pivot_root' }, 'takes a new root that is a mount point'],
    [{ operation: 'overlay', fstype: 'overlay', errno: Errno.EBUSY, syscall: 'fsconfig' }, 'another overlay'],
    [
      { operation: 'fs', errno: Errno.EINVAL, syscall: 'fsconfig', detail: 'tmpfs: No' },
      'The kernel says: "tmpfs: No".',
    ],
    [{ operation: 'propagation', errno: Errno.EINVAL, path: '/etc' }, "'/etc' is no mount point"],
    [{ operation: 'umount', errno: Errno.EBUSY, path: '/mnt' }, 'MNT_DETACH'],
    [{ operation: 'umount', errno: Errno.EINVAL, path: '/proc', kinds: ['user', 'mnt'] }, 'cannot be unmounted inside'],
    [{ operation: 'umount', errno: Errno.EINVAL, path: '/etc' }, "Nothing is mounted on '/etc'"],
    [{ operation: 'fs', errno: Errno.ENOENT, syscall: 'openat2', path: '/nosuch' }, 'create it first'],
    [{ operation: 'seal', errno: Errno.ENOENT, syscall: 'openat2', path: '/nosuch' }, "add 'optional: true'"],
    [{ operation: 'mask', errno: Errno.ENOENT, syscall: 'openat2', path: '/nosuch' }, "add 'optional: true'"],
    [{ operation: 'fs', errno: Errno.ENOSPC, syscall: 'move_mount' }, 'fs.mount-max'],
    [{ operation: 'fs', errno: Errno.ENOTBLK, syscall: 'fsconfig' }, 'no block device'],
  ] as const)('%j', (failure, text) => {
    expect(hint({ syscall: 'mount', ...failure })).toContain(text);
  });

  it('because the kernel does not know the filesystem', () => {
    const known = { 'proc/filesystems': 'nodev\tproc\n\text4\n' };
    const failure = { ...refused, errno: Errno.ENODEV } as const;
    expect(hint({ ...failure, fstype: 'overlay' }, known)).toContain("'sudo modprobe overlay'");
    expect(hint({ ...failure, fstype: 'ext4' }, known)).toBe('(none)');
  });
});

describe('the set-up inside fails', () => {
  it.each([
    [{ operation: 'hostname', errno: Errno.EINVAL }, 'at most 64 bytes'],
    [{ operation: 'hostname', errno: Errno.EPERM, kinds: ['user'] }, "Add 'uts' to the kinds"],
    [{ operation: 'hostname', errno: Errno.EPERM, kinds: [] }, "Add 'user' and 'uts' to the kinds"],
    [{ operation: 'loopback', errno: Errno.EPERM, kinds: ['user'] }, 'CAP_NET_ADMIN'],
    [{ operation: 'time', errno: Errno.ERANGE, syscall: 'write' }, '146 years'],
    [{ operation: 'time', errno: Errno.EACCES, syscall: 'write' }, 'offsets are fixed'],
    [
      { operation: 'time', errno: Errno.ENOSPC, syscall: 'unshare', kinds: ['user', 'time'] },
      'user.max_time_namespaces = 96365',
    ],
    [{ operation: 'ids', errno: Errno.EINVAL, syscall: 'setresuid', id: 5, map: '0 1000 1\n' }, 'uid 5 is not mapped'],
    [{ operation: 'ids', errno: Errno.EINVAL, syscall: 'setresuid', id: 5, map: '0 1000 1\n' }, 'which has 0:'],
    [{ operation: 'ids', errno: Errno.EPERM, syscall: 'setgroups', kinds: ['user'] }, 'setgroups is denied'],
    [{ operation: 'ids', errno: Errno.EPERM, syscall: 'setresuid' }, 'takes CAP_SETUID'],
    [{ operation: 'chdir', errno: Errno.ENOENT, path: '/x' }, "The working directory '/x' does not exist"],
    [{ operation: 'chdir', errno: Errno.EACCES, path: '/root' }, 'not mapped is closed even to its root'],
    [{ operation: 'chdir', errno: Errno.ELOOP, path: '/x' }, "not followed in another root than this process's"],
    [
      { operation: 'write_file', errno: Errno.EACCES, path: '/proc/sys/net/ipv4/ip_forward', kinds: ['user'] },
      "add 'net'",
    ],
    [
      { operation: 'write_file', errno: Errno.EACCES, path: '/proc/sys/vm/swappiness', kinds: ['user'] },
      'belongs to the host',
    ],
    [{ operation: 'stdio', errno: Errno.EBADF }, 'not open any more'],
  ] as const)('%j', (failure, text) => {
    expect(hint({ syscall: failure.operation, ...failure })).toContain(text);
  });
});

describe('the program cannot be run', () => {
  const exec = { operation: 'exec', syscall: 'execve', path: '/bin/x' } as const;

  it('because it is missing', () => {
    expect(hint({ ...exec, errno: Errno.ENOENT })).toBe("'/bin/x' does not exist in the root the program runs in.");
    expect(hint({ ...exec, errno: Errno.ENOENT, path: 'x' })).toContain(
      "no 'x' in the directories of the child's PATH",
    );
  });

  it('because its interpreter is, of a script or of a binary', () => {
    const missing = (detail: string) => hint({ ...exec, errno: Errno.ENOENT, detail: `interpreter:${detail}` });
    expect(missing('/bin/nosuch')).toContain("'/bin/x' exists, but its interpreter '/bin/nosuch' does not");
    expect(missing('/bin/nosuch')).toContain('first line');
    expect(missing('/lib64/ld-linux-x86-64.so.2')).toContain('dynamic loader of glibc');
    expect(missing('/lib/ld-musl-x86_64.so.1')).toContain('musl');
  });

  it.each([
    ['directory', 'is a directory'],
    ['not-executable', "'chmod +x' it"],
    ['noexec', 'mounted noexec'],
    [undefined, 'lies below a directory that the ids it was to run with may not search'],
    ['refused', 'as interpreter may not be run'],
  ])('because of EACCES: %s', (detail, text) => {
    expect(hint({ ...exec, errno: Errno.EACCES, detail })).toContain(text);
  });

  it.each([
    [Errno.ENOEXEC, process.arch],
    [Errno.E2BIG, '128 KiB'],
    [Errno.ETXTBSY, 'open for writing'],
    [Errno.EPERM, 'file capabilities'],
    [Errno.ELOOP, 'symbolic links'],
    [Errno.EAGAIN, 'RLIMIT_NPROC'],
  ])('with errno %d: %s', (errno, text) => {
    expect(hint({ ...exec, errno })).toContain(text);
  });

  it('nor the helper, from memory, where vm.memfd_noexec forbids it', () => {
    const failure = { operation: 'exec-nsinit', errno: Errno.EACCES, syscall: 'execveat' } as const;
    expect(hint(failure, { 'proc/sys/vm/memfd_noexec': '2\n' })).toContain('vm.memfd_noexec = 2');
    expect(hint(failure, { 'proc/sys/vm/memfd_noexec': '0\n' })).toContain('TMPDIR');
  });
});

describe('a filter of system calls cannot be installed', () => {
  const seccomp = { operation: 'seccomp', syscall: 'seccomp' } as const;

  it.each([
    [Errno.EACCES, "Leave out 'noNewPrivileges: false'"],
    [Errno.EINVAL, 'does not take this BPF program'],
    [Errno.ENOMEM, '32768 BPF instructions'],
    [Errno.EPERM, 'has to allow one of the two'],
    [Errno.ENOSYS, 'CONFIG_SECCOMP_FILTER'],
  ])('with errno %d: %s', (errno, text) => {
    expect(hint({ ...seccomp, errno })).toContain(text);
  });

  it('because one that is in force forbids it', () => {
    expect(hint({ ...seccomp, errno: Errno.ENOSYS }, filtered)).toContain('this process itself runs under');
  });

  it('or keeps the program from being executed', () => {
    const exec = { operation: 'exec', syscall: 'execve', path: '/bin/x', detail: 'filtered' } as const;
    expect(hint({ ...exec, errno: Errno.EPERM })).toContain('let it allow execve');
    expect(hint({ ...exec, errno: Errno.E2BIG })).toContain('128 KiB');
  });
});

describe('a root directory is refused', () => {
  const refused = { operation: 'chroot', errno: Errno.EPERM, syscall: 'chroot', path: '/new' } as const;

  it('without CAP_SYS_CHROOT, which a user namespace gives, but not to ids that are not its root', () => {
    expect(hint(refused)).toContain("this process (uid 1000) does not have. Add 'user' to the kinds");
    expect(hint({ ...refused, kinds: ['user', 'mnt'] })).toContain('the ids the program runs with do not have');
  });
});

describe('any hint', () => {
  const operations = [
    ...['clone', 'unshare', 'unshareSync', 'fork', 'init', 'uid_map', 'gid_map', 'setgroups', 'newuidmap', 'newgidmap'],
    ...[
      'join',
      'setnsSync',
      'open',
      'persist',
      'propagation',
      'fs',
      'bind',
      'tree',
      'overlay',
      'attributes',
      'reconfigure',
      'move',
      'umount',
      'time',
      'hostname',
    ],
    ...[
      'domainname',
      'loopback',
      'socket',
      'write_file',
      'save_file',
      'read_file',
      'chdir',
      'chroot',
      'ids',
      'default_ids',
      'stdio',
    ],
    ...[
      'setsid',
      'no_new_privs',
      'die_with_parent',
      'seccomp',
      'hold',
      'exec',
      'exit',
      'prepare',
      'exec-nsinit',
      'nosuch',
    ],
  ];
  const hosts = [ordinary, { ...ordinary, ...root }, { ...ordinary, ...filtered }, {}].map(anotherHost);

  it.each(operations)('is a sentence or two, or absent, and never an exception: %s', (operation) => {
    for (const errno of Object.values(Errno)) {
      for (const kinds of [undefined, [], ['user'], ['net'], [...NAMESPACE_KINDS]] as const) {
        for (const path of [undefined, '/proc/sys/net/x', 'x']) {
          for (const host of [...hosts, new HostFiles()]) {
            const failure = { operation, errno, syscall: operation, kinds, path };
            const text = explain(failure, host, causeOf(operation));
            if (text !== undefined)
              expect(text).toMatch(/^(?!.*(undefined|NaN|\[object| {2}|namespacess)).{20,700}\.$/);
          }
        }
      }
    }
  });
});
