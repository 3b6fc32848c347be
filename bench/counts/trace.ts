/** Counts the system calls of a launch: strace(1) tells them all, of Node and of what it starts. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const KINDS = ['none', 'all eight', 'join', 'sandbox create', 'sandbox exec'] as const;
export type Kind = (typeof KINDS)[number];

/** Files that do not exist: who looks for them marks where the counted part begins and ends. */
export const BEGIN = '/linux-ns-counts/begin';
export const END = '/linux-ns-counts/end';

/**
 * Who makes system calls: Node's main thread; the thread that clones; what is in the new task until it is done (nsinit,
 * and what comes before it); the program's own task, until its exec.
 */
export const ROLES = ['main', 'launcher', 'init', 'program'] as const;
export type Role = (typeof ROLES)[number];

/** How often each system call was made, by who made it. */
export type Counts = Record<Role, Record<string, number>>;

/**
 * Calls that are made as often as something else has it: those that wait are made again when something wakes them, and
 * those for memory when V8 collects garbage.
 */
const NOT_COUNTED = new Set([
  ...['epoll_pwait', 'epoll_wait', 'poll', 'ppoll', 'futex', 'wait4', 'waitid', 'rt_sigtimedwait', 'restart_syscall'],
  ...['mmap', 'munmap', 'mprotect', 'madvise', 'brk'],
]);

/** The name of the threads that clone. */
const LAUNCHER = 'ns-launcher';

/** `PID<comm> name(`: a call that begins. */
const CALL = /^(\d+)<([^>]*)> +(\w+)\(/;

export async function countsOf(kind: Kind): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'linux-ns-counts-'));
  try {
    const file = join(folder, 'trace');
    const node = [process.execPath, '--require', require.resolve('tsx/cjs'), require.resolve('./part'), kind];
    await promisify(execFile)('strace', ['-f', '-Y', '-qq', '-o', file, ...node]);
    return countsIn(await readFile(file, 'utf8'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The number of calls that depends on what is done alone. */
export function total(calls: Readonly<Record<string, number>>): number {
  return Object.entries(calls).reduce((sum, [name, count]) => sum + (NOT_COUNTED.has(name) ? 0 : count), 0);
}

function countsIn(trace: string): Counts {
  const lines = trace.split('\n');
  const at = (mark: string): number => lines.findIndex((line) => line.includes(`"${mark}"`));
  const counted = lines.slice(at(BEGIN) + 1, at(END));
  const main = CALL.exec(lines[at(BEGIN)]!)?.[1];
  const programs = new Set(counted.flatMap((line) => (line.includes(' execve(') ? [CALL.exec(line)?.[1]] : [])));
  const counts: Counts = { main: {}, launcher: {}, init: {}, program: {} };
  const gone = new Set<string>();
  const threads = new Set(lines.slice(0, at(BEGIN)).map((line) => CALL.exec(line)?.[1]));
  const roleOf = (pid: string, thread: string): Role | undefined => {
    if (pid === main) return 'main';
    if (!threads.has(pid)) return programs.has(pid) ? 'program' : 'init';
    return thread === LAUNCHER ? 'launcher' : undefined; // one of Node's own threads
  };
  for (const line of counted) {
    const [, pid = '', thread = '', name = ''] = CALL.exec(line) ?? [];
    const role = gone.has(pid) ? undefined : roleOf(pid, thread);
    if (pid === '' || role === undefined) continue;
    if (name === 'execve') gone.add(pid);
    counts[role][name] = (counts[role][name] ?? 0) + 1;
  }
  return counts;
}
