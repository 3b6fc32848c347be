/** Mounts in a root where others exchange names while it is put together. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type MountEntry, Sandbox, type SandboxSpec } from '../../lib';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { inSandbox, withFolder } from './box';

/**
 * More than a socket holds: when it has been taken, the entry is being made, and those before it are. A stream is asked
 * for one part more than has been taken.
 */
const MORE_THAN_WAITS = 4 << 20;

/** An entry that takes place while `act` is called, between those before and those after it. */
function meanwhile(act: () => void, name = 'wait'): MountEntry {
  const data = Readable.from(
    (function* () {
      yield Buffer.alloc(MORE_THAN_WAITS);
      yield Buffer.alloc(MORE_THAN_WAITS);
      act();
      yield Buffer.alloc(1);
    })(),
    { objectMode: false, highWaterMark: 1 },
  );
  return { type: 'file', target: `/${name}`, mounted: true, data };
}

interface Shared {
  readonly root: string;
  readonly data: string;
  readonly exchange: () => void;
}

/** A root with the directories x and y, which others write in as well, and something to mount. */
async function withShared(use: (shared: Shared) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const [root, data] = [join(folder, 'root'), join(folder, 'data')];
    for (const path of [root, join(root, 'x'), join(root, 'y'), data, join(data, 'deep')]) mkdirSync(path);
    for (const name of ['wait', 'again']) writeFileSync(join(root, name), '');
    for (const name of ['secret', 'deep/secret']) writeFileSync(join(data, name), 'the secret');
    const exchange = (): void => {
      renameSync(join(root, 'x'), join(root, 'z'));
      renameSync(join(root, 'y'), join(root, 'x'));
      renameSync(join(root, 'z'), join(root, 'y'));
    };
    await use({ root, data, exchange });
  });
}

function specOf(root: string, mounts: readonly MountEntry[]): SandboxSpec {
  return { root: { path: root, readOnly: false }, proc: false, dev: false, mounts };
}

/** What an entry after the bind promises of it, wherever the mount is by then. */
const PROMISES: readonly (readonly [what: string, entry: MountEntry, file: string])[] = [
  ['readOnly of the mount', { type: 'readOnly', target: '/x' }, 'new'],
  ['readOnly of a directory in it', { type: 'readOnly', target: '/x/deep' }, 'deep/new'],
  ['mask of the mount', { type: 'mask', target: '/x' }, 'secret'],
  ['mask of a file in it', { type: 'mask', target: '/x/secret' }, 'secret'],
  ['mask of a directory in it', { type: 'mask', target: '/x/deep' }, 'deep/secret'],
];

describe('a mount target whose name is exchanged with another while the sandbox is made', () => {
  test.each(PROMISES)('is not resolved again: %s holds', async (_, entry, file) => {
    await withShared(async ({ root, data, exchange }) => {
      const bound: MountEntry = { type: 'bind', source: data, target: '/x' };
      const mounts = [bound, meanwhile(exchange), entry, meanwhile(exchange, 'again')];
      await inSandbox(specOf(root, mounts), async (sandbox) => {
        for (const name of ['x', 'y']) {
          await sandbox.writeFile(`/${name}/${file}`, 'written').catch(() => undefined);
          expect(await sandbox.readFile(`/${name}/${file}`, 'utf8').catch(() => '')).not.toContain('the secret');
        }
      });
      expect(existsSync(join(data, 'new')) || existsSync(join(data, 'deep', 'new'))).toBe(false);
      for (const name of ['secret', 'deep/secret']) expect(readFileSync(join(data, name), 'utf8')).toBe('the secret');
    });
  });

  test.each(PROMISES)('ends the sandbox where it stays exchanged: %s', async (_, entry) => {
    await withShared(async ({ root, data, exchange }) => {
      const before = footprint();
      const mounts: MountEntry[] = [{ type: 'bind', source: data, target: '/x' }, entry, meanwhile(exchange)];
      await expect(Sandbox.create(specOf(root, mounts))).rejects.toMatchObject({
        code: 'ESTALE',
        path: expect.stringMatching(/^x/) as unknown,
        hint: expect.stringContaining('leads to something else than was mounted there') as unknown,
      });
      await expectNothingLeft(before);
    });
  });

  test('is where later entries go that name a path in it', async () => {
    await withShared(async ({ root, data, exchange }) => {
      const mounts: MountEntry[] = [
        { type: 'tmpfs', target: '/x' },
        meanwhile(exchange),
        { type: 'dir', target: '/x/made/deep' },
        { type: 'file', target: '/x/made/file', data: 'in the tmpfs' },
        { type: 'symlink', target: '/x/link', to: 'made' },
        { type: 'bind', source: data, target: '/x/link/bound' },
        { type: 'chmod', target: '/x/made', mode: 0o711 },
        meanwhile(exchange, 'again'),
      ];
      await inSandbox(specOf(root, mounts), async (sandbox) => {
        const names = (await sandbox.readdir('/x/made')).map(({ name }) => name);
        expect(names).toEqual(['bound', 'deep', 'file']);
        expect(await sandbox.readFile('/x/link/bound/secret', 'utf8')).toBe('the secret');
        expect(await sandbox.readdir('/y')).toEqual([]);
      });
    });
  });
});

test('a mount stays known to later entries below a directory that is made read-only', async () => {
  await withShared(async ({ root, data }) => {
    mkdirSync(join(root, 'x', 'in'));
    const mounts: MountEntry[] = [
      { type: 'bind', source: data, target: '/x/in' },
      { type: 'readOnly', target: '/x', recursive: true },
      { type: 'mask', target: '/x/in/secret' },
    ];
    await inSandbox(specOf(root, mounts), async (sandbox) => {
      await expect(sandbox.writeFile('/x/new', '')).rejects.toMatchObject({ code: 'EROFS' });
      await expect(sandbox.writeFile('/x/in/new', '')).rejects.toMatchObject({ code: 'EROFS' });
      await expect(sandbox.readFile('/x/in/secret')).rejects.toMatchObject({ code: 'EINVAL' });
      expect(await sandbox.readFile('/x/in/deep/secret', 'utf8')).toBe('the secret');
    });
  });
});
