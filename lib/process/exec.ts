import type { Readable } from 'node:stream';
import { withCallersStack } from '../errors/callers-stack';
import { validateString } from '../errors/validate';
import { StartTimeout } from '../errors/abort';
import { type Exit } from '../task/task';
import { CLOSE_GRACE } from './ending';
import type { Deadline } from './deadline';
import { feed } from './input';
import { type NamespaceProcess, endProcess } from './namespace-process';
import type { ExecFileOptions, ExecOptions } from './program-options';
import type { Confine } from './program';
import { type CheckedExec, type CheckedExecFile, SCHEMAS, parseFile } from './schemas';
import { type SpawnRequest, deadlineOf, requestOf, sortArguments, startSpawn } from './spawn';
import type { StdioSlot } from './stdio';

/** The output of a program. */
export interface ExecResult<Output extends string | Buffer = string> {
  /** All that it wrote to its standard output. */
  stdout: Output;
  /** All that it wrote to its standard error. */
  stderr: Output;
}

/**
 * The error of {@link execFile} and {@link exec} for a program that ran and failed, with the properties that Node's
 * has. A program that could not be started is a `NamespaceError`, which has `cmd`, `stdout` and `stderr` too.
 */
export interface ExecError<Output extends string | Buffer = string | Buffer> extends Error, ExecResult<Output> {
  /** The exit code, null when a signal ended it; or `ABORT_ERR`, `ERR_CHILD_PROCESS_STDIO_MAXBUFFER`. */
  code: number | string | null;
  /** True if `timeout` ended it. Absent if `code` is a string. */
  killed?: boolean;
  /** The signal that ended it; null if it exited. Absent if `code` is a string. */
  signal?: NodeJS.Signals | null;
  /** The file and its arguments, or the command. */
  cmd: string;
}

/**
 * Options that give the output as Buffers.
 *
 * @inline
 */
type BufferOption = { encoding: 'buffer' | null };

/**
 * Options that give the output as strings.
 *
 * @inline
 */
type TextOption = { encoding?: BufferEncoding | undefined };

/** The default of `maxBuffer`, 1 MiB as in Node. */
const MAX_BUFFER = 1024 * 1024;

/** The descriptors of the program. Without an input there is no pipe: nobody could end it before all is settled. */
function stdioWith(input: Buffer | undefined): StdioSlot[] {
  return [{ type: input === undefined ? 'ignore' : 'pipe' }, { type: 'pipe' }, { type: 'pipe' }];
}

/**
 * Runs a program to its end, in namespaces as {@link spawn} does, and resolves with its output, as
 * `util.promisify(child_process.execFile)` does. Its standard input is `options.input`, as for `execFileSync()`.
 *
 * Rejects with an {@link ExecError} when the exit code is not 0, a signal or the timeout ended the program, or its
 * output exceeds `maxBuffer`; with an `AbortError`, once the program is gone; and with all that {@link spawn} rejects
 * with.
 *
 * @example
 * ```ts
 * const { stdout } = await execFile('hostname', { unshare: { user: true, uts: { hostname: 'box' } } }); // 'box\n'
 * ```
 */
export async function execFile(
  file: string,
  args: readonly string[] | null | undefined,
  options: ExecFileOptions & BufferOption,
): Promise<ExecResult<Buffer>>;
export async function execFile(
  file: string,
  args?: readonly string[] | null,
  options?: ExecFileOptions & TextOption,
): Promise<ExecResult>;
export async function execFile(
  file: string,
  args: readonly string[] | null | undefined,
  options: ExecFileOptions,
): Promise<ExecResult<string | Buffer>>;
export async function execFile(file: string, options: ExecFileOptions & BufferOption): Promise<ExecResult<Buffer>>;
export async function execFile(file: string, options?: ExecFileOptions & TextOption): Promise<ExecResult>;
export async function execFile(file: string, options: ExecFileOptions): Promise<ExecResult<string | Buffer>>;
export async function execFile(
  file: string,
  args?: readonly string[] | ExecFileOptions | null,
  options?: ExecFileOptions,
): Promise<ExecResult<string | Buffer>> {
  const [list, bag] = sortArguments(args, options);
  return runExecFile(file, list, SCHEMAS.execFile('options', bag));
}

/**
 * Runs a command line in a shell, `/bin/sh` unless `options.shell` says otherwise; for the rest see {@link execFile}.
 *
 * @param command - passed to the shell unchanged: never put untrusted text into it
 *
 * @example
 * ```ts
 * const { stdout } = await exec('ip -o link | wc -l', { unshare: ['user', 'net'] }); // '1\n': only lo
 * ```
 */
export async function exec(command: string, options: ExecOptions & BufferOption): Promise<ExecResult<Buffer>>;
export async function exec(command: string, options?: ExecOptions & TextOption): Promise<ExecResult>;
export async function exec(command: string, options: ExecOptions): Promise<ExecResult<string | Buffer>>;
export async function exec(command: string, options: ExecOptions = {}): Promise<ExecResult<string | Buffer>> {
  return runExec(command, SCHEMAS.exec('options', options));
}

/** Called with the program when it runs, as the promise resolves only with its output. */
type Started = (child: NamespaceProcess) => void;

/** Does what {@link exec} does, with options that have been checked. */
export async function runExec(
  command: unknown,
  options: CheckedExec,
  confine?: Confine,
  started?: Started,
): Promise<ExecResult<string | Buffer>> {
  validateString('command', command);
  return runExecFile(command, [], { shell: '/bin/sh', ...options }, confine, started);
}

/** Does what {@link execFile} does, with options that have been checked. */
export async function runExecFile(
  file: unknown,
  args: readonly string[],
  options: CheckedExecFile,
  confine?: Confine,
  started?: Started,
): Promise<ExecResult<string | Buffer>> {
  const name = parseFile('file', file);
  const { encoding = 'utf8', maxBuffer = MAX_BUFFER, input } = options;
  const request = requestOf(name, args, options, confine);
  const deadline = deadlineOf(request);
  const what: Collecting = {
    cmd: [name, ...args].join(' '),
    encoding: encoding === 'buffer' ? undefined : encoding,
    maxBuffer,
    deadline,
    killSignal: request.killSignal,
  };
  const child = await startOrTell({ ...request, stdio: stdioWith(input), timeout: 0 }, what);
  if (input !== undefined) feed(child.stdin, input);
  started?.(child);
  return await withCallersStack(collect(child, what));
}

/** Starts the program. If that fails, the error also gets the properties of an {@link ExecError}. */
async function startOrTell(request: SpawnRequest, what: Collecting): Promise<NamespaceProcess> {
  const { cmd, encoding, deadline } = what;
  try {
    return await startSpawn(request, deadline);
  } catch (error) {
    const nothing = { cmd, stdout: output([], encoding), stderr: output([], encoding) };
    throw Object.assign(error as Error, nothing, error instanceof StartTimeout ? { killed: true } : {});
  }
}

interface Collecting {
  readonly cmd: string;
  /** The encoding of the output; undefined for Buffers. */
  readonly encoding: BufferEncoding | undefined;
  readonly maxBuffer: number;
  readonly deadline: Deadline;
  readonly killSignal: number;
}

/** Reads what the program writes until it has ended and its streams are closed. */
function collect(child: NamespaceProcess, what: Collecting): Promise<ExecResult<string | Buffer>> {
  const { cmd, encoding, maxBuffer, deadline, killSignal } = what;
  let failure: Error | undefined;
  let timedOut = false;
  const timers: NodeJS.Timeout[] = [];
  const stop = (): void => {
    // Other processes may hold the streams open after the program has ended.
    child.stdout?.destroy();
    child.stderr?.destroy();
    // The promise waits for the end. SIGKILL makes sure that it comes, even if the program handles the signal or is
    // stopped.
    timers.push(setTimeout(() => endProcess(child), CLOSE_GRACE));
  };
  const tooMuch = (name: string): void => {
    failure ??= maxBufferError(name);
    stop();
    child.kill(killSignal);
  };
  const stdout = gather(child.stdout, maxBuffer, () => tooMuch('stdout'));
  const stderr = gather(child.stderr, maxBuffer, () => tooMuch('stderr'));
  const onTimeout = (): void => {
    timedOut = true;
    stop();
    child.kill(killSignal);
  };
  if (deadline.left > 0) timers.push(setTimeout(onTimeout, deadline.left));
  child.on('error', (error) => {
    // Usually the signal was aborted, and the killSignal has been sent.
    failure ??= error;
    stop();
  });
  return new Promise((resolve, reject) => {
    child.once('close', (code, signal) => {
      timers.forEach(clearTimeout);
      const result = { stdout: output(stdout, encoding), stderr: output(stderr, encoding) };
      if (failure === undefined && code === 0) {
        resolve(result);
        return;
      }
      const killed = child.killed || timedOut;
      const error = failure ?? commandFailed(`${cmd}\n${output(stderr, 'utf8').toString()}`, { code, killed, signal });
      reject(Object.assign(error, { cmd, ...result }));
    });
  });
}

/** The chunks of a stream up to a number of bytes; calls back when there are more. */
function gather(stream: Readable | null, most: number, tooMuch: () => void): Buffer[] {
  const chunks: Buffer[] = [];
  let room = most;
  stream?.on('data', (chunk: Buffer) => {
    if (room < 0) return;
    chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    room -= chunk.length;
    if (room < 0) tooMuch();
  });
  return chunks;
}

function output(chunks: readonly Buffer[], encoding: BufferEncoding | undefined): string | Buffer {
  const all = Buffer.concat(chunks);
  return encoding === undefined ? all : all.toString(encoding);
}

function commandFailed(what: string, how: { killed: boolean } & Pick<Exit, 'code' | 'signal'>): Error {
  const { code, killed, signal } = how;
  return Object.assign(new Error(`Command failed: ${what}`), { code, killed, signal });
}

function maxBufferError(name: string): Error {
  const code = 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER';
  return Object.assign(new RangeError(`${name} maxBuffer length exceeded`), { code });
}
