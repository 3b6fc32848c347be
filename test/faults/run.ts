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
  const directory = mkdtempSync(join(tmpdir(), 'linux-ns-inject-'));
  chmodSync(directory, 0o755);
  const result: Result = { tried: 0, notReached: 0, came: {}, breaches: [] };
  try {
    const inject = compiled(directory, 'inject', []);
    compiled(directory, 'world', ['-static']);
    for (const { name } of KINDS_HERE) {
      if (options.kinds === undefined || options.kinds.includes(name))
        await runKind(inject, directory, name, options, result);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  return result;
}

function compiled(directory: string, name: string, flags: readonly string[]): string {
  const program = join(directory, name);
  execFileSync('cc', ['-O1', ...flags, '-o', program, join(__dirname, `${name}.c`)]);
  return program;
}

/** A process that has met a hang, or a leak, is given up, and the next goes on after it. */
async function runKind(
  inject: string,
  directory: string,
  kind: string,
  options: RunOptions,
  result: Result,
): Promise<void> {
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
    const last = await runWorker(inject, asked, (outcome) => {
      note(outcome, result);
      options.tell?.(outcome);
      left--;
    });
    rmSync(place, { recursive: true, force: true });
    if (last.done) return;
    next = last.index === undefined ? next + step : last.index + step;
    if (last.index === undefined) {
      result.breaches.push(`${kind}: the process ended: ${last.why}`);
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
