import { constants } from 'node:os';
import { invalidType, invalidValue } from '../errors/validate';
import { closeFd } from '../handle/close';
import { systemError } from '../errors/system-error';
import type { Task } from '../task/task';
import type { ChannelFormat } from './ipc/channel';
import type { Serialization } from './ipc/codec';
import { Deadline } from './deadline';
import { NamespaceProcess } from './namespace-process';
import type { SpawnOptions } from './program-options';
import { type Confine, type Program, pairsOf, programOf, startProgram } from './program';
import { Pty, type TerminalSize } from './pty';
import { type CheckedSpawn, SCHEMAS, parseArgs, parseFile } from './schemas';
import { StdioDescriptors, type StdioSlot, channelFd, parseStdio } from './stdio';

/** All arguments of `spawn()`, checked. */
export interface SpawnRequest {
  readonly program: Program;
  readonly stdio: readonly StdioSlot[];
  /** A terminal in place of stdio. */
  readonly pty?: TerminalSize | undefined;
  /** The format of the IPC channel, if stdio has one. */
  readonly format: ChannelFormat;
  readonly timeout: number;
  readonly killSignal: number;
}

/** The default of `maxMessageSize`: 64 MiB. */
const MAX_MESSAGE_SIZE = 64 * 1024 * 1024;

/**
 * Starts a program in new namespaces (`unshare`), in existing ones (`setns`), in both, or in those of this process.
 * Resolves when the program runs; the event loop is not blocked meanwhile, however large this process is.
 *
 * It rejects where `child_process.spawn()` throws or emits `'error'`: with a `TypeError` or `RangeError` for bad
 * arguments, before anything is started; with a `NamespaceError` that has `step`, `path` and `hint` when a step fails
 * (`ENOENT` when there is no such file), after which nothing is left behind; with an `AbortError` when `options.signal`
 * is aborted before the program runs.
 *
 * Namespaces of other kinds than `user` need CAP_SYS_ADMIN, or a new user namespace beside them. clone(2), setns(2),
 * execve(2), namespaces(7)
 *
 * @param file - a path, or a name that is looked up in the PATH of the program's environment, in the root it will have
 * @param args - the arguments, without `argv[0]`. Default: none
 *
 * @example
 * ```ts
 * const child = await spawn('ps', ['ax'], { unshare: { user: true, pid: true, mnt: true } });
 * for await (const chunk of child.stdout!) process.stdout.write(chunk);
 * ```
 */
export async function spawn(
  file: string,
  args?: readonly string[] | null,
  options?: SpawnOptions,
): Promise<NamespaceProcess>;
export async function spawn(file: string, options?: SpawnOptions): Promise<NamespaceProcess>;
export async function spawn(
  file: string,
  args?: readonly string[] | SpawnOptions | null,
  options?: SpawnOptions,
): Promise<NamespaceProcess> {
  const [list, bag] = sortArguments(args, options);
  return startSpawn(requestOf(parseFile('file', file), list, SCHEMAS.spawn('options', bag)));
}

/** Sorts the arguments `(args?, options?)`, either of which may be left out. The options are not checked yet. */
export function sortArguments(args: unknown, options: unknown): [args: string[], options: unknown] {
  if (args != null && typeof args !== 'object') throw invalidType('args', 'of type object', args);
  if (args != null && !Array.isArray(args)) return [[], args];
  return [parseArgs('args', args ?? []), options === undefined ? {} : options];
}

/** Puts together the options of {@link SpawnOptions}, which have been checked. */
export function requestOf(
  file: string,
  args: readonly string[],
  options: CheckedSpawn,
  confine: Confine = (program) => program,
): SpawnRequest {
  const { shell, pty, timeout = 0, killSignal = constants.signals.SIGTERM } = options;
  const command: [string, readonly string[]] =
    shell === undefined ? [file, args] : [shell, ['-c', [file, ...args].join(' ')]];
  if (pty !== undefined) refuseBesideTerminal(options);
  const { serialization = 'json', maxMessageSize = MAX_MESSAGE_SIZE } = options;
  const program = confine(programOf(...command, options));
  const stdio = parseStdio(pty === undefined ? options.stdio : 'ignore');
  return {
    program: { ...program, env: channelEnv(program.env, channelFd(stdio), serialization) },
    stdio,
    pty,
    format: { serialization, maxMessageSize },
    timeout,
    killSignal,
  };
}

/** Makes the pipes, starts the program, and keeps none of the descriptors that are the child's. */
export async function startSpawn(
  request: SpawnRequest,
  deadline: Deadline = deadlineOf(request),
): Promise<NamespaceProcess> {
  const { program, stdio, pty, format, killSignal } = request;
  const descriptors = new StdioDescriptors(stdio, program.nullDevice);
  let started: Task | undefined;
  try {
    const bounded = { ...program, signal: deadline.signal };
    const { task, cgroup } = await startProgram(bounded, pty ?? descriptors.child);
    started = task;
    descriptors.releaseChildEnds();
    const { file, argv, signal } = program;
    const terminal = pty === undefined ? null : openPty(task, pty);
    const streams = descriptors.streams();
    const fds = descriptors.channel();
    const ipc = fds === undefined ? undefined : { fds, format };
    const timeout = request.timeout === 0 ? 0 : deadline.left;
    return new NamespaceProcess({ task, cgroup, file, argv, streams, pty: terminal, ipc, timeout, killSignal, signal });
  } catch (error) {
    descriptors.discard();
    started?.end();
    await started?.exited;
    throw error;
  } finally {
    deadline.end();
  }
}

/** The deadline of a request. Its time starts now. */
export function deadlineOf({ timeout, program }: SpawnRequest): Deadline {
  return new Deadline(timeout, program.signal);
}

/** Opens the terminal of a program. */
function openPty(task: Task, size: TerminalSize): Pty {
  const [fd = -1] = task.fds.splice(0);
  try {
    return new Pty(fd, size);
  } catch (error) {
    closeFd(fd);
    throw systemError(error, { step: 'open a terminal', operation: 'pty' });
  }
}

function refuseBesideTerminal({ pty, stdio, newSession }: CheckedSpawn): void {
  if (stdio !== undefined)
    throw invalidValue('options.pty', pty, 'cannot be given with options.stdio, which it takes the place of');
  if (newSession !== false) return;
  throw invalidValue(
    'options.newSession',
    newSession,
    'cannot be false with options.pty, the terminal of a session of its own',
  );
}

/** Adds the variables by which a child that is Node finds its end of the IPC channel. */
function channelEnv(
  env: readonly string[] | null,
  fd: number | undefined,
  serialization: Serialization,
): readonly string[] | null {
  if (fd === undefined) return env;
  const channel = [`NODE_CHANNEL_FD=${fd}`, `NODE_CHANNEL_SERIALIZATION_MODE=${serialization}`];
  return [
    ...(env ?? pairsOf(process.env)).filter((pair) => !/^NODE_CHANNEL_(FD|SERIALIZATION_MODE)=/.test(pair)),
    ...channel,
  ];
}
