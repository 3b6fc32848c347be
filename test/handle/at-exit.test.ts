/** Node ends by itself in the middle of something: nothing is left of it on the host. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { umount } from '../../lib';
import { ownCgroup } from '../../lib/cgroup/place';
import { CompiledPackage } from '../fixtures/child-node';
import { eventually, isAlive, mountsBelow } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

let compiled: CompiledPackage;
let folder: string;
beforeAll(() => (compiled = new CompiledPackage()));
afterAll(() => compiled.remove());
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'ns-exit-'))));
afterEach(() => {
  expect(mountsBelow(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

/** How Node ends while `body` has not come to its end. */
const ENDS: Record<string, string> = {
  'process.exit()': `process.exit(3)`,
  'an error that nobody catches': `setImmediate(() => { throw new Error('meant'); })`,
};

/** Runs a body in which `end()` ends Node; resolves when it has. */
async function runs(end: string, body: string): Promise<void> {
  const script = `
    const folder = ${JSON.stringify(folder)};
    const end = () => { ${end}; return new Promise(() => undefined); };
    ${body}`;
  await expect(compiled.run(script)).rejects.toThrow(/meant|status|code|failed/i);
}

/**
 * The spec of a sandbox whose creation waits for a stream that never ends, after it has made mount points on the host.
 */
const BEING_MADE = `
  const { existsSync } = require('node:fs');
  const { Readable } = require('node:stream');
  const userland = linux.hostUserland();
  const spec = { ...userland, mounts: [
    ...userland.mounts,
    { type: 'bind', source: folder + '/project', target: '/project' },
    { type: 'tmpfs', target: '/project/deep/directory' },
    { type: 'file', target: '/project/file', data: 'secret', readOnly: true },
    { type: 'dir', target: '/project/kept' },
    { type: 'file', target: '/endless', data: new Readable({ read: () => undefined }) },
  ] };
  const pointsAreThere = async () => {
    while (!existsSync(folder + '/project/kept')) await new Promise(setImmediate);
  };`;

test('a sandbox whose creation is given up takes its mount points away', async () => {
  mkdirSync(join(folder, 'project'));
  await compiled.run(`
    const folder = ${JSON.stringify(folder)};
    ${BEING_MADE}
    const giveUp = new AbortController();
    const made = linux.Sandbox.create(spec, { signal: giveUp.signal });
    await pointsAreThere();
    giveUp.abort();
    await made.then(() => { throw new Error('it was made'); }, (error) => { if (error.name !== 'AbortError') throw error; });`);
  expect(readdirSync(join(folder, 'project'))).toEqual(['kept']);
});

describe.each(Object.entries(ENDS))('%s', (_, end) => {
  test('removes the work directory of an overlay', async () => {
    for (const name of ['lower', 'upper']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'lower', 'file'), 'from below');
    await runs(
      end,
      `const overlay = { type: 'overlay', lower: [folder + '/lower'], upper: folder + '/upper', target: '/project' };
       const userland = linux.hostUserland();
       const sandbox = await linux.Sandbox.create({ ...userland, mounts: [...userland.mounts, overlay] });
       await sandbox.exec('echo more >>/project/file');
       await sandbox.spawn('sh', ['-c', 'while :; do echo x >>/project/file; rm /project/file; done'], { stdio: 'ignore' });
       await end();`,
    );
    expect(readdirSync(folder).sort()).toEqual(['lower', 'upper']);
  });

  test('takes mount points away that were made on the host, and leaves what is to stay', async () => {
    mkdirSync(join(folder, 'project'));
    await runs(
      end,
      `const userland = linux.hostUserland();
       const sandbox = await linux.Sandbox.create({ ...userland, mounts: [
         ...userland.mounts,
         { type: 'bind', source: folder + '/project', target: '/project' },
         { type: 'file', target: '/project/file', data: 'secret', readOnly: true },
         { type: 'tmpfs', target: '/project/deep/directory' },
         { type: 'dir', target: '/project/kept' },
       ] });
       await sandbox.spawn('sh', ['-c', 'while :; do sleep 0.01; done'], { stdio: 'ignore', cwd: '/project' });
       require('node:fs').writeFileSync(folder + '/before', require('node:fs').readdirSync(folder + '/project').join());
       await end();`,
    );
    expect(readFileSync(join(folder, 'before'), 'utf8').split(',').sort()).toEqual(['deep', 'file', 'kept']);
    expect(readdirSync(join(folder, 'project'))).toEqual(['kept']);
  });

  test('takes mount points away of a sandbox that is being made', async () => {
    mkdirSync(join(folder, 'project'));
    await runs(
      end,
      `${BEING_MADE} void linux.Sandbox.create(spec).catch(() => undefined); await pointsAreThere(); await end();`,
    );
    expect(readdirSync(join(folder, 'project'))).toEqual(['kept']);
  });

  needs({ root: true }).describe('of root', () => {
    let parent: string;
    beforeEach(() => {
      parent = join(ownCgroup(), `linux-ns-exit-${process.pid}`);
      mkdirSync(parent);
    });
    afterEach(() => rmdirSync(parent));

    test.each<[string, string]>([
      ['a program', `await linux.spawn('sleep', ['600'], { stdio: 'ignore', cgroup })`],
      ['a program with a name for it', `await linux.spawn('sleep', ['600'], { cgroup: { ...cgroup, name: 'named' } })`],
      ['a program that has others', `await linux.spawn('sh', ['-c', 'setsid sleep 600 & wait'], { cgroup })`],
      ['a sandbox', `await linux.Sandbox.create({ ...linux.hostUserland(), cgroup })`],
      [
        'a sandbox in which programs run',
        `const sandbox = await linux.Sandbox.create({ ...linux.hostUserland(), cgroup });
         await sandbox.spawn('sh', ['-c', 'sleep 600 & wait'])`,
      ],
      [
        'a sandbox that is being made',
        `linux.Sandbox.create({ ...linux.hostUserland(), cgroup });
         while (fs.readdirSync(cgroup.parent).every((name) => !name.startsWith('linux-ns'))) await new Promise(setImmediate)`,
      ],
    ])('removes the cgroup of %s', async (__, body) => {
      const cgroup = JSON.stringify({ parent });
      await runs(end, `const fs = require('node:fs'); const cgroup = ${cgroup}; ${body}; await end();`);
      expect(readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory())).toEqual([]);
    });

    test('leaves the file of a namespace that was to be kept as its mount, or not at all', async () => {
      const path = join(folder, 'kept');
      await runs(
        end,
        `const set = await linux.unshare('uts');
         void set.uts.persist(${JSON.stringify(path)});
         while (!require('node:fs').existsSync(${JSON.stringify(path)})) await new Promise(setImmediate);
         await end();`,
      );
      if (mountsBelow(path).length > 0) {
        await umount(path);
        rmSync(path);
      }
      expect(readdirSync(folder)).toEqual([]);
    });
  });
});

needs({ root: true }).test('the cgroup of a program that outlives Node is left to it', async () => {
  const cgroup = join(ownCgroup(), `linux-ns-outlives-${process.pid}`);
  const pidFile = join(folder, 'pid');
  await runs(
    ENDS['process.exit()']!,
    `const child = await linux.spawn('sleep', ['600'], {
       stdio: 'ignore', dieWithParent: false, cgroup: { name: ${JSON.stringify(basename(cgroup))} },
     });
     require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));
     await end();`,
  );
  const pid = Number(readFileSync(pidFile, 'utf8'));
  expect([isAlive(pid), existsSync(cgroup)]).toEqual([true, true]);
  process.kill(pid, 'SIGKILL');
  await eventually(() => !isAlive(pid));
  await eventually(() => readFileSync(join(cgroup, 'cgroup.events'), 'utf8').includes('populated 0'));
  rmdirSync(cgroup);
});
