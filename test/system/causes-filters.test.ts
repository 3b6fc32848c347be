import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExecFileOptions, execFile, unshare } from '../../lib';
import type { SeccompProfile } from '../../lib/seccomp';
import { expectCause, using } from '../fixtures/causes';
import { CompiledPackage, type Outcome, outcomeOf } from '../fixtures/child-node';
import { needs } from '../fixtures/optional';

/** CLONE_NEWUSER, which is refused. */
const NEW_USER = { index: 0, value: 0x10000000, valueTwo: 0x10000000, op: 'SCMP_CMP_MASKED_EQ' } as const;

/** The set `@mount` of systemd's filters. */
const MOUNT = [
  ...['chroot', 'fsconfig', 'fsmount', 'fsopen', 'fspick', 'mount', 'mount_setattr', 'move_mount', 'open_tree'],
  ...['pivot_root', 'umount', 'umount2'],
];

let node: CompiledPackage;
let folder: string;
beforeAll(() => {
  node = new CompiledPackage();
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-filters-'));
  chmodSync(folder, 0o755);
});
afterAll(() => {
  node.remove();
  rmSync(folder, { recursive: true });
});

const isRoot = process.geteuid?.() === 0;
/** None that makes namespaces, as an ordinary user has none. Root needs this one to map its own uid. */
const FEW: ExecFileOptions['capabilities'] = isRoot ? ['CAP_SETFCAP'] : undefined;

/** The other remedy, which is told to those who are not root. */
const root = isRoot ? /^(?!.*as root)/ : /or run as root/;

describe('a remedy is proposed where it works', () => {
  test("'user' is to be added where user namespaces can be made", async () => {
    const outcome = restricted("await linux.unshare('net')", { capabilities: FEW });
    await expectCause(outcome, {
      code: 'EPERM',
      step: 'clone',
      hint: [/CAP_SYS_ADMIN.* Add 'user' to the kinds/, root],
    });
  });

  test('not where a filter refuses them as well, whose own remedy comes first', async () => {
    const outcome = restricted("await linux.unshare('net')", {
      seccomp: refusing(['clone'], [NEW_USER]),
      capabilities: FEW,
    });
    await expectCause(outcome, {
      code: 'EPERM',
      step: 'clone',
      hint: [
        /this was tried, and fails here too: A seccomp filter .* refuses clone.* After that, add 'user' to the kinds/,
        root,
      ],
    });
  });

  test('nor where the call itself is refused in a user namespace', async () => {
    const outcome = restricted("await linux.execFile('true', [], { root: '/' })", {
      seccomp: refusing(['chroot']),
      capabilities: FEW,
    });
    await expectCause(outcome, {
      code: 'EPERM',
      hint: /CAP_SYS_CHROOT.* this was tried, and fails here too: A seccomp filter .* refuses chroot/,
    });
  });

  test('nor for mounts, which a filter refuses everywhere', async () => {
    const script = `await linux.mount({ type: 'tmpfs', target: ${JSON.stringify(folder)} })`;
    await expectCause(restricted(script, { seccomp: refusing(MOUNT), capabilities: FEW }), {
      code: 'EPERM',
      hint: /^Changing mounts takes CAP_SYS_ADMIN .* this was tried, and fails here too: A seccomp filter .* refuses mount/,
    });
  });
});

describe('a filter refuses', () => {
  test('sethostname in the second user namespace of a sandbox: nothing has to be added to its kinds', async () => {
    const script = "await linux.Sandbox.create({ hostname: 'inside', capabilities: ['CAP_SYS_ADMIN'] })";
    await expectCause(restricted(script, { seccomp: refusing(['sethostname']) }), {
      code: 'EPERM',
      step: 'set hostname',
      hint: /^A seccomp filter .* refuses sethostname/,
    });
  });

  test.each(['chroot', 'pivot_root'])('%s, and the hint names it, and the calls that come after', async (call) => {
    await expectCause(restricted('await linux.Sandbox.create()', { seccomp: refusing([call]) }), {
      code: 'EPERM',
      syscall: call,
      hint: [new RegExp(`refuses ${call},`), /A profile has to allow what comes after as well: .*umount2.* setns/],
    });
  });

  test('user namespaces: the hint names what a sandbox needs beside them', async () => {
    await expectCause(restricted('await linux.Sandbox.create()', { seccomp: refusing(['clone'], [NEW_USER]) }), {
      code: 'EPERM',
      step: 'clone',
      hint: [/refuses clone,/, /what comes after as well: mount, .*\bchroot\b.*\bpivot_root\b/],
    });
  });

  test('chroot of a program that has all capabilities in its new user namespace', async () => {
    const script = "await linux.execFile('true', [], { unshare: ['user'], root: '/' })";
    await expectCause(restricted(script, { seccomp: refusing(['chroot']) }), { code: 'EPERM', hint: /refuses chroot/ });
  });

  test('a call by ending the task: the hint names SIGSYS, and the calls that end a task that does nothing else', async () => {
    await expectCause(restricted("await linux.execFile('true', [], { unshare: ['user', 'mnt'] })", killing(MOUNT)), {
      code: 'ERR_LINUX_NS_KILLED',
      syscall: 'mount',
      step: 'make / private (recursive)',
      hint: [/^SIGSYS is how a seccomp filter ends .* tried alone it does so for mount\./, 'SystemCallFilter=@mount'],
    });
  });

  test.each([
    ['chroot', "linux.execFile('true', [], { unshare: ['user', 'mnt'], root: '/' })", 'change root to /'],
    ['sethostname', "linux.unshare({ user: true, uts: { hostname: 'x' } })", 'set hostname'],
    ['pivot_root', 'linux.Sandbox.create()', 'change root'],
    // The task is ended that an init of ours has made.
    [
      'fsopen',
      "linux.execFile('true', [], { unshare: ['user', 'pid', 'mnt'], mounts: [{ type: 'proc', target: '/proc' }] })",
      'mount proc on /proc',
    ],
  ])('%s alone, and the error has its step', async (call, script, step) => {
    await expectCause(restricted(`await ${script}`, killing([call])), {
      code: 'ERR_LINUX_NS_KILLED',
      syscall: call,
      step,
      hint: new RegExp(`tried alone it does so for ${call}\\.`),
    });
  });

  test('a call that cannot be tried alone: those of the plan are the likely ones', async () => {
    const script =
      "linux.execFile('true', [], { unshare: ['user', 'mnt'], mounts: [{ type: 'tmpfs', target: '/tmp' }] })";
    await expectCause(restricted(`await ${script}`, killing(['fsmount'])), {
      code: 'ERR_LINUX_NS_KILLED',
      hint: /most likely fsconfig, fsmount, .* or move_mount\./,
    });
  });
});

test('the doctor makes each call, and names those that are refused', async () => {
  const script =
    "return (await linux.inspectHost()).checks.filter(({ id }) => ['seccomp', 'hostname', 'sandbox'].includes(id))";
  const { value } = await restricted(script, { seccomp: refusing(['sethostname', 'pivot_root']) });
  const refused = { verdict: 'limited', found: 'refuses sethostname and pivot_root' };
  expect(value).toMatchObject([
    { id: 'hostname', verdict: 'limited', remedy: expect.stringMatching(/refuses sethostname,/) as string },
    { id: 'seccomp', ...refused, remedy: expect.stringMatching(/refuses sethostname or pivot_root,/) as string },
    { id: 'sandbox', verdict: 'no', remedy: expect.stringMatching(/refuses pivot_root,/) as string },
  ]);
  const harmless = await restricted(script, { seccomp: refusing(['swapon']) });
  expect(harmless.value).toMatchObject([{ verdict: 'ok' }, { verdict: 'ok' }, { verdict: 'ok' }]);
});

needs({ root: true, tool: ['newuidmap'] }).test(
  'newuidmap belongs to nobody in this user namespace, so that its set-user-ID bit does not count',
  async () => {
    const map = [{ inside: 0, outside: 1_000_000, count: 300_000 }];
    await using(unshare({ user: { uidMap: map, gidMap: map }, mnt: true }), async (set) => {
      const grants = join(folder, 'grants');
      writeFileSync(grants, 'daemon:100000:65536\n');
      for (const target of ['/etc/subuid', '/etc/subgid']) await set.mount({ source: grants, target, bind: true });
      const [file, args] = node.command("await linux.unshare({ user: { uidMap: 'auto', gidMap: 'auto' } })");
      const { stdout } = await set.execFile(file, args, { uid: 1, gid: 1, encoding: 'utf8' });
      await expectCause(Promise.resolve(outcomeOf(stdout)), { hint: /newuidmap belongs to a user who is not mapped/ });
    });
  },
);

/** Runs a script in another Node that is started with these options. */
async function restricted(script: string, options: ExecFileOptions): Promise<Outcome> {
  const [file, args] = node.command(script);
  return outcomeOf((await execFile(file, args, { ...options, encoding: 'utf8' })).stdout);
}

function killing(names: string[]): ExecFileOptions {
  return { seccomp: { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names, action: 'SCMP_ACT_KILL_PROCESS' }] } };
}

function refusing(names: string[], args: readonly (typeof NEW_USER)[] = []): SeccompProfile {
  const clone3 = names.includes('clone')
    ? [{ names: ['clone3'], action: 'SCMP_ACT_ERRNO' as const, errnoRet: 38 }]
    : [];
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names, action: 'SCMP_ACT_ERRNO', errnoRet: 1, args: [...args] }, ...clone3],
  };
}
