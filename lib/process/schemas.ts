/** The options of all functions that start a program, and the check of each option. */
import { parseCgroup } from '../cgroup/cgroup-spec';
import {
  type Check,
  type Checked,
  type Parser,
  abortSignal,
  boolean,
  copied,
  encoding,
  fd,
  integer,
  list,
  milliseconds,
  oneOf,
  orNull,
  required,
  schema,
  schemaOf,
  string,
  without,
} from '../errors/schema';
import { optionOf } from '../errors/plain';
import {
  invalidType,
  invalidValue,
  outOfRange,
  validateObject,
  validatePath,
  validateString,
} from '../errors/validate';
import { MAX_ID } from '../kernel/ids';
import { parseLandlock } from '../landlock/landlock-options';
import { validateJoin } from '../launch/join';
import { validateUnshare } from '../launch/unshare-spec';
import { parseMount } from '../mount/mount';
import { PRIVILEGES } from './capabilities';
import { SERIALIZATIONS } from './ipc/codec';
import { programInput } from './input';
import { LIMITS } from './limits';
import type {
  CloneOptions,
  ExecFileOptions,
  ExecOptions,
  ForkOptions,
  ProgramOptions,
  SpawnOptions,
} from './program-options';
import { parsePty } from './pty';
import { signalNumber } from './signals';

/**
 * The kernel's limits: pids are below PID_MAX_LIMIT, proc_sys_kernel(5); pid namespaces are nested at most 32 deep,
 * clone3(2), EINVAL.
 */
const MAX_PID = 2 ** 22 - 1;
const MOST_PIDS = 32;

const id = integer(0, MAX_ID);
const pathOrFd: Check<string | number> = (name, value) =>
  typeof value === 'number' ? fd(name, value) : validatePath(name, value);

/**
 * Copies the environment. As in Node, inherited variables count, though not those of `Object.prototype`. Their values
 * are checked when the program is made.
 */
const environment: Check<Record<string, unknown>> = (name, value) => {
  validateObject(name, value);
  const variables: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const key in value) variables[key] = optionOf(value, key);
  return variables;
};

const pid = integer(1, MAX_PID);
const pids: Check<number[]> = (name, value) => {
  if (!Array.isArray(value)) return [pid(name, value)];
  if (value.length > 0 && value.length <= MOST_PIDS) return list(pid)(name, value);
  throw invalidValue(name, value, `must name 1 to ${MOST_PIDS} pids`);
};

const file: Check<string> = (name, value) => {
  validateString(name, value);
  if (value !== '') return value;
  throw invalidValue(name, value, 'cannot be empty');
};

const maxMessageSize: Check<number> = (name, value) => {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
  if (value > 0) return value;
  throw outOfRange(name, 'a positive number', value);
};

const maxBuffer: Check<number> = (name, value) => {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
  if (value >= 0) return value;
  throw outOfRange(name, 'a positive number', value);
};

/** Checks the shell that runs a command line; undefined for none. */
const shell: Check<string | undefined> = (name, value) => {
  if (value === false || value === '') return undefined;
  if (value === true) return '/bin/sh';
  if (typeof value !== 'string') throw invalidType(name, 'one of type boolean or string', value);
  return string(name, value);
};

const encodingOrBuffer: Check<BufferEncoding | 'buffer'> = (name, value) =>
  value === null || value === 'buffer' ? 'buffer' : encoding(name, value);

const PROGRAM = schema<ProgramOptions>()({
  cwd: orNull(pathOrFd),
  root: orNull(pathOrFd),
  mounts: orNull(list(parseMount)),
  env: orNull(environment),
  argv0: orNull(string),
  detached: orNull(boolean),
  newSession: orNull(boolean),
  uid: orNull(id),
  gid: orNull(id),
  groups: orNull(list(id)),
  unshare: orNull(validateUnshare),
  setns: orNull(validateJoin),
  init: orNull(boolean),
  pid: orNull(pids),
  dieWithParent: orNull(boolean),
  noNewPrivileges: orNull(boolean),
  ...PRIVILEGES.checks,
  seccomp: orNull(copied),
  landlock: orNull(parseLandlock),
  ...LIMITS.checks,
  cgroup: orNull(parseCgroup),
  signal: orNull(abortSignal),
});

/** The options that all programs have, checked. */
export type CheckedProgram = Checked<typeof PROGRAM.checks>;

const OF_SPAWN = schema<SpawnOptions>()({
  ...PROGRAM.checks,
  stdio: orNull(copied),
  pty: orNull(parsePty),
  serialization: orNull(oneOf(SERIALIZATIONS)),
  maxMessageSize: orNull(maxMessageSize),
  timeout: orNull(milliseconds),
  killSignal: orNull(signalNumber),
  shell: orNull(shell),
  windowsHide: orNull(boolean),
  windowsVerbatimArguments: orNull(boolean),
});

const OF_EXEC_FILE = schema<ExecFileOptions>()({
  ...without(OF_SPAWN.checks, 'stdio', 'pty', 'serialization', 'maxMessageSize'),
  encoding: encodingOrBuffer,
  input: orNull(programInput),
  maxBuffer: orNull(maxBuffer),
});

const OF_EXEC = schema<ExecOptions>()({
  ...OF_EXEC_FILE.checks,
  // Any value that is not the name of a shell means /bin/sh, as in Node.
  shell: (name, value) => (typeof value === 'string' && value !== '' ? string(name, value) : '/bin/sh'),
});

const OF_FORK = schema<ForkOptions>()({
  ...without(OF_SPAWN.checks, 'shell', 'pty'),
  execPath: orNull(validatePath),
  execArgv: orNull(list(string)),
  silent: orNull(boolean),
  hostNode: orNull(boolean),
});

export const parseClone = schema<CloneOptions>()({
  ...PROGRAM.checks,
  file: required(file),
  args: list(string),
  stdio: list(fd),
});

/** The schemas of the functions that a set of namespaces has as methods. */
export interface Schemas {
  readonly spawn: Parser<CheckedSpawn>;
  readonly prepare: Parser<CheckedSpawn>;
  readonly execFile: Parser<CheckedExecFile>;
  readonly exec: Parser<CheckedExec>;
  readonly fork: Parser<CheckedFork>;
}

/** The schemas of the functions, without the options that the caller may not give. */
export function schemasWithout<K extends keyof ProgramOptions = never>(...withheld: readonly K[]) {
  return {
    spawn: schemaOf(without(OF_SPAWN.checks, ...withheld)),
    prepare: schemaOf(without(without(OF_SPAWN.checks, 'timeout'), ...withheld)),
    execFile: schemaOf(without(OF_EXEC_FILE.checks, ...withheld)),
    exec: schemaOf(without(OF_EXEC.checks, ...withheld)),
    fork: schemaOf(without(OF_FORK.checks, ...withheld)),
  };
}

export const SCHEMAS = schemasWithout();

export type CheckedSpawn = Checked<typeof OF_SPAWN.checks>;
export type CheckedExecFile = Checked<typeof OF_EXEC_FILE.checks>;
export type CheckedExec = Checked<typeof OF_EXEC.checks>;
export type CheckedFork = Checked<typeof OF_FORK.checks>;

/** Checks the name of a program, as an argument or an option. */
export const parseFile = file;

/** Checks the arguments of a program. Unlike in Node, a value that is not a string is an error. */
export const parseArgs = list(string);
