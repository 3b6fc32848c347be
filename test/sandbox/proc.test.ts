import { Sandbox, hostUserland, unshare } from '../../lib';
import { expectCause, using } from '../fixtures/causes';
import { CompiledPackage, type Outcome } from '../fixtures/child-node';

let node: CompiledPackage;
beforeAll(() => {
  node = new CompiledPackage();
});
afterAll(() => node.remove());

describe("proc: 'auto'", () => {
  test('is a /proc of its own where the kernel lets it be mounted', async () => {
    await using(Sandbox.create({ ...hostUserland(), proc: 'auto' }), async (sandbox) => {
      expect(sandbox.report).toEqual({ proc: 'own', reason: undefined });
      expect((await sandbox.exec('cat /proc/[0-9]*/comm', { shell: '/bin/sh' })).stdout).not.toContain('node');
    });
  });

  test('is none that was asked for: proc: false stays without', async () => {
    await using(Sandbox.create({ ...hostUserland(), proc: false }), async (sandbox) => {
      expect(sandbox.report.proc).toBe('none');
    });
  });

  describe('where a part of the /proc outside is covered, as in containers', () => {
    test('true is refused', async () => {
      const refused = masked('await linux.Sandbox.create(linux.hostUserland())');
      await expectCause(refused, { code: 'EPERM', step: 'mount proc on /proc', hint: "proc: 'auto'" });
    });

    test('it is the one outside, which a warning and the report say, with the reason', async () => {
      const { value } = await masked(`
        const warning = new Promise((resolve) => process.once('warning', resolve));
        ${SANDBOX}
        const { code, message } = await warning;
        return { report: sandbox.report, code, message };`);
      expect(value).toEqual({
        report: { proc: 'host', reason: expect.stringContaining('partly covered (/proc/bus)') as string },
        code: 'LINUX_NS_PROC',
        message: expect.stringMatching(
          /^A sandbox has the \/proc of this process, read-only.*partly covered/,
        ) as string,
      });
    });

    test('programs find themselves in it, and nothing there can be written', async () => {
      expect(await shell('head -1 /proc/self/status; echo 0 > /proc/self/oom_score_adj')).toEqual([
        'Name:\thead\n',
        expect.stringContaining('Read-only file system'),
      ]);
    });

    test('what it hides in one of its own is hidden, and what is covered outside stays so', async () => {
      const script = 'wc -c < /proc/timer_list; wc -c < /proc/keys; ls /proc/bus; wc -c < /proc/kallsyms';
      expect(await shell(script)).toEqual(['0\n0\n0\n', '']);
    });

    test('processes outside can be seen, and neither read nor reached', async () => {
      const outside = "'$OUTSIDE'";
      expect(await shell(`cat /proc/${outside}/comm`)).toEqual(['node\n', '']);
      for (const file of ['environ', 'maps', 'root/etc/passwd', 'cwd/package.json', 'fd/0']) {
        expect(await shell(`cat /proc/${outside}/${file}`)).toEqual(['', expect.stringContaining('ermission denied')]);
      }
      expect(await shell(`kill -0 ${outside}`)).toEqual(['', expect.stringContaining('No such process')]);
      expect(await shell(`echo 1000 > /proc/${outside}/oom_score_adj`)).toEqual([
        '',
        expect.stringContaining('Read-only file system'),
      ]);
    });

    test('a program with CAP_SYS_ADMIN inside cannot make it writable', async () => {
      const { value } = await masked(`
        const sandbox = await linux.Sandbox.create({ ...linux.hostUserland(), proc: 'auto', capabilities: ['CAP_SYS_ADMIN'] });
        const child = await sandbox.spawn('mount', ['-o', 'remount,bind,rw', '/proc'], { stdio: 'ignore' });
        const { code } = await child.exited;
        const { stderr } = await sandbox.exec('echo 0 > /proc/self/oom_score_adj; true');
        await sandbox.close();
        return { refused: code !== 0, stderr };`);
      expect(value).toEqual({ refused: true, stderr: expect.stringContaining('Read-only file system') as string });
    });

    test('a sandbox that has no user namespace of its own has none: files of others could be reached through it', async () => {
      const { value } = await masked(`
        const sandbox = await linux.Sandbox.create({ ...linux.hostUserland(), proc: 'auto', share: ['user'] });
        const listed = await sandbox.readdir('/proc').catch(({ code }) => code);
        await sandbox.close();
        return { proc: sandbox.report.proc, listed };`);
      expect(value).toEqual({ proc: 'none', listed: 'ENOENT' });
    });
  });
});

const SANDBOX = "const sandbox = await linux.Sandbox.create({ ...linux.hostUserland(), proc: 'auto' });";

/** Runs a command in a sandbox with proc: 'auto'; `$OUTSIDE` is the pid of the Node that has made it. */
async function shell(command: string): Promise<unknown> {
  const { value } = await masked(`
    ${SANDBOX}
    const command = ${JSON.stringify(command)}.replaceAll("'$OUTSIDE'", process.pid);
    const { stdout, stderr } = await sandbox.exec(command + '\\ntrue');
    await sandbox.close();
    return [stdout, stderr];`);
  return value;
}

/**
 * Runs a script in another Node, in whose /proc a part is covered. It is in a second user namespace: the mount belongs to
 * the first, and cannot be taken away.
 */
async function masked(script: string): Promise<Outcome> {
  return using(unshare({ user: true, mnt: true, pid: true }), async (outer) => {
    await outer.mount({ type: 'proc', target: '/proc' });
    await outer.mount({ type: 'tmpfs', target: '/proc/bus' });
    return node.runIn(outer, script, ['unshare', '--user', '--map-root-user', '--mount']);
  });
}
