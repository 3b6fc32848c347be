import { dirname } from 'node:path';
import { type NamespaceSet, setSetgroups, setns, spawn, unshare, writeGidMap } from '../../lib';
import { expectCause, using } from '../fixtures/causes';
import { CompiledPackage, ROOT } from '../fixtures/child-node';

let node: CompiledPackage;
beforeAll(() => {
  node = new CompiledPackage();
});
afterAll(() => node.remove());

test('setgroups can be denied only before the gid_map is written', async () => {
  const maps = { uidMap: [], gidMap: [] };
  await using(spawn('sleep', ['60'], { unshare: { user: maps }, stdio: 'ignore' }), async ({ pid }) => {
    await writeGidMap(pid, 'root');
    await expectCause(setSetgroups(pid, 'deny'), {
      code: 'EPERM',
      step: 'write setgroups',
      hint: ['only before gid_map is written', 'Write setgroups first'],
    });
  });
});

test('a pid namespace is joined from above only', async () => {
  await using(unshare('pid'), async (set) => {
    const [file, args] = node.command(`
      const pid = await linux.Namespace.fromFd(3);
      try { await linux.setns(pid); } finally { await pid.close(); }`);
    const stdio = ['ignore', 'pipe', 'inherit', set.pid!.fd] as const;
    const sibling = await spawn(file, args, { unshare: ['pid'], stdio: [...stdio] });
    let text = '';
    for await (const chunk of sibling.stdout!) text += String(chunk);
    await sibling.exited;
    await expectCause(Promise.resolve(JSON.parse(text)), {
      code: 'EINVAL',
      step: 'join pid',
      kind: 'pid',
      hint: 'only from itself or from one of its ancestors',
    });
  });
  await expectCause(setns({ pid: 2 ** 22 }), { code: 'ESRCH', hint: 'There is no such process' });
});

describe('where programs may not be run from memory (vm.memfd_noexec)', () => {
  /** The sysctl is each pid namespace's own, and is written by its root. */
  async function withNoexec<T>(use: (set: NamespaceSet) => Promise<T>): Promise<T> {
    return using(unshare(['user', 'mnt', 'pid']), async (set) => {
      await set.mount({ type: 'proc', target: '/proc' });
      await set.writeFile('/proc/sys/vm/memfd_noexec', '2');
      return use(set);
    });
  }

  test('nsinit is run from a file, which nobody can write', async () => {
    const script = `
      const fs = require('fs');
      const open = (path) => { try { fs.closeSync(fs.openSync(path, 'r+')); return 'opened'; } catch (error) { return error.code; } };
      const set = await linux.unshare(['user', 'pid', 'mnt']);
      const exe = '/proc/' + set.init + '/exe';
      await set.mount({ type: 'proc', target: '/proc' });
      const inside = (await set.exec('(: >> /proc/1/exe) 2>/dev/null && echo opened || echo refused')).stdout;
      const report = { exe: fs.readlinkSync(exe), outside: open(exe), inside };
      // What runs next is another file.
      report.later = (await linux.execFile('echo', ['alive'], { unshare: ['user', 'net'] })).stdout;
      await set.close();
      return report;`;
    await withNoexec(async (set) => {
      expect((await node.runIn(set, script)).value).toEqual({
        exe: expect.stringMatching(/ \(deleted\)$/) as string,
        outside: 'ETXTBSY',
        inside: 'refused\n',
        later: 'alive\n',
      });
    });
  });

  test('and every directory for files is noexec: it says what to set', async () => {
    await withNoexec(async (set) => {
      await set.mount({ type: 'tmpfs', target: '/mnt', noExec: true });
      await set.exec(`cp -r ${node.directory} /mnt/package`);
      // The checkout, with the addon, and Node may themselves be in one of them: they stay to be seen, and to be run from.
      const kept = [ROOT, dirname(process.execPath)].map((path, index) => ({ path, at: `/srv/${index}` }));
      await set.mount({ type: 'tmpfs', target: '/srv' });
      for (const { path, at } of kept) await set.mount({ bind: true, source: path, target: at, create: true });
      for (const target of ['/tmp', '/var/tmp', '/dev/shm']) await set.mount({ bind: true, source: '/mnt', target });
      for (const { path, at } of kept) await set.mount({ bind: true, source: at, target: path, create: true });
      const [file, [, ...args]] = node.command(`await linux.unshare('user')`);
      const { stdout } = await set.execFile(file, ['/mnt/package/main.js', ...args], {
        env: { PATH: '/usr/bin:/bin' },
      });
      await expectCause(Promise.resolve(JSON.parse(stdout)), {
        code: 'EACCES',
        step: 'prepare',
        hint: ['vm.memfd_noexec = 2', 'a temporary directory (TMPDIR) that is not mounted noexec'],
      });
    });
  });
});
