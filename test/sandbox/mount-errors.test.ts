/** What an entry of `mounts` that cannot be applied says: what is there, and on which side. */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MountEntry, type NamespaceError, Sandbox } from '../../lib';
import { needs } from '../fixtures/optional';
import { withFolder } from './box';

async function failureOf(...mounts: MountEntry[]): Promise<NamespaceError> {
  const sandbox = await Sandbox.create({ mounts }).catch((error: unknown) => error as NamespaceError);
  if (!(sandbox instanceof Sandbox)) return sandbox;
  await sandbox.close();
  throw new Error('the sandbox was made');
}

const FILE: MountEntry = { type: 'file', target: '/a/file', data: '' };

const IN_THE_WAY: readonly (readonly [what: string, mounts: MountEntry[], hint: string])[] = [
  [
    'a file where a directory is needed',
    [FILE, { type: 'tmpfs', target: '/a/file/x' }],
    "'/a/file' is a file, and the target '/a/file/x' takes a directory there",
  ],
  [
    'a file on the way to a directory',
    [FILE, { type: 'dir', target: '/a/file/x' }],
    "'/a/file' is a file, and '/a/file/x' takes a directory there",
  ],
  [
    'a file on the way to a file',
    [FILE, { type: 'file', target: '/a/file/x', data: '' }],
    "'/a/file' is a file, and '/a/file/x' takes a directory there",
  ],
  [
    'a file where a directory is mounted',
    [FILE, { type: 'tmpfs', target: '/a/file' }],
    "A directory can be mounted only on a directory, and a file only on a file: '/a/file' is a file.",
  ],
  [
    'a directory where a file is mounted',
    [
      { type: 'dir', target: '/d' },
      { type: 'bind', source: '/dev/null', target: '/d' },
    ],
    "'/d' is a directory.",
  ],
  [
    'a file where a link is made',
    [FILE, { type: 'symlink', target: '/a/file', to: 'x' }],
    "'/a/file' is a file already, and '/a/file' is to be made there",
  ],
  [
    'a link where another is made',
    [
      { type: 'symlink', target: '/l', to: 'x' },
      { type: 'symlink', target: '/l', to: 'y' },
    ],
    "'/l' is a symbolic link already",
  ],
  [
    'a directory where a file is made, behind a link',
    [
      { type: 'dir', target: '/d' },
      { type: 'symlink', target: '/l', to: 'd' },
      { type: 'file', target: '/l', data: '' },
    ],
    "'/d' is a directory already, and '/l' is to be made there",
  ],
];

describe('an entry in whose way something is says what that is', () => {
  test.each(IN_THE_WAY)('%s', async (_, mounts, hint) => {
    const error = await failureOf(...mounts);
    expect(error.hint).toContain(hint);
    expect(error.step).toContain(`mounts[${mounts.length - 1}]`);
  });
});

describe('a source that cannot be had is named, and not the target', () => {
  test('a path that does not exist, on the host', async () => {
    const error = await failureOf({ type: 'bind', source: '/no/such', target: '/x' });
    expect(error).toMatchObject({
      code: 'ENOENT',
      path: '/no/such',
      hint: "The source '/no/such' does not exist on the host.",
    });
  });

  test.each(['file', 'directory'])('a descriptor of a %s that was deleted', async (kind) => {
    await withFolder(async (folder) => {
      const path = join(folder, 'gone');
      if (kind === 'file') writeFileSync(path, '');
      else mkdirSync(path);
      const fd = openSync(path, 'r');
      (kind === 'file' ? rmSync : rmdirSync)(path);
      const error = await failureOf({ type: 'bind', source: fd, target: '/x' });
      expect(error).toMatchObject({
        code: 'ENOENT',
        hint: expect.stringContaining(`The source, descriptor ${fd}, has no path any more`) as unknown,
      });
      expect(error.path).toBeUndefined();
      closeSync(fd);
    });
  });

  test('a path with something that is no directory on its way', async () => {
    const error = await failureOf({ type: 'bind', source: '/etc/passwd/x', target: '/x' });
    expect(error).toMatchObject({
      code: 'ENOTDIR',
      path: '/etc/passwd/x',
      hint: "Something on the way to the source '/etc/passwd/x' is no directory.",
    });
  });

  // Of one's own, root of the user namespace may search anything: /root is somebody else's.
  needs({ unprivileged: true }).test('a path that may not be searched', async () => {
    const error = await failureOf({ type: 'bind', source: '/root/x', target: '/y' });
    expect(error).toMatchObject({ code: 'EACCES', path: '/root/x' });
    expect(error.hint).toContain("The source, '/root/x', or a directory on the way to it may not be searched");
  });

  test('a layer of an overlay', async () => {
    const error = await failureOf({ type: 'overlay', target: '/x', lower: ['/no/such'] });
    expect(error).toMatchObject({
      code: 'ENOENT',
      path: '/no/such',
      hint: "'/no/such', a layer of the overlay, does not exist on the host: create it first.",
    });
  });
});

test.each(['readOnly', 'mask'] as const)(
  'a target of %s that is not there: what to do is said, and does',
  async (type) => {
    const entry = { type, target: '/no/such' };
    const error = await failureOf(entry);
    expect(error).toMatchObject({
      code: 'ENOENT',
      path: '/no/such',
      hint:
        "The target '/no/such' does not exist in the sandbox: put an entry before it that creates it, or add " +
        "'optional: true', which skips the entry where there is no target.",
    });
    for (const mounts of [[{ type: 'dir', target: '/no/such' } as const, entry], [{ ...entry, optional: true }]]) {
      const sandbox = await Sandbox.create({ mounts });
      await sandbox.close();
    }
  },
);

test('a link of /proc in a target is refused, also where it is found on the way', async () => {
  await withFolder(async (folder) => {
    symlinkSync('/proc/self/root', join(folder, 'magic'));
    const error = await failureOf(
      { type: 'bind', source: folder, target: '/b' },
      { type: 'tmpfs', target: '/b/magic/etc' },
    );
    expect(error).toMatchObject({
      code: 'ELOOP',
      hint: expect.stringContaining('those are not followed in targets') as unknown,
    });
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(folder);
  });
});
