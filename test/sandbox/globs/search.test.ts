import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Glob } from '../../../lib/sandbox/globs/glob';
import { search } from '../../../lib/sandbox/globs/search';
import { withFolder } from '../box';

function find(folder: string, ...patterns: string[]): Promise<string[]> {
  return search(
    folder,
    patterns.flatMap((each) => Glob.parse('match', each)),
    'a search',
  );
}

test('finds what matches, once, and does not follow links nor go below a match', async () => {
  await withFolder(async (folder) => {
    for (const path of ['a/.env', 'b/c/d', '.env/.env']) mkdirSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, 'b/c/.env'), '');
    symlinkSync('..', join(folder, 'b/up'));
    symlinkSync('/etc', join(folder, 'b/.env'));
    expect(await find(folder, '**/.env', '*/.env')).toEqual(['.env', 'a/.env', 'b/.env', 'b/c/.env']);
  });
});

test('what does not exist, or cannot be read, has no matches', async () => {
  expect(await find('/nowhere', '**')).toEqual([]);
  expect(await find('/etc/passwd', '**')).toEqual([]);
});

test('a path without anything to match in it is a match, whether it exists or not', async () => {
  expect(await find('/nowhere', 'b/c', 'a')).toEqual(['a', 'b/c']);
});

test('too many matches are an error that says what to do', async () => {
  await withFolder(async (folder) => {
    execFileSync('sh', ['-c', 'seq 10001 | xargs touch'], { cwd: folder });
    await expect(find(folder, '*')).rejects.toMatchObject({
      code: 'EFBIG',
      step: 'a search',
      path: folder,
      hint: expect.stringContaining('Give the pattern a directory') as string,
    });
  });
});

test('a signal ends it', async () => {
  await withFolder(async (folder) => {
    mkdirSync(join(folder, 'a'));
    await expect(search(folder, Glob.parse('match', '**/x'), 'a search', AbortSignal.abort())).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});

test('the event loop goes on during a search of many files', async () => {
  await withFolder(async (folder) => {
    const script = 'for d in $(seq 40); do mkdir $d; (cd $d; seq 500 | xargs touch); done';
    execFileSync('sh', ['-c', script], { cwd: folder });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await find(folder, '**/none');
    clearInterval(timer);
    delay.disable();
    expect(turns).toBeGreaterThan(5);
  });
});
