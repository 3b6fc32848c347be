import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Summary, summarize } from '../measure/statistics';

export const DOOMED_PROGRAMS = 8;
/** The end of a pipe that a doomed Node, and all programs that it has started, have open as this descriptor. */
export const HELD_BY_ALL = 3;

/** Node, and for each program an init, the program and its orphan. */
const DOOMED_PROCESSES = 1 + DOOMED_PROGRAMS * 3;

/**
 * Milliseconds from SIGKILL of a Node to the end of the last of what it has started: eight programs in namespaces of
 * their own, each with an orphan. What wakes this process is the end of the pipe, which comes a little before the end
 * of the last; only then does it look, so as not to take a CPU from those that are ending.
 */
export async function measureKillToGone(rounds: number): Promise<Summary> {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) samples.push(await killOne());
  return summarize(samples);
}

async function killOne(): Promise<number> {
  const node = fork(join(__dirname, 'doomed.ts'), {
    execArgv: ['--require', 'tsx/cjs'],
    stdio: ['ignore', 2, 2, 'pipe', 'ipc'],
  });
  await allRun(node);
  const pids = familyOf(node.pid!);
  if (pids.length < DOOMED_PROCESSES) throw new Error(`only ${pids.length} processes run`);
  const pipe = node.stdio[HELD_BY_ALL] as Readable;
  const allClosed = once(pipe.resume(), 'end');
  const began = performance.now();
  node.kill('SIGKILL');
  await allClosed;
  while (pids.some(isAlive)) await nextTurn();
  return performance.now() - began;
}

function allRun(node: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    node.once('message', () => resolve());
    node.once('exit', (code, signal) => reject(new Error(`it ended before: ${String(code ?? signal)}`)));
  });
}

/** A process and all below it: proc_tid_children(5). */
function familyOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    (readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').match(/\d+/g) ?? []).map(Number),
  );
  return [pid, ...children.flatMap(familyOf)];
}

/** A zombie is none: whoever has inherited it may take its time to reap it. proc_pid_stat(5) */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
