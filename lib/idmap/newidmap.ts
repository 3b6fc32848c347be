import { Socket } from 'node:net';
import { close, open } from 'node:fs';
import { Errno } from '../kernel/errno';
import { NamespaceError } from '../errors/namespace-error';
import { explain } from '../hints/explain';
import { type IdRange, formatIdMap } from './id-map';
import type { Side } from './resolve';
import { native } from '../native';
import { systemError } from '../errors/system-error';
import { type Task, start } from '../task/task';
import { makeStep } from '../plan/step';

/** The most bytes that are read of a program's messages: both programs write much less. */
const MOST_STDERR = 4096;

/**
 * Has newuidmap(1) or newgidmap(1) write the map of a process. They are set-user-ID (or have file capabilities), and
 * write the ids that `/etc/subuid` or `/etc/subgid` grants to this user. The event loop does not wait, since they are
 * started like every task. A program may ask a server for the user's name, and wait for it, so it is ended when the
 * signal is aborted.
 */
export async function writeThroughProgram(
  side: Side,
  pid: number,
  ranges: readonly IdRange[],
  signal?: AbortSignal,
): Promise<void> {
  const [ours, theirs] = socketPair();
  let devNull: number;
  try {
    devNull = await openDevNull();
  } catch (error) {
    [ours, theirs].forEach((fd) => native().closeNow(fd));
    throw error;
  }
  const stderr = readText(ours);
  let task: Task;
  try {
    task = await startProgram(side, pid, ranges, [devNull, theirs, theirs]);
  } catch (error) {
    throw notRun(side, ranges, error);
  } finally {
    // The program has its own copies by now.
    close(devNull, () => undefined);
    native().closeNow(theirs);
  }
  const end = (): void => task.end();
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted === true) end();
  const [exit, text] = await Promise.all([task.exited, stderr]);
  signal?.removeEventListener('abort', end);
  if (exit.code !== 0) throw refused(side, ranges, text);
}

function startProgram(side: Side, pid: number, ranges: readonly IdRange[], stdio: number[]): Promise<Task> {
  const numbers = ranges.flatMap(({ inside, outside, count }) => [inside, outside, count]);
  const argv = [side.program, ...[pid, ...numbers].map(String)];
  const env = [`PATH=${process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin'}`, 'LC_ALL=C'];
  return start({
    flags: 0,
    steps: [['stdio', stdio], makeStep('exec', { file: side.program, argv, env })],
  });
}

function socketPair(): [number, number] {
  try {
    return native().socketPair();
  } catch (error) {
    throw systemError(error, { step: 'set up stdio', operation: 'stdio' });
  }
}

function openDevNull(): Promise<number> {
  return new Promise((resolve, reject) => {
    open('/dev/null', 'r+', (error, fd) => {
      if (error === null) resolve(fd);
      else reject(systemError(error, { step: 'open /dev/null', operation: 'open' }));
    });
  });
}

/** Reads everything until the other end is closed; the socket owns the descriptor. */
function readText(fd: number): Promise<string> {
  native().disown(fd);
  const socket = new Socket({ fd, readable: true, writable: false });
  let text = '';
  return new Promise((resolve) => {
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => (text = (text + chunk).slice(0, MOST_STDERR)));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text.trim()));
  });
}

/** The error of a program that could not be started, mostly because it is not installed. */
function notRun(side: Side, ranges: readonly IdRange[], cause: unknown): unknown {
  const { errno, syscall, path } = cause as Partial<NamespaceError>;
  if (errno === undefined) return cause;
  const failure = { errno: Math.abs(errno), syscall: syscall ?? 'execve', path: path ?? side.program };
  const hint = explain({ ...failure, operation: side.program, kind: 'user', map: formatIdMap(ranges) });
  return new NamespaceError({ ...failure, kind: 'user', step: `write ${side.file}`, hint, cause });
}

/** The error of a program that ran and refused. It says why only in words, which are English by LC_ALL=C. */
function refused(side: Side, ranges: readonly IdRange[], text: string): NamespaceError {
  const failure = { errno: Errno.EPERM, syscall: 'write', kind: 'user' } as const;
  const hint = explain({ ...failure, operation: side.program, map: formatIdMap(ranges), detail: text });
  return new NamespaceError({
    ...failure,
    message: text === '' ? `${side.program} refused` : text,
    step: `write ${side.file}`,
    hint:
      hint ?? (text.includes('not allowed') ? `${side.program} writes only what ${side.grants} grants.` : undefined),
  });
}
