import { isAbsolute } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import type { Step } from '../../types/native';
import { type Target, launch, validateJoin, validateUnshare } from '../launch/target';
import type { Task } from '../launch/task';
import {
  invalidType,
  invalidValue,
  validateAbortSignal,
  validateArray,
  validateBoolean,
  validateInteger,
  validateObject,
  validatePath,
  validateString,
} from '../errors/validate';
import type { ProgramOptions } from './options';

/** A program to be started, everything about it checked. */
export interface Program {
  readonly file: string;
  readonly argv: readonly string[];
  /** `NAME=value`; null for this process's own. */
  readonly env: readonly string[] | null;
  readonly cwd: Directory | undefined;
  readonly detached: boolean;
  readonly ids: Ids;
  readonly noNewPrivileges: boolean;
  readonly target: Target;
  readonly init: boolean;
  readonly dieWithParent: boolean;
  readonly signal: AbortSignal | undefined;
}

interface Directory {
  readonly path: string;
  /** Whether the root does where the path does not exist. */
  readonly orRoot: boolean;
}

interface Ids {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly groups: readonly number[] | undefined;
}

/** (uid_t)-1 means "unchanged" to the kernel: setresuid(2). */
const MAX_ID = 2 ** 32 - 2;

const UNCHANGED = -1;

const SIGKILL = 9;

const KNOWN: Record<keyof ProgramOptions, true> = {
  cwd: true,
  env: true,
  argv0: true,
  detached: true,
  uid: true,
  gid: true,
  groups: true,
  unshare: true,
  setns: true,
  init: true,
  dieWithParent: true,
  noNewPrivileges: true,
  signal: true,
};

/** The names of {@link ProgramOptions}. */
export const PROGRAM_OPTIONS: readonly string[] = Object.keys(KNOWN);

/**
 * Checks the options that all ways to start a program have in common.
 *
 * @param argv - `argv[0]` is filled in from the options
 * @throws TypeError, RangeError with Node's codes; `ERR_LINUX_NS_CLOSED` for a closed namespace
 */
export function parseProgram(file: string, args: readonly string[], options: ProgramOptions): Program {
  const target = parseTarget(options);
  const argv0 = options.argv0 ?? file;
  validateString('options.argv0', argv0);
  if (options.signal != null) validateAbortSignal('options.signal', options.signal);
  return {
    file,
    argv: [argv0, ...args],
    env: options.env == null ? ownEnv() : parseEnv(options.env),
    cwd: parseDirectory(options.cwd, target),
    detached: flag('detached', options.detached, false),
    ids: { uid: parseId('uid', options.uid), gid: parseId('gid', options.gid), groups: parseGroups(options.groups) },
    noNewPrivileges: flag('noNewPrivileges', options.noNewPrivileges, false),
    target,
    init: parseInit(options.init, target),
    dieWithParent: flag('dieWithParent', options.dieWithParent, true),
    signal: options.signal ?? undefined,
  };
}

/** Names the program, as an argument called `name`. */
export function validateFile(name: string, file: unknown): asserts file is string {
  validateString(name, file);
  if (file === '') throw invalidValue(name, file, 'cannot be empty');
}

/** The arguments of a program; unlike Node's, what is no string is not made one. */
export function validateArgs(name: string, args: unknown): asserts args is string[] {
  validateArray(name, args);
  args.forEach((arg, index) => validateString(`${name}[${index}]`, arg));
}

/** Starts the program with these descriptors as 0, 1, 2, ...; resolves when it runs. */
export function startProgram(program: Program, stdio: readonly number[]): Promise<Task> {
  const { init, dieWithParent, signal } = program;
  return launch(program.target, {
    init: init ? { dieWithParent } : undefined,
    ids: program.ids.uid === undefined || program.ids.gid === undefined ? 'default' : 'given',
    steps: stepsOf(program, stdio),
    signal,
    dieWithEnvironment: dieWithParent,
  });
}

/** What is done in the new task once it is in its namespaces. The signal goes last: changes of ids clear it. */
function stepsOf(program: Program, stdio: readonly number[]): Step[] {
  const { cwd, ids, file, argv, env } = program;
  const steps: Step[] = [];
  if (program.detached) steps.push(['setsid']);
  if (cwd !== undefined) steps.push(['chdir', cwd.path, cwd.orRoot ? 1 : 0]);
  steps.push(...idSteps(ids, program.target));
  if (program.noNewPrivileges) steps.push(['no_new_privs']);
  steps.push(['stdio', [...stdio]]);
  if (program.dieWithParent && !program.init) steps.push(['die_with_parent', SIGKILL, process.pid]);
  steps.push(['exec', file, [...argv], env === null ? null : [...env]]);
  return steps;
}

function idSteps({ uid, gid, groups }: Ids, target: Target): Step[] {
  const dropped = groups ?? groupsDroppedWith(uid ?? gid, target);
  if (uid === undefined && gid === undefined && dropped === undefined) return [];
  return [['ids', uid ?? UNCHANGED, gid ?? UNCHANGED, dropped === undefined ? 0 : 1, [...(dropped ?? [])]]];
}

/**
 * Root that becomes someone else does not take root's groups along, as in libuv's uv_spawn. In a user namespace it may be
 * that setgroups(2) is denied: there they are dropped with the default ids, where that is possible.
 */
function groupsDroppedWith(id: number | undefined, target: Target): readonly number[] | undefined {
  return id !== undefined && !entersUserNamespace(target) && process.geteuid?.() === 0 ? [] : undefined;
}

function entersUserNamespace({ unshare, join }: Target): boolean {
  return unshare?.user !== undefined || join?.some((namespace) => namespace.kind === 'user') === true;
}

function parseTarget({ unshare, setns }: ProgramOptions): Target {
  return {
    unshare: unshare == null ? undefined : validateUnshare('options.unshare', unshare),
    join: setns == null ? undefined : validateJoin('options.setns', setns),
  };
}

function parseInit(init: unknown, { unshare }: Target): boolean {
  const possible = unshare?.pid !== undefined;
  const wanted = flag('init', init, possible);
  if (!wanted || possible) return wanted;
  throw invalidValue('options.init', init, "can be true only with a new pid namespace ('pid' in options.unshare)");
}

/** Joining a mount namespace moves the root and the current directory to its root: setns(2). */
function parseDirectory(cwd: unknown, { join }: Target): Directory | undefined {
  const moved = join?.some((namespace) => namespace.kind === 'mnt') === true;
  if (cwd == null) return moved ? { path: currentDirectory(), orRoot: true } : undefined;
  const path = validatePath('options.cwd', cwd);
  // Not path.resolve(): to the kernel `link/..` is where the link leads, and up from there.
  return { path: moved && !isAbsolute(path) ? `${currentDirectory()}/${path}` : path, orRoot: false };
}

/** Where our own directory has been removed there is no path to it any more. */
function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}

/** What `process.env` is, unless somebody puts another object in its place. */
const libcEnv = process.env;

/** It is the environment of libc in the main thread only: a Worker has a copy, or what it was given. */
function ownEnv(): string[] | null {
  return isMainThread && process.env === libcEnv ? null : parseEnv(process.env);
}

/** As Node: inherited properties count, undefined ones don't, and what is no string becomes one. */
function parseEnv(env: unknown): string[] {
  validateObject('options.env', env);
  const pairs: string[] = [];
  for (const name in env) {
    const value: unknown = (env as Record<string, unknown>)[name];
    if (value === undefined) continue;
    const pair = `${name}=${textOf(name, value)}`;
    validateString(`options.env['${name}']`, pair);
    pairs.push(pair);
  }
  return pairs;
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || ['number', 'bigint', 'boolean'].includes(typeof value))
    return `${value as number | bigint | boolean | null}`;
  throw invalidType(`options.env['${name}']`, 'of type string', value);
}

function parseId(name: 'uid' | 'gid', id: unknown): number | undefined {
  if (id == null) return undefined;
  validateInteger(`options.${name}`, id, 0, MAX_ID);
  return id;
}

function parseGroups(groups: unknown): readonly number[] | undefined {
  if (groups == null) return undefined;
  validateArray('options.groups', groups);
  return groups.map((group, index) => {
    validateInteger(`options.groups[${index}]`, group, 0, MAX_ID);
    return group;
  });
}

function flag(name: keyof ProgramOptions, value: unknown, otherwise: boolean): boolean {
  const chosen = value ?? otherwise;
  validateBoolean(`options.${name}`, chosen);
  return chosen;
}
