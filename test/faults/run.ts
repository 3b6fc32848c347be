import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { OWN_MOUNTS } from '../fixtures/footprint';
import { KINDS_HERE } from './kinds';
import type { Outcome, SweepOptions } from './worker';

/** Which faults to try. */
export interface RunOptions {
  /** Names of kinds. Default: all that this user can try. */
  kinds?: readonly string[];
  /** Of each kind's faults the one with this index, and each `step`-th after it. */
  from?: number;
  step?: number;
  /** How many of each kind at most. */
  most?: number;
  /** Only those whose names contain this: `'prctl:23 39'`. */
  match?: string;
  /** Where {@link makePrograms} has put them. Default: they are made, and removed. */
  programs?: string;
  /** Told of each. */
  tell?(outcome: Outcome): void;
  /** A fault that has not come to its end by then, in ms, hangs. */
  patience?: number;
}

/** What came of them. */
export interface Result {
  tried: number;
  /** The fault never happened: that start did not come by the place. */
  notReached: number;
  /** By what each came to: `'as promised'`, or the code of an error. */
  came: Record<string, number>;
  breaches: string[];
}

const ROOT = join(__dirname, '..', '..');
const WORKER = join(__dirname, 'worker.ts');

/** Tries them, in Node processes of their own. */
export async function runFaults(options: RunOptions = {}): Promise<Result> {
  const programs = options.programs ?? makePrograms();
  const result: Result = { tried: 0, notReached: 0, came: {}, breaches: [] };
  try {
    for (const { name } of KINDS_HERE) {
      if (options.kinds?.includes(name) !== false) await runKind(programs, name, options, result);
    }
  } finally {
    if (options.programs === undefined) rmSync(programs, { recursive: true });
  }
  return result;
}

/** Compiles inject.c and world.c. Returns the directory that they are in, which everybody can read. */
export function makePrograms(): string {
  const directory = mkdtempSync(join(tmpdir(), 'linux-ns-inject-'));
  chmodSync(directory, 0o755);
  for (const [name, ...flags] of [['inject'], ['world', '-static']] as const) {
    execFileSync('cc', ['-O1', ...flags, '-o', join(directory, name), join(__dirname, `${name}.c`)]);
  }
  return directory;
}

/** A process that has met a hang, or a leak, is given up, and the next goes on after it. */
async function runKind(directory: string, kind: string, options: RunOptions, result: Result): Promise<void> {
  const { from = 0, step = 1, most = Infinity, match = '', patience = 30_000 } = options;
  let next = from;
  for (let left = most; left > 0;) {
    const place = mkdtempSync(join(directory, 'place-'));
    chmodSync(place, 0o755);
    const world = join(directory, 'world');
    const asked: SweepOptions = {
      kind,
      from: next,
      step,
      most: Math.min(left, 1e9),
      match,
      patience,
      directory: place,
      world,
    };
    const last = await runWorker(join(directory, 'inject'), asked, (outcome) => {
      note(outcome, result);
      options.tell?.(outcome);
      left--;
    });
    rmSync(place, { recursive: true, force: true });
    if (last.done) return;
    next = last.index === undefined ? next + step : last.index + step;
    if (last.index === undefined) {
      const breach = `the process ended before it tried any: ${last.why}`;
      note({ kind, index: next, of: 0, fault: 'no fault', came: 'ended', breach }, result);
      options.tell?.({ kind, index: next, of: 0, fault: 'no fault', came: 'ended', breach });
      return;
    }
  }
}

function note({ kind, fault, came, breach }: Outcome, result: Result): void {
  result.tried++;
  if (came === 'not reached') result.notReached++;
  else result.came[came] = (result.came[came] ?? 0) + 1;
  if (breach !== undefined) result.breaches.push(`${kind}: ${fault}: ${breach}`);
}

async function runWorker(
  inject: string,
  options: SweepOptions,
  tell: (outcome: Outcome) => void,
): Promise<{ done: boolean; index?: number | undefined; why: string }> {
  const main = 'require(process.argv[1]).sweep(JSON.parse(process.argv[2]))';
  const args = ['--require', require.resolve('tsx/cjs'), '--eval', main, '--', WORKER, JSON.stringify(options)];
  // Root has mounts of its own there: what is left can be told from what others on the host mount.
  const own = process.getuid?.() === 0 ? ['unshare', '--mount', '--propagation', 'private'] : [];
  const [command = inject, ...before] = [...own, inject, process.execPath].map(String);
  const env = { ...process.env, LINUX_NS_PATIENCE: String((2 * options.patience) / 1000) };
  const child = spawn(command, [...before, ...args], {
    cwd: ROOT,
    env: own.length === 0 ? env : { ...env, [OWN_MOUNTS]: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const errors = text(child.stderr);
  const exited = new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal ?? '')),
  );
  let index: number | undefined;
  // Whatever blocks its event loop, it does not go on for ever.
  let silence = setTimeout(() => undefined, 0);
  for await (const line of createInterface({ input: child.stdout })) {
    clearTimeout(silence);
    silence = setTimeout(() => child.kill('SIGKILL'), 4 * options.patience);
    const outcome = JSON.parse(line) as Outcome;
    index = outcome.index;
    tell(outcome);
  }
  clearTimeout(silence);
  const code = await exited;
  return { done: code === 0, index, why: `${code} ${await errors}` };
}
