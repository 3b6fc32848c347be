/** A sandbox with ids of its own works on a copy: what is applied belongs to who applies it. */
import { chmodSync, lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inSandbox, userland, withFolder } from '../box';

const RANGES = [
  { inside: 0, outside: 0, count: 1 },
  { inside: 1, outside: 100_000, count: 65_535 },
];

test.each([0, 1000])('files that user %s inside has changed and made belong to the caller on the host', async (id) => {
  await withFolder(async (folder) => {
    writeFileSync(join(folder, 'old'), 'one\n');
    chmodSync(join(folder, 'old'), 0o666);
    chmodSync(folder, 0o777);
    const user = { uid: id, gid: id, map: RANGES };
    const spec = userland({
      user,
      capabilities: id === 0 ? ['CAP_CHOWN'] : [],
      cwd: undefined,
      project: { path: folder, mode: 'overlay' },
    });
    await inSandbox(spec, async (box) => {
      await box.exec('echo two >> old; mkdir made; echo x > made/new; [ $(id -u) != 0 ] || chown 7:7 made/new');
      const applied = (await box.apply()).map(({ path }) => path);
      expect(applied).toEqual(['made', 'made/new', 'old'].map((name) => join(folder, name)));
    });
    for (const name of ['old', 'made', 'made/new']) {
      const { uid, gid } = lstatSync(join(folder, name));
      expect({ name, uid, gid }).toEqual({ name, uid: process.getuid!(), gid: process.getgid!() });
    }
  });
});
