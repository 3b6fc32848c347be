/** What the kernel counts for a user, or keeps with a file, and not for a sandbox. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MountEntry, Sandbox, type SandboxSpec, execFile } from '../../lib';
import { needs } from '../fixtures/optional';
import { nodeArguments } from '../fixtures/scenario';
import { inSandbox, said, saidIn, userland, withFolder } from './box';

/** How many inotify instances a program gets, and why no more; it keeps them while `rest` runs. */
const counting = (rest = '') => `python3 -c '
import ctypes, os, subprocess
libc = ctypes.CDLL(None, use_errno=True)
got = 0
while got < 1000 and libc.inotify_init1(0) >= 0: got += 1
print(got, ctypes.get_errno(), flush=True)
${rest}'`;

describe('inotify instances', () => {
  test('of a sandbox are limited, so that it cannot take all that the user has', async () => {
    expect(await saidIn({}, `ulimit -n 2000 2>/dev/null; ${counting()}`)).toBe('64 24');
  });

  test.each<[SandboxSpec, string]>([
    [{ inotifyInstances: 3 }, '3 24'],
    [{ inotifyInstances: 0 }, '0 24'],
    [{ inotifyInstances: 5, capabilities: ['CAP_SYS_RESOURCE', 'CAP_SYS_ADMIN'] }, '5 24'],
  ])('with %j: %s, and nobody inside can raise it', async (spec, expected) => {
    const raise = 'echo 1000 >/proc/sys/user/max_inotify_instances; mount -o remount,rw /proc/sys';
    expect(await saidIn(spec, `(${raise}; ${raise}) 2>/dev/null; ${counting()}`)).toBe(expected);
  });

  test('are counted in all of the sandbox together', async () => {
    await inSandbox(userland({ inotifyInstances: 4 }), async (sandbox) => {
      const nested = counting(
        'print(subprocess.check_output(["python3", "-c", "import ctypes; print(ctypes.CDLL(None).inotify_init1(0))"]).decode())',
      );
      expect(await said(sandbox, nested)).toBe('4 24\n-1');
    });
  });

  test('are not limited where /proc/sys is read-only, as in a container, and then a number that is given is an error', async () => {
    const command = [process.execPath, ...nodeArguments(join(__dirname, 'leaving'), 'inotifyLimits', [[null, 5]])];
    const sealed = 'mount --rbind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"';
    const { stdout } = await execFile('sh', ['-c', sealed, 'sh', ...command], {
      unshare: { user: true, mnt: true },
      cwd: join(__dirname, '../..'),
    });
    expect(stdout).toContain(JSON.stringify([String(2 ** 31 - 1), 'EROFS']));
  });

  test.each([
    [{ inotifyInstances: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ inotifyInstances: 2 ** 31 }, 'ERR_OUT_OF_RANGE'],
    [{ inotifyInstances: '3' }, 'ERR_INVALID_ARG_TYPE'],
    [{ inotifyInstances: 3, share: ['user'] }, 'ERR_INVALID_ARG_VALUE'],
  ])('%j is refused: %s', async (spec, code) => {
    await expect(Sandbox.create(spec as SandboxSpec)).rejects.toMatchObject({
      code,
      message: expect.stringContaining('spec.inotifyInstances') as string,
    });
  });
});

needs({ tool: ['flock'] }).test(
  "locks on files of a bind are the host's, and those of an overlay are not",
  async () => {
    await withFolder(async (folder) => {
      writeFileSync(join(folder, 'lock'), '');
      const free = async (entry: MountEntry): Promise<boolean> =>
        inSandbox(userland({ mounts: [entry] }), async (sandbox) => {
          const holder = await sandbox.spawn('flock', ['/shared/lock', 'sh', '-c', 'echo held; exec sleep 1000']);
          await new Promise((held) => holder.stdout!.once('data', held));
          return execFile('flock', ['-n', join(folder, 'lock'), 'true']).then(
            () => true,
            () => false,
          );
        });
      expect(await free({ type: 'bindReadOnly', source: folder, target: '/shared' })).toBe(false);
      expect(await free({ type: 'overlay', lower: [folder], target: '/shared' })).toBe(true);
    });
  },
);

/** Nine programs at a time, with a limit of five. */
const nine = (spec: SandboxSpec): Promise<string> => {
  const command = '(for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 >/dev/null 2>&1 & done; echo all) || true';
  return saidIn({ rlimits: { nproc: 5 }, ...spec }, command);
};

needs({ root: true }).test(
  'a limit of processes is none where the user is root outside, and is one elsewhere',
  async () => {
    expect(await nine({})).toBe('all');
    const map = [{ inside: 0, outside: 170_000, count: 1 }];
    expect(await nine({ user: { map } })).toContain('fork');
  },
);

needs({ unprivileged: true }).test('a limit of processes holds for an ordinary user', async () => {
  expect(await nine({})).toContain('fork');
});
