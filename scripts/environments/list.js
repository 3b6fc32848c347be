'use strict';

// The environments of scripts/test-environments.js: how each is started, what does not work in it, and which remedy
// its hint names.
//
// podman: options of podman-run(1); or service: what systemd would do to a service, by options of spawn() of the package.
// user: the only one, where it is not tried as both. refusals: the probes that fail (as: for that user only); a piece of their hint; and the environment, or the probe, in which the remedy has been
// applied, and where it has to work. A probe that no line names has to work.

const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');
const profiles = process.env.LINUX_NS_SECCOMP || path.join(root, 'node_modules', '.cache', 'linux-ns-seccomp');

/** Docker's default, on Podman's runtime: its profile of system calls, and the three capabilities that Podman leaves out. */
const DOCKER = [
  ...['--security-opt', `seccomp=${path.join(profiles, 'docker.json')}`],
  '--cap-add=MKNOD,NET_RAW,AUDIT_WRITE',
];
const UNCONFINED = ['--security-opt', 'seccomp=unconfined'];
const UNMASKED = ['--security-opt', 'unmask=ALL'];

/** The calls of systemd's set @mount: `systemd-analyze syscall-filter @mount`. */
const MOUNT_CALLS = [
  ...['chroot', 'fsconfig', 'fsmount', 'fsopen', 'fspick', 'mount', 'mount_setattr', 'move_mount', 'open_tree'],
  ...['pivot_root', 'umount', 'umount2'],
];

/** All namespaces of clone(2) and unshare(2), as RestrictNamespaces= masks them. */
const NAMESPACES = 0x7e020080;

const refuse = (names, action, args = []) => ({
  names,
  action,
  ...(action === 'SCMP_ACT_ERRNO' && { errnoRet: 1 }),
  args,
});
const filter = (...syscalls) => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls });

/** For each namespace a rule: one of its flags is enough. */
const withNamespaces = (name, index) =>
  Array.from({ length: 32 }, (_, bit) => 2 ** bit)
    .filter((flag) => (flag & NAMESPACES) !== 0)
    .map((flag) =>
      refuse([name], 'SCMP_ACT_ERRNO', [{ index, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' }]),
    );

const RESTRICT_NAMESPACES = filter(
  ...withNamespaces('clone', 0),
  ...withNamespaces('unshare', 0),
  refuse(['setns'], 'SCMP_ACT_ERRNO'),
  { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
);

const SANDBOXES = ['sandbox', "sandbox, proc: 'auto'", 'sandbox, proc: false'];
const MOUNTING = ['proc', 'proc, bound', 'root', ...SANDBOXES];
const IN_USER = ['spawn', 'listen', 'hostname', ...MOUNTING];
const ALONE = { probes: ['net alone'], hint: "Add 'user' to the kinds", remedy: { probe: 'listen' } };
/** Root of a container has not got the capabilities either: it is told to start with them. */
const ALONE_WITH_CAPABILITIES = {
  probes: ['net alone'],
  hint: '--cap-add SYS_ADMIN --cap-add NET_ADMIN',
  remedy: { environment: 'Podman + SYS_ADMIN, NET_ADMIN' },
};
const ALONE_AS_USER = { ...ALONE, as: '1000:1000' };

const NO_CAPABILITIES = ['--cap-drop=ALL', '--security-opt', 'no-new-privileges'];
const WITHOUT_CHROOT = [
  { probes: ['hostname'], hint: 'refuses sethostname', remedy: { environment: 'seccomp=unconfined' } },
  { probes: ['proc'], hint: 'unmask=ALL', remedy: { environment: 'Podman, unmask=ALL' } },
  { probes: ['root', 'sandbox, proc: false'], hint: 'refuses chroot', remedy: { environment: 'seccomp=unconfined' } },
  { probes: SANDBOXES, hint: 'refuses chroot', remedy: { environment: 'unconfined, unmask=ALL' } },
];

const ENVIRONMENTS = [
  {
    name: 'Docker default',
    podman: DOCKER,
    refusals: [
      { probes: IN_USER, hint: 'refuses clone', remedy: { environment: 'unconfined, unmask=ALL' } },
      {
        probes: ['net alone'],
        hint: 'In a new user namespace it would have all capabilities, but this was tried, and fails here too: A seccomp filter',
        remedy: { environment: 'seccomp=unconfined', probe: 'spawn' },
      },
    ],
  },
  {
    name: 'Podman default',
    podman: [],
    refusals: [
      ALONE,
      ALONE_WITH_CAPABILITIES,
      { probes: ['proc'], hint: "{ source: '/proc', target: '/proc', bind: true", remedy: { probe: 'proc, bound' } },
      { probes: ['hostname'], hint: 'refuses sethostname', remedy: { environment: 'seccomp=unconfined' } },
      { probes: ['proc', 'sandbox'], hint: 'unmask=ALL', remedy: { environment: 'Podman, unmask=ALL' } },
      { probes: ['sandbox'], hint: "proc: 'auto', or false", remedy: { probe: "sandbox, proc: 'auto'" } },
      { probes: ['sandbox'], hint: 'or false for none', remedy: { probe: 'sandbox, proc: false' } },
    ],
  },
  {
    name: 'Podman, unmask=ALL',
    podman: UNMASKED,
    refusals: [
      ALONE,
      { probes: ['hostname'], hint: 'refuses sethostname', remedy: { environment: 'unconfined, unmask=ALL' } },
    ],
  },
  {
    name: 'seccomp=unconfined',
    podman: UNCONFINED,
    refusals: [
      ALONE,
      { probes: ['proc', 'sandbox'], hint: 'unmask=ALL', remedy: { environment: 'unconfined, unmask=ALL' } },
    ],
  },
  { name: 'unconfined, unmask=ALL', podman: [...UNCONFINED, ...UNMASKED], refusals: [ALONE] },
  { name: 'privileged', podman: ['--privileged'], refusals: [], user: '0:0' },
  {
    name: 'Docker + SYS_ADMIN',
    podman: [...DOCKER, '--cap-add=SYS_ADMIN'],
    user: '0:0',
    refusals: [
      { probes: ['net alone'], hint: 'CAP_NET_ADMIN', remedy: { probe: 'spawn' } },
      { probes: ['proc'], hint: 'unmask=ALL', remedy: { environment: 'Podman, unmask=ALL' } },
      { probes: ['sandbox'], hint: 'unmask=ALL', remedy: { environment: 'unconfined, unmask=ALL' } },
      {
        probes: ["sandbox, proc: 'auto'", 'sandbox, proc: false'],
        hint: 'refuses pivot_root',
        remedy: { environment: 'seccomp=unconfined' },
      },
    ],
  },
  {
    name: 'Podman + SYS_ADMIN',
    podman: ['--cap-add=SYS_ADMIN'],
    user: '0:0',
    refusals: [
      { probes: ['net alone'], hint: 'CAP_NET_ADMIN', remedy: { probe: 'spawn' } },
      { probes: ['proc', 'sandbox'], hint: 'unmask=ALL', remedy: { environment: 'Podman, unmask=ALL' } },
    ],
  },
  {
    name: 'Podman + SYS_ADMIN, NET_ADMIN',
    podman: ['--cap-add=SYS_ADMIN,NET_ADMIN'],
    user: '0:0',
    refusals: [{ probes: ['proc', 'sandbox'], hint: 'unmask=ALL', remedy: { environment: 'Podman, unmask=ALL' } }],
  },
  {
    name: 'cap-drop ALL, no-new-privileges',
    podman: NO_CAPABILITIES,
    user: '1000:1000',
    refusals: [ALONE, ...WITHOUT_CHROOT],
  },
  {
    name: 'the same, root',
    podman: NO_CAPABILITIES,
    user: '0:0',
    refusals: [
      {
        probes: ['spawn', 'listen'],
        hint: '--cap-add SETFCAP',
        remedy: { environment: 'the same, root with SETFCAP' },
      },
      {
        probes: ['spawn', 'listen'],
        hint: 'run as another user',
        remedy: { environment: 'cap-drop ALL, no-new-privileges' },
      },
      {
        probes: ['hostname', ...MOUNTING],
        hint: '--cap-add SETFCAP',
        remedy: { environment: 'unconfined, unmask=ALL' },
      },
      {
        probes: ['net alone'],
        hint: 'this was tried, and fails here too: Mapping the outside uid 0',
        remedy: { environment: 'the same, root with SETFCAP', probe: 'listen' },
      },
    ],
  },
  {
    name: 'the same, root with SETFCAP',
    podman: [...NO_CAPABILITIES, '--cap-add=SETFCAP'],
    user: '0:0',
    refusals: [
      ALONE,
      ...WITHOUT_CHROOT,
      { probes: ["isolation: 'landlock'"], hint: '--cap-add SETPCAP', remedy: { environment: 'Docker default' } },
    ],
  },
  {
    name: 'systemd RestrictNamespaces',
    service: { seccomp: RESTRICT_NAMESPACES },
    refusals: [
      { probes: IN_USER, hint: 'RestrictNamespaces=', remedy: { environment: 'no restriction' } },
      { probes: ['net alone'], hint: 'RestrictNamespaces=', remedy: { environment: 'no restriction', probe: 'spawn' } },
    ],
  },
  {
    name: 'systemd ~@mount, EPERM',
    service: { seccomp: filter(refuse(MOUNT_CALLS, 'SCMP_ACT_ERRNO')) },
    refusals: [
      { probes: ['spawn', ...MOUNTING], hint: 'SystemCallFilter=', remedy: { environment: 'no restriction' } },
      ALONE_AS_USER,
    ],
  },
  {
    name: 'systemd ~@mount, kill',
    service: { seccomp: filter(refuse(MOUNT_CALLS, 'SCMP_ACT_KILL_PROCESS')) },
    refusals: [
      { probes: ['spawn', ...MOUNTING], hint: 'SystemCallFilter=@mount', remedy: { environment: 'no restriction' } },
      { probes: ['spawn', ...MOUNTING], hint: 'SIGSYS', remedy: { environment: 'no restriction' } },
      { probes: ['spawn'], hint: 'does so for mount', remedy: { environment: 'no restriction' } },
      ALONE_AS_USER,
    ],
  },
  {
    name: 'PrivateUsers, read-only /proc/sys',
    service: {
      unshare: { user: true, mnt: true },
      mounts: [{ source: '/proc/sys', target: '/proc/sys', bind: true, recursive: true, readOnly: true }],
    },
    refusals: [
      { probes: ['proc', 'sandbox'], hint: 'ProtectKernelTunables=no', remedy: { environment: 'no restriction' } },
      { probes: ['sandbox'], hint: "proc: 'auto', or false", remedy: { probe: "sandbox, proc: 'auto'" } },
      ALONE_AS_USER,
    ],
  },
  { name: 'no restriction', service: {}, refusals: [ALONE_AS_USER] },
];

/** The profile of system calls that a container has: Docker's, or Podman's. */
function profileOf({ podman }) {
  const given = podman.find((option) => option.startsWith('seccomp='));
  return JSON.parse(fs.readFileSync(given?.replace('seccomp=', '') ?? path.join(profiles, 'podman.json'), 'utf8'));
}

module.exports = { ENVIRONMENTS, profileOf };
