/** A sandbox that is built in namespaces which exist already. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Namespace, type NamespaceSet, Sandbox, type SandboxSpec, unshare } from '../../lib';
import { eventually, expectNothingLeft, footprint, isAlive } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { inSandbox, said, userland } from './box';

/** Namespaces in which somebody else runs a program. */
async function inhabited(use: (set: NamespaceSet) => Promise<void>, user: object | true = true): Promise<void> {
  await using set = await unshare({ user, pid: true, net: true });
  await set.spawn('sleep', ['1000'], { stdio: 'ignore' });
  await use(set);
}

const linkOf = (namespace: Namespace | undefined): string => `${namespace?.kind}:[${namespace?.id}]`;

describe('a user and a pid namespace', () => {
  test('are where its programs are, with the programs that are there already', async () => {
    await inhabited(async ({ user, pid }) => {
      await inSandbox(userland({ namespaces: { user, pid }, hostname: 'box' }), async (sandbox) => {
        expect(await said(sandbox, 'readlink /proc/self/ns/user /proc/self/ns/pid; hostname; id -u')).toBe(
          `${linkOf(user)}\n${linkOf(pid)}\nbox\n0`,
        );
        expect(await said(sandbox, 'cat /proc/[0-9]*/comm | sort | uniq')).toContain('sleep');
        expect(sandbox.init).toBeUndefined();
        expect([...sandbox.namespaces].map(({ kind }) => kind)).toEqual(
          expect.arrayContaining(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts']),
        );
      });
    });
  });

  test('give its programs no more than it has: no capability, nothing to write on the host, no user namespace', async () => {
    await inhabited(async ({ user, pid }) => {
      const mounts: SandboxSpec['mounts'] = [
        { type: 'bindReadOnly', source: '/etc/hostname', target: '/etc/hostname' },
      ];
      await inSandbox(userland({ namespaces: { user, pid }, mounts }), async (sandbox) => {
        expect(await said(sandbox, 'grep -E "^(Cap|NoNewPrivs)" /proc/self/status | tr -d "\\n"')).toBe(
          'CapInh:\t0000000000000000CapPrm:\t0000000000000000CapEff:\t0000000000000000CapBnd:\t0000000000000000CapAmb:\t0000000000000000NoNewPrivs:\t1',
        );
        expect(await said(sandbox, 'touch /etc/hostname; mount -o remount,rw /etc/hostname; unshare -U true')).toMatch(
          /(Read-only|denied)[^]*not permitted$/,
        );
        expect(await said(sandbox, 'ls /root /home/*; touch ~/x && echo home is writable')).toMatch(
          /home is writable$/,
        );
      });
    });
  });

  test('may be closed while it is created: it is whole, or nothing is left of it', async () => {
    await inhabited(async ({ user, pid }) => {
      for (let pause = 0; pause < 30; pause++) {
        const handle = await user!.duplicate();
        const before = footprint();
        const creating = Sandbox.create(userland({ namespaces: { user: handle, pid } }));
        const settled = Promise.allSettled([creating]);
        await sleep(pause);
        await handle.close();
        const [result] = await settled;
        if (result.status === 'fulfilled') await result.value.close();
        else expect(result.reason).toHaveProperty('code', 'ERR_LINUX_NS_CLOSED');
        await expectNothingLeft(before);
      }
    });
  });

  test('outlive it: close() ends its programs, and waits for that, and no others', async () => {
    await inhabited(async (set) => {
      const other = await set.spawn('sleep', ['1000'], { stdio: 'ignore' });
      const before = footprint();
      const sandbox = await Sandbox.create(userland({ namespaces: { user: set.user, pid: set.pid } }));
      const child = await sandbox.spawn('sleep', ['1000'], { stdio: 'ignore' });
      await sandbox.close();
      expect([child.signalCode, existsSync(`/proc/${child.pid}`), isAlive(other.pid)]).toEqual([
        'SIGKILL',
        false,
        true,
      ]);
      await expectNothingLeft(before);
      expect((await set.execFile('echo', ['still there'])).stdout).toBe('still there\n');
    });
  });

  test('may be closed by the caller meanwhile', async () => {
    const set = await unshare(['user', 'net']);
    const user = await set.user!.duplicate();
    await inSandbox(userland({ namespaces: { user } }), async (sandbox) => {
      await user.close();
      await set.close();
      expect(await said(sandbox, 'echo runs')).toBe('runs');
    });
  });

  test('can be had with a network of theirs', async () => {
    await inhabited(async ({ user, pid, net }) => {
      await inSandbox(userland({ namespaces: { user, pid }, network: net }), async (sandbox) => {
        expect(await said(sandbox, 'readlink /proc/self/ns/net')).toBe(linkOf(net));
      });
    });
  });
});

test('a user namespace alone is one for a sandbox whose pid namespace is new', async () => {
  await inhabited(async ({ user }) => {
    await inSandbox(userland({ namespaces: { user } }), async (sandbox) => {
      const child = await sandbox.spawn('sleep', ['1000'], { stdio: 'ignore' });
      expect(await said(sandbox, 'readlink /proc/self/ns/user; cat /proc/1/comm')).toBe(`${linkOf(user)}\nnsinit`);
      expect(sandbox.init).toBeGreaterThan(0);
      await sandbox.close();
      await eventually(() => !isAlive(child.pid));
    });
  });
});

test('programs are who they are in it, and have a terminal where 0 is mapped', async () => {
  const own = process.geteuid!();
  await inhabited(
    async ({ user }) => {
      await inSandbox(userland({ namespaces: { user } }), async (sandbox) => {
        expect(await said(sandbox, 'id -u; stat -c %u ~; echo x >~/x; ls ~; test -e /dev/ptmx; echo $?')).toBe(
          own === 0 ? '0\n0\nx\n0' : `${own}\n${own}\nx\n1`,
        );
      });
    },
    { uidMap: 'current', gidMap: 'current' },
  );
});

needs({ root: true }).test('a pid namespace alone can be had without a /proc', async () => {
  await using set = await unshare('pid');
  const { pid } = set;
  await expect(Sandbox.create(userland({ namespaces: { pid } }))).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
    message: expect.stringContaining("'proc: false'") as string,
  });
  await inSandbox(userland({ namespaces: { pid }, proc: false }), async (sandbox) => {
    const child = await sandbox.spawn('sleep', ['1000'], { stdio: 'ignore' });
    expect((await pid!.processes()).length).toBeGreaterThanOrEqual(2);
    await sandbox.close();
    expect(child.signalCode).toBe('SIGKILL');
  });
});

describe('refused before anything is started:', () => {
  let set: NamespaceSet;
  let closed: Namespace;
  beforeAll(async () => {
    set = await unshare(['user', 'pid']);
    closed = await set.user!.duplicate();
    await closed.close();
  });
  afterAll(async () => set.close());

  test.each<[string, () => object, string, RegExp]>([
    [
      'another kind',
      () => ({ namespaces: { user: set.pid } }),
      'ERR_INVALID_ARG_VALUE',
      /spec\.namespaces\.user.*kind user/,
    ],
    ['one that is closed', () => ({ namespaces: { user: closed } }), 'ERR_LINUX_NS_CLOSED', /closed/],
    ['what is no namespace', () => ({ namespaces: { user: 3 } }), 'ERR_INVALID_ARG_TYPE', /spec\.namespaces\.user/],
    ['other kinds', () => ({ namespaces: { net: set.user } }), 'ERR_INVALID_ARG_VALUE', /spec\.namespaces.*net/],
    [
      'one that is shared as well',
      () => ({ namespaces: { user: set.user }, share: ['user'] }),
      'ERR_INVALID_ARG_VALUE',
      /share/,
    ],
    ['a map', () => ({ namespaces: { user: set.user }, user: { map: 'root' } }), 'ERR_INVALID_ARG_VALUE', /user\.map/],
    [
      'limits',
      () => ({ namespaces: { user: set.user }, inotifyInstances: 1 }),
      'ERR_INVALID_ARG_VALUE',
      /inotifyInstances/,
    ],
    [
      'limits of user namespaces',
      () => ({ namespaces: { user: set.user }, disableUserNamespaces: true }),
      'ERR_INVALID_ARG_VALUE',
      /disableUser/,
    ],
    [
      'power over its mounts',
      () => ({ namespaces: { user: set.user }, capabilities: ['CAP_SYS_ADMIN'] }),
      'ERR_INVALID_ARG_VALUE',
      /capabilities/,
    ],
    [
      'power over the programs beside its own, whose root may be the host’s',
      () => ({ namespaces: { user: set.user, pid: set.pid }, capabilities: ['CAP_SYS_PTRACE'] }),
      'ERR_INVALID_ARG_VALUE',
      /capabilities.*CAP_SYS_PTRACE/,
    ],
    [
      'an init',
      () => ({ namespaces: { user: set.user, pid: set.pid }, init: true }),
      'ERR_INVALID_ARG_VALUE',
      /spec\.init/,
    ],
  ])('%s', async (_, spec, code, message) => {
    await expect(Sandbox.create(spec() as SandboxSpec)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  test('a pid namespace of another user namespace shows no /proc, and the error says whose', async () => {
    await using other = await unshare({ user: true, pid: true }, { setns: [set.user!] });
    const [user, pid] = [other.user, set.pid];
    await expect(Sandbox.create(userland({ namespaces: { user, pid } }))).rejects.toMatchObject({
      code: 'EPERM',
      // An ordinary user cannot even join it.
      hint: expect.stringMatching(/user namespace that owns|which owns it/) as string,
    });
  });

  test('a pid namespace whose init has ended takes no more', async () => {
    const gone = await unshare(['user', 'pid']);
    const [user, pid] = [await gone.user!.duplicate(), await gone.pid!.duplicate()];
    await gone.close();
    await expect(Sandbox.create(userland({ namespaces: { user, pid } }))).rejects.toMatchObject({
      code: 'ENOMEM',
      hint: expect.any(String) as string,
    });
    await Promise.all([user.close(), pid.close()]);
  });
});

needs({ root: true }).test("this process's own can be given, and are as if they were shared", async () => {
  const user = await Namespace.of('self', 'user');
  await inSandbox(userland({ namespaces: { user } }), async (sandbox) => {
    expect(await said(sandbox, 'readlink /proc/self/ns/user')).toBe(linkOf(user));
  });
  await user.close();
});
