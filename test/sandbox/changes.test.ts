/** A root that is an overlay: what is written goes to its upper layer, and changes() tells what that is. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Sandbox, type SandboxSpec } from '../../lib';
import { run } from '../../lib/launch/launch';
import type { Step } from '../../types/native';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { inSandbox, programs, said, withFolder } from './box';

/** Only in such a root may something be written by a test: see `said`. */
const MARKER = 'this-is-the-overlay';

/** A lower layer with programs' mount points, and files as given. */
function layer(folder: string, name: string, files: readonly string[]): string {
  const directory = join(folder, name);
  for (const path of ['usr', 'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'proc', 'dev']) {
    mkdirSync(join(directory, path), { recursive: true });
  }
  for (const path of [MARKER, ...files]) {
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), `lower ${path}`);
  }
  return directory;
}

function overlay(lower: string[], more: object = {}): SandboxSpec {
  const mounts = programs().map((entry) =>
    entry.type === 'symlink' ? ({ type: 'bindReadOnly', source: entry.target, target: entry.target } as const) : entry,
  );
  return { root: { lower, ...more }, mounts };
}

async function change(sandbox: Sandbox, commands: string): Promise<void> {
  expect(await said(sandbox, `test -e /${MARKER} || exit 1; ${commands}`)).toBe('');
}

async function changesOf(sandbox: Sandbox): Promise<string[]> {
  return (await sandbox.changes()).map(({ change: what, type, path }) => `${what} ${type} ${path}`);
}

test('nothing has changed in the beginning', async () => {
  await withFolder(async (folder) => {
    await inSandbox(overlay([layer(folder, 'l', ['a'])]), async (sandbox) => {
      expect(await sandbox.changes()).toEqual([]);
    });
  });
});

test('a signal gives the search up', async () => {
  await withFolder(async (folder) => {
    await inSandbox(overlay([layer(folder, 'l', ['a'])]), async (sandbox) => {
      const controller = new AbortController();
      const search = sandbox.changes('/', { signal: controller.signal });
      controller.abort();
      await expect(search).rejects.toMatchObject({ name: 'AbortError' });
      expect(await sandbox.changes('/')).toEqual([]);
    });
  });
});

test('paths are added, modified and deleted, and directories only where they themselves are', async () => {
  await withFolder(async (folder) => {
    const lower = layer(folder, 'l', [
      'keep/a',
      'keep/b',
      'tree/x/y',
      'again/old1',
      'again/old2',
      'mode/f',
      'kind',
      'dir/f',
    ]);
    const spec = overlay([lower]);
    const before = execFileSync('find', [lower, '-type', 'f', '-exec', 'md5sum', '{}', '+']).toString();
    await inSandbox(spec, async (sandbox) => {
      await change(
        sandbox,
        `echo new > /keep/a; echo new > /keep/c; rm /keep/b; rm -r /tree;
         rm -r /again; mkdir /again; echo new > /again/old2; echo new > /again/new;
         chmod 700 /mode; rm /kind; mkdir /kind; touch /kind/in; rm -r /dir; touch /dir;
         mkdir -p /added/deep; ln -s x /added/deep/link; mkfifo /added/fifo`,
      );
      expect(await changesOf(sandbox)).toEqual([
        'added directory /added',
        'added directory /added/deep',
        'added symlink /added/deep/link',
        'added fifo /added/fifo',
        'modified directory /again',
        'added file /again/new',
        'deleted file /again/old1',
        'modified file /again/old2',
        'modified file /dir',
        'modified file /keep/a',
        'deleted file /keep/b',
        'added file /keep/c',
        'modified directory /kind',
        'added file /kind/in',
        'modified directory /mode',
        'deleted directory /tree',
      ]);
    });
    expect(execFileSync('find', [lower, '-type', 'f', '-exec', 'md5sum', '{}', '+']).toString()).toBe(before);
  });
});

test('what was added and is gone again is no change', async () => {
  await withFolder(async (folder) => {
    await inSandbox(overlay([layer(folder, 'l', ['a'])]), async (sandbox) => {
      await change(sandbox, 'mkdir -p /x/y; touch /x/y/z; rm -r /x');
      expect(await sandbox.changes()).toEqual([]);
    });
  });
});

test('several layers count as one', async () => {
  await withFolder(async (folder) => {
    const [top, bottom] = [layer(folder, 'top', ['both', 'top']), layer(folder, 'bottom', ['both', 'bottom'])];
    await inSandbox(overlay([top, bottom]), async (sandbox) => {
      expect(await sandbox.readFile('/both', 'utf8')).toBe('lower both');
      await change(sandbox, 'echo x > /bottom; rm /top; rm /both; touch /neither');
      expect(await changesOf(sandbox)).toEqual([
        'deleted file /both',
        'modified file /bottom',
        'added file /neither',
        'deleted file /top',
      ]);
    });
  });
});

test('an upper layer that is kept is there afterwards, for the next to go on with', async () => {
  await withFolder(async (folder) => {
    const lower = layer(folder, 'l', ['a', 'b']);
    const upper = join(folder, 'upper');
    mkdirSync(upper);
    await inSandbox(overlay([lower], { upper }), (sandbox) =>
      change(sandbox, 'echo changed > /a; rm /b; echo new > /c'),
    );
    expect(readFileSync(join(upper, 'a'), 'utf8')).toBe('changed\n');
    expect(readdirSync(folder).sort()).toEqual(['l', 'upper']);
    await inSandbox(overlay([lower], { upper }), async (sandbox) => {
      expect(await sandbox.readFile('/c', 'utf8')).toBe('new\n');
      expect(await changesOf(sandbox)).toEqual(['modified file /a', 'deleted file /b', 'added file /c']);
    });
    expect(readFileSync(join(lower, 'a'), 'utf8')).toBe('lower a');
  });
});

test('an upper layer has one sandbox at a time', async () => {
  await withFolder(async (folder) => {
    const lower = layer(folder, 'l', ['a']);
    const upper = join(folder, 'upper');
    mkdirSync(upper);
    const spec = overlay([lower], { upper });
    const first = await Sandbox.create(spec);
    await expect(Sandbox.create(spec)).rejects.toMatchObject({
      code: 'EBUSY',
      step: 'root: mount overlay on /',
      hint: expect.stringMatching(/in use/) as string,
    });
    // To copy it up takes the work directory.
    await change(first, 'echo more >>/a; touch /still-works');
    await first.close();
    await inSandbox(spec, async (sandbox) =>
      expect(await changesOf(sandbox)).toEqual(['modified file /a', 'added file /still-works']),
    );
    expect(readdirSync(folder).sort()).toEqual(['l', 'upper']);
  });
});

describe('what lies where a sandbox has its work directory', () => {
  test('is not removed when it is something else', async () => {
    await withFolder(async (folder) => {
      const upper = join(folder, 'upper');
      for (const path of [upper, join(folder, 'upper.work/thesis')]) mkdirSync(path, { recursive: true });
      await expect(Sandbox.create(overlay([layer(folder, 'l', [])], { upper }))).rejects.toMatchObject({
        code: 'EEXIST',
        path: join(folder, 'upper.work'),
        hint: expect.stringContaining("'work'") as string,
      });
      expect(readdirSync(join(folder, 'upper.work'))).toEqual(['thesis']);
    });
  });

  test('is not followed, nor emptied, when it is a link', async () => {
    await withFolder(async (folder) => {
      const upper = join(folder, 'upper');
      for (const path of [upper, join(folder, 'victim/work/deep')]) mkdirSync(path, { recursive: true });
      symlinkSync(join(folder, 'victim'), join(folder, 'upper.work'));
      const spec = overlay([layer(folder, 'l', [])], { upper });
      await expect(Sandbox.create(spec)).rejects.toMatchObject({ code: 'ENOTDIR' });
      expect(readdirSync(join(folder, 'victim'), { recursive: true })).toEqual(['work', 'work/deep']);
    });
  });

  test('is left, and what it leads to, when it has become a link meanwhile', async () => {
    await withFolder(async (folder) => {
      const upper = join(folder, 'upper');
      for (const path of [upper, join(folder, 'victim/work/deep')]) mkdirSync(path, { recursive: true });
      await inSandbox(overlay([layer(folder, 'l', [])], { upper }), () => {
        renameSync(join(folder, 'upper.work'), join(folder, 'moved'));
        symlinkSync(join(folder, 'victim'), join(folder, 'upper.work'));
        return Promise.resolve();
      });
      expect(readdirSync(join(folder, 'victim'), { recursive: true })).toEqual(['work', 'work/deep']);
      expect(readdirSync(join(folder, 'moved'))).toEqual([]);
    });
  });

  test('will do when it is what an overlay has left', async () => {
    await withFolder(async (folder) => {
      const upper = join(folder, 'upper');
      for (const path of [upper, join(folder, 'upper.work/work')]) mkdirSync(path, { recursive: true });
      await inSandbox(overlay([layer(folder, 'l', [])], { upper }), (sandbox) => change(sandbox, 'touch /x'));
      expect(readdirSync(folder).sort()).toEqual(['l', 'upper']);
    });
  });
});

test('whiteouts and opaque directories of the other form are understood', async () => {
  await withFolder(async (folder) => {
    const lower = layer(folder, 'l', ['dir/a', 'dir/b', 'whole/a']);
    const upper = join(folder, 'upper');
    mkdirSync(join(upper, 'dir'), { recursive: true });
    mkdirSync(join(upper, 'whole'));
    writeFileSync(join(upper, 'dir', 'a'), '');
    writeFileSync(join(upper, 'dir', 'plain'), '');
    const set = (path: string, name: string, value: string): void => {
      const script = 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode())';
      execFileSync('python3', ['-c', script, join(upper, path), `user.overlay.${name}`, value]);
    };
    set('dir/a', 'whiteout', 'y');
    set('dir', 'opaque', 'x');
    set('whole', 'opaque', 'y');
    await inSandbox(overlay([lower], { upper }), async (sandbox) => {
      expect(await changesOf(sandbox)).toEqual([
        'deleted file /dir/a',
        'added file /dir/plain',
        'modified directory /whole',
        'deleted file /whole/a',
      ]);
    });
  });
});

test('a tree that is deep, wide, strangely named and full of links is listed all the same', async () => {
  await withFolder(async (folder) => {
    await inSandbox(overlay([layer(folder, 'l', ['a'])]), async (sandbox) => {
      const script = `
import os
os.mkdir('/wide')
for i in range(3000): open('/wide/%d' % i, 'w').close()
os.mkdir('/deep'); os.chdir('/deep')
for i in range(1500):
    os.mkdir('d' * 20); os.chdir('d' * 20)
open('end', 'w').close()
os.mkdir('/links'); os.symlink('/', '/links/root'); os.symlink('..', '/links/up'); os.symlink('/links', '/links/self')
os.mkdir(b'/n\\xffame\\n'); open(b'/n\\xffame\\n/' + b'x' * 255, 'w').close()
`;
      await change(sandbox, `python3 -c "$SCRIPT" 2>&1`.replace('"$SCRIPT"', `'${script.replaceAll("'", `'"'"'`)}'`));
      const changes = await sandbox.changes();
      expect(changes.filter(({ path }) => path.startsWith('/wide/'))).toHaveLength(3000);
      const deep = changes.filter(({ path }) => path.startsWith('/deep/'));
      expect(deep).toHaveLength(1501);
      expect(deep.at(-1)?.path).toHaveLength('/deep'.length + 1500 * 21 + '/end'.length);
      expect(changes.filter(({ path }) => path.startsWith('/links/')).map(({ type }) => type)).toEqual([
        'symlink',
        'symlink',
        'symlink',
      ]);
      expect(changes.filter(({ path }) => path.includes('ame\n/x'))).toHaveLength(1);
    });
  });
});

test('it can be asked while the sandbox is at work', async () => {
  await withFolder(async (folder) => {
    await inSandbox(overlay([layer(folder, 'l', ['a'])]), async (sandbox) => {
      const child = await sandbox.spawn('sh', [
        '-c',
        `test -e /${MARKER} && while :; do mkdir -p /x/y/z; mv /x/y /z; rm -rf /x /z; done`,
      ]);
      for (let i = 0; i < 20; i++) {
        const outcome = await sandbox.changes().catch((error: unknown) => error as NodeJS.ErrnoException);
        // Moved while it was looked at: that is said, and not guessed.
        if (!Array.isArray(outcome)) expect(outcome.code).toBe('ESTALE');
      }
      child.kill('SIGKILL');
    });
  });
});

test('of an overlay that is an entry they are at its target, and can be asked for alone', async () => {
  await withFolder(async (folder) => {
    for (const name of ['root', 'lower', 'upper', 'other']) mkdirSync(join(folder, name));
    const [lower, upper, other] = ['lower', 'upper', 'other'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(join(lower, 'old'), '');
    mkdirSync(join(folder, 'root', 'kept'));
    const spec: SandboxSpec = {
      root: { lower: [join(folder, 'root')] },
      proc: false,
      dev: false,
      mounts: [
        { type: 'overlay', target: '/kept/proj', lower: [lower], upper },
        { type: 'overlay', target: '/other/', lower: [other] },
      ],
    };
    await inSandbox(spec, async (sandbox) => {
      for (const path of ['/kept/proj/new', '/kept/proj/old', '/other/new', '/kept/new'])
        await sandbox.writeFile(path, 'x');
      const [added, changed] = [
        { path: '/kept/proj/new', change: 'added', type: 'file' },
        { path: '/kept/proj/old', change: 'modified', type: 'file' },
      ];
      expect(await sandbox.changes('/kept/proj')).toEqual([added, changed]);
      expect(await sandbox.changes('/other')).toEqual([{ path: '/other/new', change: 'added', type: 'file' }]);
      const root = (await sandbox.changes('/')).map(({ path }) => path);
      expect(root).toEqual(['/kept/new', '/kept/proj', '/other']);
      expect((await sandbox.changes()).map(({ path }) => path)).toEqual([
        '/kept/new',
        '/kept/proj',
        '/kept/proj/new',
        '/kept/proj/old',
        '/other',
        '/other/new',
      ]);
      await expect(sandbox.changes('/kept')).rejects.toMatchObject({ code: 'ERR_LINUX_NS_NO_OVERLAY' });
      await expect(sandbox.changes(1 as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    });
    expect(readdirSync(upper).sort()).toEqual(['new', 'old']);
  });
});

test('without an overlay there are none', async () => {
  const before = footprint();
  await inSandbox({}, async (sandbox) => {
    await expect(sandbox.changes()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_NO_OVERLAY' });
  });
  await expectNothingLeft(before);
});

test.each<[string, bytes: number, entries: number, hint: string]>([
  ['entries', 1e6, 2, 'more than 1000000 entries'],
  ['bytes', 5, 1e6, 'more than 268435456 bytes of names'],
])('they have a limit in %s, and an error that says so', async (_, bytes, most, hint) => {
  await withFolder(async (folder) => {
    for (const name of ['upper', 'lower']) mkdirSync(join(folder, name));
    for (const name of ['a', 'b', 'c']) writeFileSync(join(folder, 'upper', name), '');
    const [upper, lower] = ['upper', 'lower'].map((name) => openSync(join(folder, name), 'r')) as [number, number];
    const step: Step = ['changes', upper, lower, bytes, most, 0];
    await expect(run({}, [step])).rejects.toMatchObject({
      name: 'NamespaceError',
      code: 'EFBIG',
      step: 'list changes',
      hint: expect.stringContaining(hint) as string,
    });
    for (const fd of [upper, lower]) closeSync(fd);
  });
});
