/** The changes in a copy of a project, as text that patch(1) and `git apply` read. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { compareLines } from '../../../lib/sandbox/project/lines';
import { copied, onCopy, treeOf } from './copy';

/** Applies a text to a copy of the project, and returns what that has then. */
function applied(folder: string, path: string, text: string, program: 'git' | 'patch'): string {
  const to = copied(folder, path);
  const options = { cwd: to, input: text, stdio: 'pipe' as const };
  if (program === 'git') execFileSync('git', ['apply', '--allow-empty', '-'], options);
  else execFileSync('patch', ['-p1', '--quiet'], options);
  const tree = treeOf(to);
  rmSync(to, { recursive: true });
  return tree;
}

const withoutDirectories = (tree: string): string =>
  tree
    .split('\n')
    .filter((line) => !/ d \d+$/.test(line))
    .join('\n');

test('nothing has changed in the beginning, nor by what leaves everything as it was', async () => {
  await onCopy(async ({ sandbox, change }) => {
    expect(await sandbox.diff()).toBe('');
    await change('touch lines; cp src/a t; mv t src/a; rm link; ln -s lines link; chmod 600 no-end; chmod 644 no-end');
    expect(await sandbox.diff()).toBe('');
    expect(await sandbox.changes()).toEqual([]);
  });
});

test('a text is as git writes it', async () => {
  await onCopy(async ({ sandbox, change }) => {
    await change(`sed -i 's/^line 20$/changed/' lines; rm old/one; printf 'x\\ny' > new; chmod +x script`);
    expect(await sandbox.diff()).toBe(`diff --git a/lines b/lines
--- a/lines
+++ b/lines
@@ -18,7 +18,7 @@
 line 17
 line 18
 line 19
-line 20
+changed
 line 21
 line 22
 line 23
diff --git a/new b/new
new file mode 100644
--- /dev/null
+++ b/new
@@ -0,0 +1,2 @@
+x
+y
\\ No newline at end of file
diff --git a/old/one b/old/one
deleted file mode 100644
--- a/old/one
+++ /dev/null
@@ -1,41 +0,0 @@
${Array.from({ length: 40 }, (_, index) => `-line ${index}\n`).join('')}-old/one
diff --git a/script b/script
old mode 100644
new mode 100755
`);
  });
});

const SCRIPTS: [what: string, script: string][] = [
  [
    'lines at the start, in the middle and at the end',
    `sed -i '1d; 20i new' lines; echo end >> lines; sed -i 5,9d src/a`,
  ],
  ['files that are new, empty or gone', ': > empty-file; echo x > src/new; rm lines; rm -r old'],
  ['ends without a newline', `printf more >> no-end; printf 'no end' > lines; echo >> src/a; printf x > one`],
  ['names with spaces', `echo more >> 'name with space'; echo x > 'a new name'`],
  ['directories that were moved', 'mv old renamed; mv src/a b'],
  ['permissions', 'chmod +x script lines; echo more >> lines'],
  ['an empty file that gets contents, and the other way', ': > lines; : > e; echo x > e'],
];

describe.each(['git', 'patch'] as const)('%s makes of it what is in the copy', (program) => {
  test.each(SCRIPTS)('%s', async (_, script) => {
    await onCopy(async ({ folder, path, sandbox, change }) => {
      const wanted = copied(folder, path);
      execFileSync('sh', ['-c', script], { cwd: wanted });
      const tree = withoutDirectories(treeOf(wanted));
      rmSync(wanted, { recursive: true });
      await change(script);
      expect(withoutDirectories(applied(folder, path, await sandbox.diff(), program))).toBe(tree);
    });
  });
});

test('links, names in quotes and files in the place of directories, which git alone applies', async () => {
  await onCopy(async ({ folder, path, sandbox, change }) => {
    const script = `rm -r old; echo x > old; rm script; mkdir script; echo y > script/y; ln -sf src/a link; ln -s / root; rm lines; ln -s x lines; printf x > "$(printf 'two\\nlines')"; printf x > 'a"b'; printf x > ü`;
    const wanted = copied(folder, path);
    execFileSync('sh', ['-c', script], { cwd: wanted });
    const tree = treeOf(wanted);
    rmSync(wanted, { recursive: true });
    await change(script);
    const text = await sandbox.diff();
    expect(text).toContain('"a/two\\nlines"');
    expect(text).toContain('b/ü\n');
    expect(applied(folder, path, text, 'git')).toBe(tree);
  });
});

test('what no text can say is named', async () => {
  await onCopy(async ({ sandbox, change }) => {
    await change(
      `printf '\\0' >> binary; printf '\\377' > latin; mkdir dir; rmdir empty; mkfifo fifo; printf x > "$(printf 'b\\377')"; head -c 2000000 /dev/zero | tr '\\0' x > large`,
    );
    expect(await sandbox.diff()).toBe(`diff --git a/binary b/binary
Binary files a/binary and b/binary differ
diff --git "a/b\\377" "b/b\\377"
new file mode 100644
--- /dev/null
+++ "b/b\\377"
@@ -0,0 +1 @@
+x
\\ No newline at end of file
Only in b: dir/
Only in a: empty/
File b/fifo is a fifo
diff --git a/large b/large
new file mode 100644
Binary files /dev/null and b/large differ
diff --git a/latin b/latin
new file mode 100644
Binary files /dev/null and b/latin differ
`);
  });
});

test('paths choose what is in it, and limits bound it', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change('echo x > src/new; echo x >> old/deep/two; echo x > file');
    const names = async (paths: string | string[]): Promise<string[]> =>
      (await sandbox.diff({ paths })).split('\n').flatMap((line) => (line.startsWith('+++ b/') ? [line.slice(6)] : []));
    expect(await names('src')).toEqual(['src/new']);
    expect(await names([`${path}/old/`, './file'])).toEqual(['file', 'old/deep/two']);
    expect(await names(path)).toEqual(['file', 'old/deep/two', 'src/new']);
    for (const paths of ['/etc', '../x', `${path}x`]) {
      await expect(sandbox.diff({ paths })).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    }
    await expect(sandbox.diff({ maxLength: 10 })).rejects.toMatchObject({ code: 'EFBIG', step: 'diff the project' });
    expect(await sandbox.diff({ maxFileBytes: 1, paths: 'file' })).toContain(
      'Binary files /dev/null and b/file differ',
    );
    await expect(sandbox.diff({ path: 'x' } as object)).rejects.toThrow(/did you mean 'paths'/);
  });
});

test('the edits between lists of lines are the fewest, and have an end', async () => {
  const random = (seed: number) => () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  const next = random(7);
  const some = (count: number): string[] => Array.from({ length: count }, () => 'abc'[Math.floor(next() * 3)] ?? '');
  for (let round = 0; round < 300; round++) {
    const [a, b] = [some(Math.floor(next() * 12)), some(Math.floor(next() * 12))];
    const parts = await compareLines(a, b);
    const made: string[] = [];
    let at = 0;
    for (const part of parts) {
      made.push(...a.slice(at, part.at), ...b.slice(part.to, part.to + part.added));
      at = part.at + part.removed;
    }
    expect([...made, ...a.slice(at)]).toEqual(b);
    const edits = parts.reduce((sum, { removed, added }) => sum + removed + added, 0);
    expect(edits).toBe(a.length + b.length - 2 * longestCommon(a, b));
  }
  const [long, other] = [1, 2].map((seed) => Array.from({ length: 30_000 }, (_, index) => `${seed} ${index}`));
  expect(await compareLines(long ?? [], other ?? [])).toEqual([{ at: 0, removed: 30_000, to: 0, added: 30_000 }]);
});

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let above = new Array<number>(b.length + 1).fill(0);
  for (const line of a) {
    const row = [0];
    b.forEach((other, index) => {
      row.push(line === other ? (above[index] ?? 0) + 1 : Math.max(above[index + 1] ?? 0, row[index] ?? 0));
    });
    above = row;
  }
  return above.at(-1) ?? 0;
}
