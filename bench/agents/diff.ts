/** Shows what has changed in a large project, by a sandbox that works on a copy and by git, in this process. See `measureApart`. */
import { execFile } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { Sandbox, hostUserland } from 'linux-ns';
import { answer } from '../measure/apart';
import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import { COPY, type DiffTimes, GIT } from './report';

/** A sample takes tens of milliseconds. */
const MOST_ROUNDS = 100;

const DIRECTORIES = 100;
const FILES_EACH = 100;
const CHANGED = 100;
const LINE = 'one more line\n';

const program = promisify(execFile);

function nameOf(directory: number, file: number): string {
  return `package-${directory}/file-${file}.txt`;
}

/** One file of each directory. */
const changed = Array.from({ length: CHANGED }, (_, at) => nameOf(at, at));

function makeTree(root: string): void {
  for (let directory = 0; directory < DIRECTORIES; directory++) {
    mkdirSync(join(root, `package-${directory}`), { recursive: true });
    for (let file = 0; file < FILES_EACH; file++) {
      const lines = Array.from({ length: 50 }, (_, line) => `${directory} ${file} ${line}\n`);
      writeFileSync(join(root, nameOf(directory, file)), lines.join(''));
    }
  }
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

function timed(name: string, look: () => Promise<{ listed: number; diff: string }>): Contestant {
  return {
    name,
    sample: async () => {
      const began = performance.now();
      const { listed, diff } = await look();
      const took = performance.now() - began;
      if (listed !== CHANGED || count(diff, /^\+one more line$/gm) !== CHANGED)
        throw new Error(`${name} has listed ${listed} files, and ${diff.length} characters of changes`);
      return took;
    },
  };
}

function ofCopy(box: Sandbox): Contestant {
  return timed(COPY, async () => ({ listed: (await box.changes()).length, diff: await box.diff() }));
}

/** The same changes in a repository, whose index knows all files. */
async function ofGit(root: string): Promise<Contestant> {
  const options = { cwd: root, maxBuffer: 2 ** 26, env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' } };
  const git = async (...args: string[]): Promise<string> => (await program('git', args, options)).stdout;
  await git('init', '--quiet');
  await git('add', '.');
  await git('-c', 'user.name=bench', '-c', 'user.email=bench@localhost', 'commit', '--quiet', '-m', 'all');
  for (const name of changed) appendFileSync(join(root, name), LINE);
  return timed(GIT, async () => ({
    listed: count(await git('status', '--porcelain'), /^ M /gm),
    diff: await git('diff'),
  }));
}

async function measure(samples: number): Promise<DiffTimes> {
  const folder = mkdtempSync(join(tmpdir(), 'ns-bench-diff-'));
  const [path, repository] = [join(folder, 'project'), join(folder, 'repository')];
  try {
    for (const root of [path, repository]) makeTree(root);
    await using box = await Sandbox.create({ ...hostUserland(), cwd: undefined, project: { path, mode: 'overlay' } });
    await box.execFile('sh', ['-c', `for name; do echo one more line >> "$name"; done`, 'sh', ...changed]);
    const contestants = [ofCopy(box), await ofGit(repository)];
    return summarizeAll(await interleave(contestants, Math.min(samples, MOST_ROUNDS)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

void answer(measure);
