import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LandlockOptions, Sandbox, type SandboxSpec, execFile, hostUserland } from '../../lib';
import type { SeccompProfile } from '../../lib/seccomp';
import { expectCause, using } from '../fixtures/causes';
import { CompiledPackage, outcomeOf } from '../fixtures/child-node';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-without-'));
  writeFileSync(join(folder, 'file'), 'text');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The host's programs, and a directory to write in, where programs start. */
function spec(more: Partial<LandlockOptions> = {}): SandboxSpec & { landlock: LandlockOptions } {
  const landlock = {
    execute: ['/usr', '/bin', '/lib'],
    read: ['/etc', '/proc'],
    write: [folder, '/dev/null'],
    ...more,
  };
  const loader = { path: '/lib64', access: ['execute', 'read_file', 'read_dir'] as const, optional: true };
  return { isolation: 'landlock', landlock: { rules: [loader], ...landlock }, cwd: folder };
}

describe("a sandbox with isolation: 'landlock'", () => {
  test('runs programs that reach what its rules open, and nothing else', async () => {
    await using(Sandbox.create(spec()), async (sandbox) => {
      expect(sandbox.report).toEqual({ proc: 'none', reason: undefined, landlock: { abi: 6, missing: [] } });
      expect([sandbox.init, [...sandbox.namespaces]]).toEqual([undefined, []]);
      expect((await sandbox.exec('cat file; echo more >> file; pwd')).stdout).toBe(`text${folder}\n`);
      expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('textmore\n');
      await expect(sandbox.exec('ls /')).rejects.toMatchObject({ stderr: expect.stringContaining('denied') as string });
    });
  });

  test('gives its programs no capability, no new privileges and the default filter', async () => {
    await using(Sandbox.create(spec()), async (sandbox) => {
      const { stdout } = await sandbox.execFile('grep', [
        '-E',
        '^(Cap(Prm|Eff|Amb)|NoNewPrivs|Seccomp):',
        '/proc/self/status',
      ]);
      expect(stdout.replaceAll('\t', ' ').split('\n')).toEqual([
        ...['CapPrm', 'CapEff', 'CapAmb'].map((set) => `${set}: 0000000000000000`),
        ...['NoNewPrivs: 1', 'Seccomp: 2', ''],
      ]);
    });
  });

  test('has no sockets of AF_UNIX, which Landlock does not restrict, unless they are asked for', async () => {
    const script = 'import socket; socket.socket(socket.AF_UNIX); print("made")';
    await using(Sandbox.create(spec()), async (sandbox) => {
      const refused = sandbox.execFile('python3', ['-c', script]);
      await expect(refused).rejects.toMatchObject({ stderr: expect.stringContaining('not supported') as string });
    });
    await using(Sandbox.create({ ...spec(), unixSockets: true }), async (sandbox) => {
      expect((await sandbox.execFile('python3', ['-c', script])).stdout).toBe('made\n');
    });
  });

  test('kills its programs when it is closed, and takes no more', async () => {
    const sandbox = await Sandbox.create(spec());
    const child = await sandbox.spawn('sleep', ['60'], { stdio: 'ignore' });
    await sandbox.close();
    expect((await child.exited).signal).toBe('SIGKILL');
    await expect(sandbox.exec('true')).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  });

  test('is an error where a path does not exist, before there is any program', async () => {
    await expectCause(Sandbox.create(spec({ read: ['/no/such'] })), {
      code: 'ENOENT',
      step: 'restrict by Landlock',
      path: '/no/such',
      hint: 'does not exist',
    });
  });

  test('lets no program ask for more', async () => {
    await using(Sandbox.create(spec()), async (sandbox) => {
      for (const options of [{ uid: 1 }, { capabilities: ['CAP_NET_RAW'] as const }, { noNewPrivileges: false }]) {
        await expect(sandbox.execFile('true', [], options)).rejects.toThrow(TypeError);
      }
    });
  });

  test('refuses what only namespaces can do', async () => {
    const { landlock } = spec();
    const isolation = 'landlock' as const;
    await expect(Sandbox.create({ isolation })).rejects.toThrow(/'spec\.landlock' must say what programs may reach/);
    await expect(Sandbox.create({ ...hostUserland(), isolation, landlock })).rejects.toThrow(
      /which spec\.mounts takes/,
    );
    const more: SandboxSpec[] = [{ network: 'none' }, { hostname: 'x' }, { user: { uid: 1 } }, { capabilities: [] }];
    for (const each of more) {
      await expect(Sandbox.create({ ...spec(), ...each })).rejects.toThrow(/'spec\.isolation' has no namespaces/);
    }
    await expect(Sandbox.create({ ...spec(), noNewPrivileges: false })).rejects.toThrow(/cannot be false/);
    await using(Sandbox.create(spec()), async (sandbox) => {
      await expectCause(sandbox.run('true'), { code: 'ERR_LINUX_NS_NO_SUCH_KIND', kind: 'pid', hint: 'execFile()' });
      await expectCause(sandbox.readFile('/etc/passwd'), {
        code: 'ERR_LINUX_NS_NO_SUCH_KIND',
        kind: 'mnt',
        hint: "Node's",
      });
    });
  });
});

test('it works where a filter refuses every namespace', async () => {
  const node = new CompiledPackage();
  try {
    const refused = { action: 'SCMP_ACT_ERRNO', errnoRet: 1 } as const;
    const NEW = [0x10000000, 0x20000000, 0x00020000, 0x40000000]; // user, pid, mnt, net
    const seccomp: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
        ...NEW.map((flag) => ({
          ...{ names: ['clone', 'unshare'], ...refused },
          args: [{ index: 0, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' as const }],
        })),
        { names: ['setns', 'mount', 'pivot_root', 'chroot'], ...refused },
      ],
    };
    const [file, args] = node.command(`
      const refused = await linux.Sandbox.create(linux.hostUserland()).catch(({ code }) => code);
      const sandbox = await linux.Sandbox.create(${JSON.stringify(spec())});
      const { stdout } = await sandbox.exec('cat file; ls / 2>&1; true');
      await sandbox.close();
      return { refused, stdout };`);
    const { stdout } = await execFile(file, args, {
      seccomp,
      capabilities: process.geteuid?.() === 0 ? [] : undefined,
    });
    expect(outcomeOf(stdout)).toEqual({
      value: {
        refused: 'EPERM',
        stdout: expect.stringMatching(/^textls: .*denied\n$/) as string,
      },
    });
  } finally {
    node.remove();
  }
});
