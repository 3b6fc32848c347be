import {
  invalidType,
  invalidValue,
  outOfRange,
  validateBoolean,
  validateInteger,
  validateKnownKeys,
  validateObject,
  validateOneOf,
  validateString,
} from '../errors/validate';
import { plain } from '../errors/plain';
import { closeFd } from '../handle/close';
import { systemError } from '../errors/system-error';
import type { Task } from '../task/task';
import type { ChannelFormat } from './ipc/channel';
import { SERIALIZATIONS, type Serialization } from './ipc/codec';
import { Deadline } from './deadline';
import { NamespaceProcess } from './namespace-process';
import type { ProgramOptions, SpawnOptions } from './program-options';
import {
  type Confine,
  PROGRAM_OPTIONS,
  type Program,
  parseEnv,
  parseProgram,
  startProgram,
  validateArgs,
  validateFile,
} from './program';
import { Pty, type TerminalSize, parsePty } from './pty';
import { signalNumber } from './signals';
import { StdioDescriptors, type StdioSlot, channelFd, parseStdio } from './stdio';

/** All that `spawn()` was asked, checked. */
export interface SpawnRequest {
  readonly program: Program;
  readonly stdio: readonly StdioSlot[];
  /** A terminal in place of stdio. */
  readonly pty?: TerminalSize | undefined;
  /** Of the IPC channel that stdio may have. */
  readonly format: ChannelFormat;
  readonly timeout: number;
  readonly killSignal: number;
}

/** The longest that setTimeout() takes. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** 64 MiB. */
const MAX_MESSAGE_SIZE = 64 * 1024 * 1024;

const OWN_OPTIONS: Record<Exclude<keyof SpawnOptions, keyof ProgramOptions>, true> = {
  stdio: true,
  pty: true,
  serialization: true,
  maxMessageSize: true,
  timeout: true,
  killSignal: true,
  shell: true,
  windowsHide: true,
  windowsVerbatimArguments: true,
};

/** The names of {@link SpawnOptions}. */
export const SPAWN_OPTIONS: readonly string[] = [...PROGRAM_OPTIONS, ...Object.keys(OWN_OPTIONS)];

/**
 * Starts a program in new namespaces (`unshare`), in existing ones (`setns`), in both, or in those of this process.
 * Resolves when the program runs; the event loop is not blocked meanwhile, however large this process is.
 *
 * Where `child_process.spawn()` throws or emits `'error'`, this rejects: with a `TypeError` or `RangeError` for bad
 * arguments, before anything is started; with a `NamespaceError` that has `step`, `path` and `hint` when a step fails
 * (`ENOENT` when there is no such file), after which nothing is left behind; with an `AbortError` when `options.signal`
 * is aborted before the program runs.
 *
 * Namespaces of other kinds than `user` need CAP_SYS_ADMIN, or a new user namespace beside them. clone(2), setns(2),
 * execve(2), namespaces(7)
 *
 * @param file - a path, or a name that is looked up in the PATH of the program's environment, in the root it will have
 * @param args - without `argv[0]`. Default: none
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
  validateKnownKeys('options', bag, SPAWN_OPTIONS);
  return startSpawn(parseSpawn(file, list, bag));
}

/** `(args?, options?)`, either of which may be left out. */
export function sortArguments(first: unknown, second: unknown): [args: string[], options: object] {
  const [args, options] = [plain(first), plain(second)];
  if (args != null && typeof args !== 'object') throw invalidType('args', 'of type object', args);
  if (args != null && !Array.isArray(args)) return [[], args];
  const list: unknown = args ?? [];
  const bag = options === undefined ? {} : options;
  validateArgs('args', list);
  validateObject('options', bag);
  return [list, bag];
}

/** Checks everything but the names of the options. */
export function parseSpawn(
  file: unknown,
  args: readonly string[],
  options: SpawnOptions,
  confine: Confine = (program) => program,
): SpawnRequest {
  validateFile('file', file);
  const shell = parseShell(options.shell);
  const command: [string, readonly string[]] =
    shell === undefined ? [file, args] : [shell, ['-c', [file, ...args].join(' ')]];
  for (const name of ['windowsHide', 'windowsVerbatimArguments'] as const) {
    if (options[name] != null) validateBoolean(`options.${name}`, options[name]);
  }
  const pty = parseTerminal(options);
  const format = parseFormat(options);
  const program = confine(parseProgram(...command, options));
  const stdio = parseStdio(pty === undefined ? options.stdio : 'ignore');
  return {
    program: { ...program, env: channelEnv(program.env, channelFd(stdio), format.serialization) },
    stdio,
    pty,
    format,
    timeout: parseTimeout(options.timeout),
    killSignal: signalNumber('options.killSignal', options.killSignal ?? 'SIGTERM'),
  };
}

/** Makes the pipes, starts the program, and keeps none of the descriptors that are the child's. */
export async function startSpawn(
  request: SpawnRequest,
  deadline: Deadline = deadlineOf(request),
): Promise<NamespaceProcess> {
  const { program, stdio, pty, format, killSignal } = request;
  const descriptors = new StdioDescriptors(stdio, program.nullDevice);
  try {
    const bounded = { ...program, signal: deadline.signal };
    const { task, cgroup } = await startProgram(bounded, pty ?? descriptors.childFds);
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
    throw error;
  } finally {
    deadline.end();
  }
}

/** The time of a request, which runs from here on. */
export function deadlineOf({ timeout, program }: SpawnRequest): Deadline {
  return new Deadline(timeout, program.signal);
}

/** A program whose terminal cannot be watched is not one to keep. */
function openPty(task: Task, size: TerminalSize): Pty {
  const [fd = -1] = task.fds.splice(0);
  try {
    return new Pty(fd, size);
  } catch (error) {
    task.end();
    closeFd(fd);
    throw systemError(error, { step: 'open a terminal', operation: 'pty' });
  }
}

function parseTerminal({ pty, stdio, newSession }: SpawnOptions): TerminalSize | undefined {
  if (pty == null) return undefined;
  if (stdio != null)
    throw invalidValue('options.pty', pty, 'cannot be given with options.stdio, which it takes the place of');
  if (newSession === false) {
    throw invalidValue(
      'options.newSession',
      newSession,
      'cannot be false with options.pty, the terminal of a session of its own',
    );
  }
  return parsePty(pty);
}

function parseFormat({ serialization, maxMessageSize }: SpawnOptions): ChannelFormat {
  const format = { serialization: serialization ?? 'json', maxMessageSize: maxMessageSize ?? MAX_MESSAGE_SIZE };
  validateOneOf('options.serialization', format.serialization, SERIALIZATIONS);
  if (typeof format.maxMessageSize !== 'number')
    throw invalidType('options.maxMessageSize', 'of type number', maxMessageSize);
  if (!(format.maxMessageSize > 0)) throw outOfRange('options.maxMessageSize', 'a positive number', maxMessageSize);
  return format;
}

/** How a Node that is a child finds its end of the IPC channel. */
function channelEnv(
  env: readonly string[] | null,
  fd: number | undefined,
  serialization: Serialization,
): readonly string[] | null {
  if (fd === undefined) return env;
  const channel = [`NODE_CHANNEL_FD=${fd}`, `NODE_CHANNEL_SERIALIZATION_MODE=${serialization}`];
  return [
    ...(env ?? parseEnv(process.env)).filter((pair) => !/^NODE_CHANNEL_(FD|SERIALIZATION_MODE)=/.test(pair)),
    ...channel,
  ];
}

function parseShell(shell: unknown): string | undefined {
  if (shell == null || shell === false || shell === '') return undefined;
  if (shell === true) return '/bin/sh';
  if (typeof shell !== 'string') throw invalidType('options.shell', 'one of type boolean or string', shell);
  validateString('options.shell', shell);
  return shell;
}

function parseTimeout(timeout: unknown): number {
  if (timeout == null) return 0;
  validateInteger('options.timeout', timeout, 0, MAX_TIMEOUT);
  return timeout;
}
