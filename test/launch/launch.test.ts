import { readFileSync } from 'node:fs';
import { NamespaceError, execFile, spawn, unshare } from '../../lib';
import { launchError } from '../../lib/task/failure';
import { launch } from '../../lib/launch/launch';
import { needs } from '../fixtures/optional';

const caps = (status: string, name: string) => new RegExp(`^${name}:\\t(.*)$`, 'm').exec(status)?.[1];

describe('a program in a new user namespace', () => {
  test('has no capabilities but those of its ids: what nsinit needed is gone', async () => {
    const maps = { uidMap: 'current', gidMap: 'current' } as const;
    const { stdout } = await execFile('cat', ['/proc/self/status'], { unshare: { user: maps } });
    expect(caps(stdout, 'CapAmb')).toMatch(/^0+$/);
    expect(caps(stdout, 'CapInh')).toMatch(/^0+$/);
    if (process.geteuid?.() !== 0) expect(caps(stdout, 'CapEff')).toMatch(/^0+$/);
  });

  test('has all of them as root inside', async () => {
    const { stdout } = await execFile('cat', ['/proc/self/status'], { unshare: 'user' as never });
    expect(caps(stdout, 'CapEff')).toBe(caps(stdout, 'CapBnd'));
    expect(caps(stdout, 'CapAmb')).toMatch(/^0+$/);
  });

  test('finds its namespaces set up, and an init that reaps', async () => {
    const child = await spawn('sh', ['-c', 'echo $$; hostname; ls /proc/self/ns/'], {
      unshare: { user: true, pid: true, mnt: true, uts: { hostname: 'set-up' } },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    for await (const chunk of child.stdout!) output += String(chunk);
    expect(output).toMatch(/^2\nset-up\n/);
    await child.exited;
  });
});

describe('a launch that fails', () => {
  test('at clone names the kinds', () => {
    const failure = { phase: 'clone', errno: 28, syscall: 'clone3', step: -1 } as const;
    const error = launchError(failure, { flags: 0x50000000, steps: [] });
    expect(error).toMatchObject({ code: 'ENOSPC', errno: -28, syscall: 'clone3', step: 'clone' });
  });

  test('at a step of a joined set names its owner', async () => {
    const set = await unshare(['user', 'uts']);
    const step = ['hostname', 'x'.repeat(65)] as ['hostname', string];
    const failing = launch({ join: [...set] }, { steps: [step, ['exit']], ids: 'default' });
    await expect(failing).rejects.toMatchObject({ code: 'EINVAL', kind: 'uts', step: 'set hostname' });
    await set.close();
  });

  test('is a NamespaceError with a stack, and prints as one', async () => {
    const error: unknown = await execFile('/nosuch/program', { unshare: ['user'] }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NamespaceError);
    expect(error).toMatchObject({
      code: 'ENOENT',
      syscall: 'execve',
      path: '/nosuch/program',
      step: 'exec /nosuch/program',
    });
    expect((error as Error).stack).toContain('NamespaceError: ENOENT');
  });

  needs({ unprivileged: true }).test('because a limit of namespaces is reached says which', async () => {
    const yard = await unshare(['user']);
    await yard.writeFile('/proc/sys/user/max_uts_namespaces', '0');
    await expect(spawn('true', { setns: yard, unshare: ['uts'] })).rejects.toMatchObject({
      code: 'ENOSPC',
      kind: 'uts',
      step: 'unshare uts',
      hint: expect.stringMatching(/max_uts_namespaces/) as string,
    });
    await yard.close();
    expect(readFileSync('/proc/sys/user/max_uts_namespaces', 'utf8')).not.toBe('0\n');
  });
});
