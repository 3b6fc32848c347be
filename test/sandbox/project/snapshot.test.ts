/** The state of a copy is kept, put back, and given up. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '../../../lib';
import { expectNothingLeft, footprint } from '../../fixtures/footprint';
import { said } from '../box';
import { onCopy } from './copy';

/** The view that programs have: each file with its mode, owner, and contents or target. */
async function seen(sandbox: Sandbox, path: string): Promise<string> {
  return said(
    sandbox,
    `cd ${path}; find . -mindepth 1 \\( -type d -printf '%P %y %m %U\\n' -o -type l -printf '%P %y %l %U\\n' -o -printf '%P %y %m %U ' -exec md5sum '{}' \\; \\) | LC_ALL=C sort`,
  );
}

const STEPS: [what: string, first: string, second: string][] = [
  ['files', 'echo one >> lines; rm old/one; echo x > new', 'echo two >> lines; echo x > old/one; rm new; rm src/a'],
  ['everything gone', 'echo x > src/new; ln -s x src/l', 'rm -rf * .[!.]*'],
  [
    'a directory in the place of a file, and the other way',
    'rm -r old; echo x > old',
    'rm old; mkdir old; echo y > old/y; rm -r src; echo > src',
  ],
  [
    'a directory that is emptied, moved, replaced',
    'mkdir -p d/e; echo x > d/e/f',
    'mv d g; mkdir d; echo y > d/y; rm -r old; mkdir old',
  ],
  [
    'permissions and links',
    'chmod 755 script; ln -sf new link; chmod 700 old',
    'chmod 600 script; rm link; mkdir link; chmod 755 old; rm -r old/deep',
  ],
  [
    'hard links and odd names',
    `echo x > one; ln one two; echo > "$(printf 'a\\nb')"`,
    `echo y > one; rm two; rm "$(printf 'a\\nb')"`,
  ],
];

test.each(STEPS)('restore() brings back what snapshot() has kept: %s', async (_, first, second) => {
  await onCopy(async ({ path, sandbox, change }) => {
    const clean = await seen(sandbox, path);
    const none = await sandbox.snapshot();
    await change(first);
    const [tree, changes, text] = [await seen(sandbox, path), await sandbox.changes(), await sandbox.diff()];
    const one = await sandbox.snapshot();
    await change(second);
    await sandbox.restore(one);
    expect(await seen(sandbox, path)).toBe(tree);
    expect(await sandbox.changes()).toEqual(changes);
    expect(await sandbox.diff()).toBe(text);
    await sandbox.restore(none);
    expect(await seen(sandbox, path)).toBe(clean);
    expect(await sandbox.changes()).toEqual([]);
    await sandbox.restore(one);
    expect(await seen(sandbox, path)).toBe(tree);
    await sandbox.apply();
    expect(await sandbox.changes()).toEqual([]);
  });
});

test.each(STEPS)('discard() leaves the project as it is: %s', async (_, first, second) => {
  await onCopy(async ({ path, sandbox, change }) => {
    const clean = await seen(sandbox, path);
    for (const script of [first, second]) await change(script);
    await sandbox.discard();
    expect(await seen(sandbox, path)).toBe(clean);
    expect(await sandbox.changes()).toEqual([]);
  });
});

test('discard() takes paths, and what the host has meanwhile', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change('echo mine >> lines; echo mine >> src/a; mkdir -p d/e; echo x > d/e/f');
    writeFileSync(join(path, 'lines'), 'theirs\n');
    await sandbox.discard(['lines', `${path}/d/e`]);
    expect((await sandbox.changes()).map(({ path: at }) => at)).toEqual([join(path, 'd'), join(path, 'src/a')]);
    expect(await sandbox.readFile(join(path, 'lines'), 'utf8')).toBe('theirs\n');
    await expect(sandbox.discard('/etc')).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });
});

test('programs may run: what they have open stays the old file, and their directory stays', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change('echo one > src/file; echo same > src/same');
    const one = await sandbox.snapshot();
    await change('echo two > src/file');
    const child = await sandbox.spawn(
      'sh',
      ['-c', 'cd src; exec 3< file 4>> same; read go; cat <&3; cat file; echo more >&4; cat same; pwd'],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    while (!(await said(sandbox, 'ls -l /proc/*/fd 2>/dev/null')).includes('src/same')) continue;
    await sandbox.restore(one);
    child.stdin?.end('go\n');
    const chunks: Buffer[] = [];
    for await (const chunk of child.stdout ?? []) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe(`two\none\nsame\nmore\n${path}/src\n`);
  });
});

test('special files are neither kept nor in the way', async () => {
  await onCopy(async ({ sandbox, change }) => {
    await change('mkfifo fifo; echo x > new');
    const one = await sandbox.snapshot();
    await change('rm new');
    await sandbox.restore(one);
    expect((await sandbox.changes()).map(({ type }) => type)).toEqual(['file']);
  });
});

test('a snapshot is of one sandbox, is closed with it, and leaves nothing', async () => {
  const before = footprint();
  let kept: Awaited<ReturnType<Sandbox['snapshot']>> | undefined;
  await onCopy(async ({ path, sandbox, change }) => {
    await change('echo x > new');
    kept = await sandbox.snapshot();
    await using other = await sandbox.snapshot();
    await other.close();
    await expect(sandbox.restore(other)).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
    await expect(sandbox.restore({} as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    await onCopy(async (second) => {
      const snapshot = kept!;
      await expect(second.sandbox.restore(snapshot)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    });
    expect(readFileSync(join(path, 'lines'), 'utf8')).toContain('line 1');
  });
  expect(kept?.closed).toBe(true);
  await expectNothingLeft(before);
});
