/** What a sandbox promises where the kernel lacks a call that came later: the older way has to keep it, too. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompiledPackage } from '../fixtures/child-node';

let folder: string;
let node: CompiledPackage;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ns-old-'));
  execFileSync('cc', ['-o', join(folder, 'seccomp'), join(__dirname, '../fixtures/seccomp.c')]);
  node = new CompiledPackage();
});
afterAll(() => {
  node.remove();
  rmSync(folder, { recursive: true });
});

/** What a script returns where the kernel has less. */
async function run(lacking: string, script: string): Promise<unknown> {
  const outcome = await node.run(script, [join(folder, 'seccomp'), lacking]);
  expect(outcome.error).toBeUndefined();
  return outcome.value;
}

/** The options of the mounts at a path of a sandbox, and below, that are not covered. */
const MOUNTS = `
  const optionsOf = async (mounts, path) => {
    const sandbox = await linux.Sandbox.create({ mounts });
    try {
      const all = (await sandbox.namespaces.mountinfo()).filter(({ coveredBy }) => coveredBy === undefined);
      return all.flatMap(({ target, options }) => target === path || target.startsWith(path + '/') ? [[target, options]] : []);
    } finally { await sandbox.close(); }
  };`;

describe('before Linux 5.12, without mount_setattr(2)', () => {
  test('a read-only bind is read-only in what is mounted below it as well', async () => {
    const script = `${MOUNTS} return optionsOf([{ type: 'bindReadOnly', source: '/dev', target: '/bound' }], '/bound');`;
    const mounts = (await run('no_mount_setattr', script)) as [target: string, options: string[]][];
    expect(mounts.length).toBeGreaterThan(1);
    for (const [, options] of mounts) expect(options).toEqual(expect.arrayContaining(['ro', 'nosuid', 'nodev']));
  });

  test('readOnly, and the seals of /proc, hold', async () => {
    const script = `${MOUNTS}
      const bound = { type: 'bind', source: '/usr', target: '/bound' };
      return [
        await optionsOf([bound, { type: 'readOnly', target: '/bound/share' }], '/bound/share'),
        await optionsOf([bound, { type: 'readOnly', target: '/bound' }], '/bound'),
        await optionsOf([], '/proc/sys'),
      ];`;
    const [below, whole, proc] = (await run('no_mount_setattr', script)) as [string, string[]][][];
    expect(below?.[0]).toEqual(['/bound/share', expect.arrayContaining(['ro'])]);
    expect(whole?.[0]).toEqual(['/bound', expect.arrayContaining(['ro'])]);
    expect(proc?.[0]).toEqual(['/proc/sys', expect.arrayContaining(['ro', 'nosuid', 'nodev', 'noexec'])]);
  });
});

describe('before Linux 6.13, where layers of overlays are paths', () => {
  test('overlays have the layers that were asked for, and tell their changes', async () => {
    const [upper, ...lower] = ['upper', 'one', 'two'].map((name) => join(folder, name)) as [string, string, string];
    for (const path of [upper, ...lower]) mkdirSync(path);
    for (const path of lower) writeFileSync(join(path, 'file'), path);
    const script = `
      const [root, mounts] = ${JSON.stringify([{ lower, upper }, [{ type: 'overlay', target: '/over', lower }]])};
      const sandbox = await linux.Sandbox.create({ root, mounts });
      try {
        await sandbox.writeFile('/new', 'new');
        await sandbox.writeFile('/over/new', 'new');
        const files = [await sandbox.readFile('/file', 'utf8'), await sandbox.readFile('/over/file', 'utf8')];
        return [...files, (await sandbox.changes()).filter(({ type }) => type === 'file')];
      } finally { await sandbox.close(); }`;
    const [first] = lower;
    const changes = ['/new', '/over/new'].map((path) => ({ path, change: 'added', type: 'file' }));
    expect(await run('no_fsconfig_fd', script)).toEqual([first, first, changes]);
  });
});
