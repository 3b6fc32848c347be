import {
  invalidType,
  validateBoolean,
  validateInteger,
  validateKnownKeys,
  validateObject,
  validateString,
} from '../errors/validate';
import { NamespaceProcess } from './namespace-process';
import type { ProgramOptions, SpawnOptions } from './options';
import { PROGRAM_OPTIONS, type Program, parseProgram, startProgram, validateArgs, validateFile } from './program';
import { signalNumber } from './signals';
import { StdioDescriptors, type StdioSlot, parseStdio } from './stdio';

/** All that `spawn()` was asked, checked. */
export interface SpawnRequest {
  readonly program: Program;
  readonly stdio: readonly StdioSlot[];
  readonly timeout: number;
  readonly killSignal: number;
}

/** The longest that setTimeout() takes. */
const MAX_TIMEOUT = 2 ** 31 - 1;

const OWN_OPTIONS: Record<Exclude<keyof SpawnOptions, keyof ProgramOptions>, true> = {
  stdio: true,
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
 * What `child_process.spawn()` throws or emits is a rejection here: a `TypeError` or `RangeError` for bad arguments,
 * before anything is started; a `NamespaceError` with `step`, `path` and `hint` when a step fails, `ENOENT` for a file
 * that is not there included: then nothing is left of it; an `AbortError` when `options.signal` is aborted before the
 * program runs.
 *
 * New namespaces of other kinds than `user` take CAP_SYS_ADMIN, or a new user namespace with them. clone(2), setns(2),
 * execve(2), namespaces(7)
 *
 * @param file - a path, or a name to be looked for in the PATH of the program's environment, in the root it will have
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
export function sortArguments(args: unknown, options: unknown): [args: string[], options: object] {
  if (args != null && typeof args !== 'object') throw invalidType('args', 'of type object', args);
  if (args != null && !Array.isArray(args)) return [[], args];
  const list: unknown = args ?? [];
  const bag = options === undefined ? {} : options;
  validateArgs('args', list);
  validateObject('options', bag);
  return [list, bag];
}

/** Checks everything but the names of the options. */
export function parseSpawn(file: unknown, args: readonly string[], options: SpawnOptions): SpawnRequest {
  validateFile('file', file);
  const shell = parseShell(options.shell);
  const command: [string, readonly string[]] =
    shell === undefined ? [file, args] : [shell, ['-c', [file, ...args].join(' ')]];
  for (const name of ['windowsHide', 'windowsVerbatimArguments'] as const) {
    if (options[name] != null) validateBoolean(`options.${name}`, options[name]);
  }
  return {
    program: parseProgram(...command, options),
    stdio: parseStdio(options.stdio),
    timeout: parseTimeout(options.timeout),
    killSignal: signalNumber('options.killSignal', options.killSignal ?? 'SIGTERM'),
  };
}

/** Makes the pipes, starts the program, and keeps none of the descriptors that are the child's. */
export async function startSpawn({ program, stdio, timeout, killSignal }: SpawnRequest): Promise<NamespaceProcess> {
  const descriptors = new StdioDescriptors(stdio);
  try {
    const task = await startProgram(program, descriptors.childFds);
    descriptors.releaseChildEnds();
    const { file, argv, signal } = program;
    return new NamespaceProcess({ task, file, argv, streams: descriptors.streams(), timeout, killSignal, signal });
  } catch (error) {
    descriptors.discard();
    throw error;
  }
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
