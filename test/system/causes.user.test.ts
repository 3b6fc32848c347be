import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Namespace,
  type NamespaceKind,
  mount,
  setPropagation,
  setSetgroups,
  setns,
  spawn,
  umount,
  unshare,
  writeGidMap,
  writeUidMap,
} from '../../lib';
import { expectCause, using } from '../fixtures/causes';
import { CompiledPackage } from '../fixtures/child-node';
import { findTool, needs } from '../fixtures/optional';

let node: CompiledPackage;
let folder: string;
beforeAll(() => {
  node = new CompiledPackage();
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-causes-'));
});
afterAll(() => {
  node.remove();
  rmSync(folder, { recursive: true });
});

/** A program in a user namespace that has no map yet. */
const unmapped = () => {
  const maps = { uidMap: [], gidMap: [] };
  return spawn('sleep', ['60'], { unshare: { user: maps }, stdio: 'ignore' });
};

describe('an ordinary user lacks CAP_SYS_ADMIN', () => {
  test.each(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'uts'] as NamespaceKind[])(
    'for %s namespaces without a user namespace',
    async (kind) => {
      await expectCause(unshare([kind]), {
        code: 'EPERM',
        kind,
        step: kind === 'time' ? 'unshare time' : 'clone',
        hint: [`New ${kind} namespaces take CAP_SYS_ADMIN`, "Add 'user' to the kinds", 'or run as root'],
      });
    },
  );

  test('for the mounts of the host', async () => {
    const cause = {
      code: 'EPERM',
      kind: 'mnt',
      hint: ['Changing mounts takes CAP_SYS_ADMIN', "new 'user' and 'mnt' namespaces"],
    } as const;
    await expectCause(mount({ type: 'tmpfs', target: folder }), cause);
    await expectCause(umount('/proc'), cause);
    await expectCause(setPropagation('/', 'private'), cause);
  });

  test.each(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'uts'] as NamespaceKind[])(
    'in the user namespace that owns a %s namespace, which is named',
    async (kind) => {
      await using(unshare(['user', kind]), async (set) => {
        const joining = {
          code: 'EPERM',
          syscall: 'setns',
          step: `join ${kind}`,
          kind,
          hint: [
            `takes CAP_SYS_ADMIN in ${String(set.user)}, which owns it`,
            'Join that user namespace in the same call',
          ],
        };
        await expectCause(setns(set.get(kind)!), joining);
        await expectCause(spawn('true', { setns: [set.get(kind)!] }), joining);
      });
    },
  );

  test("in the host's user namespace, from a set: only root can join it", async () => {
    await using(Namespace.of('self', 'net'), async (net) => {
      const [file, args] = node.command(`
        const net = await linux.Namespace.fromFd(3);
        try { await linux.setns(net); } finally { await net.close(); }`);
      const stdio = ['ignore', 'pipe', 'inherit', net.fd] as const;
      const inner = await spawn(file, args, { unshare: ['user', 'net'], stdio: [...stdio] });
      let text = '';
      for await (const chunk of inner.stdout!) text += String(chunk);
      await inner.exited;
      await expectCause(Promise.resolve(JSON.parse(text)), {
        code: 'EPERM',
        step: 'join net',
        kind: 'net',
        hint: 'Joining a net namespace takes CAP_SYS_ADMIN in',
      });
    });
  });

  test('to open the namespaces of another user', async () => {
    await expectCause(Namespace.of(1, 'net'), {
      code: 'EACCES',
      kind: 'net',
      hint: 'the right to ptrace that process',
    });
  });
});

describe('an id map is refused', () => {
  const early = {
    code: 'EPERM',
    syscall: 'write',
    step: 'write gid_map',
    kind: 'user',
    hint: ['gid_map was written before setgroups was denied', "setSetgroups(pid, 'deny') before writeGidMap"],
  } as const;

  test('because the gid_map comes before setgroups is denied', async () => {
    await expectCause(unshare({ user: { setgroups: 'allow' } }), early);
    await using(unmapped(), async ({ pid }) => expectCause(writeGidMap(pid, 'root'), early));
  });

  test('because it has been written', async () => {
    await using(unmapped(), async ({ pid }) => {
      await writeUidMap(pid, 'root');
      await expectCause(writeUidMap(pid, 'root'), {
        code: 'EPERM',
        step: 'write uid_map',
        hint: /has its map already \('0 \d+ 1'\), and a map can be written only once/,
      });
    });
  });

  test('and so is setgroups, because it has been denied', async () => {
    await using(unmapped(), async ({ pid }) => {
      await setSetgroups(pid, 'deny');
      await expectCause(setSetgroups(pid, 'allow'), {
        code: 'EPERM',
        step: 'write setgroups',
        hint: 'which cannot be taken back',
      });
    });
  });

  test('because the process is root’s, or gone', async () => {
    await expectCause(writeUidMap(1, 'root'), { code: 'EACCES', hint: 'belongs to another user' });
    await expectCause(writeUidMap(2 ** 22, 'root'), { code: 'ENOENT', hint: 'There is no such process' });
  });

  test('because Node’s own user namespace does not have those ids', async () => {
    await using(unshare('user'), async (set) => {
      const map = [{ inside: 0, outside: 4321, count: 1 }];
      await expectCause(node.runIn(set, `await linux.unshare({ user: { uidMap: ${JSON.stringify(map)} } })`), {
        code: 'EPERM',
        step: 'write uid_map',
        hint: 'The outside uid 4321 does not exist in the user namespace that Node runs in, which has 0',
      });
      await expectCause(set.spawn('true', { unshare: { user: { uidMap: map } } }), {
        code: 'EPERM',
        step: 'write uid_map',
        hint: ['the user namespace that was joined', '4321'],
      });
    });
  });

  test('because setgroups is denied, for the groups of a program', async () => {
    await expectCause(spawn('true', { unshare: ['user'], groups: [0] }), {
      code: 'EPERM',
      syscall: 'setgroups',
      step: 'set groups',
      hint: ['setgroups is denied in this user namespace', "Leave out 'groups'"],
    });
  });
});

needs({ tool: ['newuidmap', 'newgidmap'] }).describe('newuidmap', () => {
  const auto = `await linux.unshare({ user: { uidMap: 'auto', gidMap: 'auto' } })`;
  const refused = { code: 'EPERM', step: 'write uid_map', kind: 'user' } as const;

  test('is asked for a range that /etc/subuid does not grant', async () => {
    const beyond = [{ inside: 0, outside: 3_000_000_000, count: 10 }];
    await expectCause(unshare({ user: { uidMap: beyond } }), {
      ...refused,
      hint: [
        'uids 3000000000-3000000009 are not all among those that /etc/subuid grants',
        /'sudo usermod --add-subuids 3000000000-3000000009 \S+'/,
      ],
    });
    await expectCause(unshare({ user: { gidMap: beyond } }), {
      ...refused,
      step: 'write gid_map',
      hint: ['/etc/subgid', '--add-subgids'],
    });
  });

  test('is asked for root, which nobody should be told to grant', async () => {
    const root = [{ inside: 0, outside: 0, count: 1 }];
    await expectCause(unshare({ user: { uidMap: root } }), {
      ...refused,
      hint: /^The outside uid 0 is not among those that \/etc\/subuid grants .* Map only those, or run as root\.$/,
    });
  });

  test('is not to be found', async () => {
    await expectCause(node.run(auto, [], { PATH: folder }), {
      ...refused,
      code: 'ENOENT',
      path: 'newuidmap',
      hint: ['newuidmap is not installed, or not in a directory of PATH', "'sudo apt install uidmap'"],
    });
  });

  test('has lost its set-user-ID bit', async () => {
    for (const program of ['newuidmap', 'newgidmap']) {
      copyFileSync(findTool(program)!, join(folder, program));
      chmodSync(join(folder, program), 0o755);
    }
    await expectCause(node.run(auto, [], { PATH: folder }), {
      ...refused,
      hint: [`${folder}/newuidmap has no set-user-ID bit`, `'sudo chmod u+s ${folder}/newuidmap'`],
    });
  });

  needs({ tool: ['setpriv'] }).test('may not use it', async () => {
    await expectCause(node.run(auto, ['setpriv', '--no-new-privs']), {
      ...refused,
      hint: ['Node runs with no_new_privs', "'root' or 'current'"],
    });
  });
});

test('no more processes: an error that names the limit, before and after the first start', async () => {
  const limit = `require('child_process').execFileSync('prlimit', ['--nproc=1', '--pid=' + process.pid]);`;
  const hint = ['No more tasks can be started here', 'RLIMIT_NPROC = 1 for this user', "'ulimit -u'"];
  await expectCause(node.run(`${limit} await linux.spawn('true')`), { code: 'EAGAIN', step: 'prepare', hint });
  await expectCause(node.run(`await linux.execFile('true'); ${limit} await linux.spawn('true')`), {
    code: 'EAGAIN',
    step: 'clone',
    hint,
  });
});
