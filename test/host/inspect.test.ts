import { readlinkSync } from 'node:fs';
import { NAMESPACE_KINDS, Sandbox, execFile, inspectHost, unshare } from '../../lib';
import { NamespaceError } from '../../lib/errors/namespace-error';
import { attempt, refused } from '../../lib/host/check';

describe('inspectHost', () => {
  test('finds out by trying what unshare() does here', async () => {
    const { checks, uid, kernel } = await inspectHost();
    expect(uid).toBe(process.geteuid?.());
    expect(kernel).toMatch(/^\d+\.\d+/);
    for (const kind of NAMESPACE_KINDS) {
      const works = await unshare(kind === 'user' ? ['user'] : ['user', kind]).then(
        (set) => set.close().then(() => true),
        () => false,
      );
      const check = checks.find(({ id }) => id === kind);
      expect({ kind, works: check?.verdict === 'ok' }).toEqual({ kind, works });
    }
  });

  test('says of each check what it is about, how it was found and, where something is wrong, a remedy', async () => {
    const { checks, verdict } = await inspectHost();
    const ids = checks.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const check of checks) {
      expect(['ok', 'limited', 'no', 'unknown']).toContain(check.verdict);
      expect([check.title, check.tried, check.found].every((words) => words.length > 1)).toBe(true);
    }
    const worst = ['no', 'limited', 'unknown'].find((each) => checks.some((check) => check.verdict === each)) ?? 'ok';
    expect(verdict).toBe(worst);
  });

  test('uses the features of the kernel that it tells of', async () => {
    const { checks } = await inspectHost();
    const verdictOf = (wanted: string) => checks.find(({ id }) => id === wanted)?.verdict;
    const overlay = await Sandbox.create({ root: { lower: ['/etc'] }, proc: false, dev: false }).then(
      (sandbox) => sandbox.close().then(() => 'ok'),
      () => 'limited',
    );
    expect(verdictOf('overlay')).toBe(overlay);
    const cgroup = await execFile('true', { cgroup: {} }).then(
      () => 'ok',
      () => 'limited',
    );
    expect(verdictOf('cgroup-delegation')).toBe(cgroup);
    for (const id of ['idmapped-mounts', 'landlock']) expect(['ok', 'limited']).toContain(verdictOf(id));
  });

  test('what there was no room to try is not known', () => {
    const base = { id: 'x', title: 'x', tried: 'x' };
    const outcome = { message: 'too many open files', hint: undefined };
    expect(refused(base, { ...outcome, code: 'EMFILE' })).toMatchObject({ verdict: 'unknown' });
    expect(refused(base, { ...outcome, code: 'EPERM' })).toMatchObject({ verdict: 'no' });
  });

  test('a failure is named in a few words, what was being done only where no remedy says it', async () => {
    const failure = { errno: 13, step: 'create cgroup /x', path: '/x' };
    const found = async (hint?: string) =>
      (await attempt(() => Promise.reject(new NamespaceError({ ...failure, hint }))))?.message;
    expect(await found('Delegate it.')).toBe('EACCES: permission denied');
    expect(await found()).toBe('EACCES: permission denied, create cgroup /x');
  });

  test('leaves this process where it is', async () => {
    const links = (): string[] => NAMESPACE_KINDS.map((kind) => readlinkSync(`/proc/self/ns/${kind}`));
    const before = links();
    await inspectHost();
    expect(links()).toEqual(before);
  });
});
