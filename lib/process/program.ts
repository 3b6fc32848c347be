import { MAX_ID } from '../kernel/ids';
import { isAbsolute, normalize } from 'node:path';
import { isatty } from 'node:tty';
import { isMainThread } from 'node:worker_threads';
import type { Step } from '../../types/native';
import { type Target, joins, launch } from '../launch/launch';
import { validateJoin } from '../launch/join';
import { validateUnshare } from '../launch/unshare-spec';
import type { Task } from '../task/task';
import {
  invalidType,
  invalidValue,
  validateAbortSignal,
  validateArray,
  validateBoolean,
  validateFd,
  validateInteger,
  validateObject,
  validatePath,
  validateString,
} from '../errors/validate';
import { stepsOfMount } from '../mount/mount';
import { native } from '../native';
import { type CgroupPlan, parseCgroup } from '../cgroup/cgroup-spec';
import { type Filter, parseSeccomp, seccompSteps } from '../seccomp/seccomp';
import { type Capabilities, capabilitySteps, givenCapabilities, keepSteps, parseCapabilities } from './capabilities';
import { type Running, startInCgroup } from './in-cgroup';
import { type Limits, firstSteps, lastSteps, limitSteps, parseLimits } from './limits';
import { type HostNode, hostNodeCommand } from './host-node';
import type { ProgramOptions } from './program-options';
import type { TerminalSize } from './pty';
import type { Descriptors } from './stdio';

/** A program to be started, everything about it checked. */
export interface Program {
  readonly file: string;
  readonly argv: readonly string[];
  /** `NAME=value`; null for this process's own. */
  readonly env: readonly string[] | null;
  readonly root: string | number | undefined;
  readonly mounts: readonly Step[];
  readonly cwd: Directory | number | undefined;
  /** Undefined: as {@link startsSession} has it. */
  readonly newSession: boolean | undefined;
  readonly ids: Ids;
  readonly noNewPrivileges: boolean;
  readonly capabilities: Capabilities | undefined;
  readonly seccomp: readonly Filter[];
  readonly limits: Limits;
  readonly cgroup: CgroupPlan | undefined;
  /** A descriptor of the cgroup it is born in, where that is there already. */
  readonly bornIn?: number | undefined;
  /** A descriptor of /dev/null, for a program that must not have the host's: see {@link StdioDescriptors}. */
  readonly nullDevice?: number | undefined;
  /** Whether it is not to have the session keyring of this process. */
  readonly newKeyring?: boolean | undefined;
  readonly target: Target;
  readonly init: boolean;
  /** From its own pid namespace outwards; none: as the kernel has it. */
  readonly pids: readonly number[];
  readonly dieWithParent: boolean;
  readonly signal: AbortSignal | undefined;
  /** Run with the host's Node, in a root that has none. */
  readonly hostNode?: HostNode | undefined;
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

const UNCHANGED = -1;

/** The kernel's limits: PID_MAX_LIMIT, proc_sys_kernel(5), below which pids are; and clone3(2), EINVAL. */
const MAX_PID = 2 ** 22 - 1;
const MOST_PIDS = 32;

const SIGKILL = 9;

const KNOWN: Record<keyof ProgramOptions, true> = {
  cwd: true,
  root: true,
  mounts: true,
  env: true,
  argv0: true,
  detached: true,
  newSession: true,
  uid: true,
  gid: true,
  groups: true,
  unshare: true,
  setns: true,
  init: true,
  pid: true,
  dieWithParent: true,
  noNewPrivileges: true,
  capabilities: true,
  seccomp: true,
  securebits: true,
  rlimits: true,
  niceness: true,
  umask: true,
  oomScoreAdj: true,
  cpuAffinity: true,
  personality: true,
  cgroup: true,
  signal: true,
};

/** What is changed about a program that was checked, before it is started. */
export type Confine = (program: Program) => Program;

/** The names of {@link ProgramOptions}. */
export const PROGRAM_OPTIONS: readonly string[] = Object.keys(KNOWN);

/**
 * Checks the options that all ways to start a program have in common.
 *
 * @param argv - `argv[0]` is filled in from the options
 * @throws TypeError, RangeError with Node's codes; `ERR_LINUX_NS_CLOSED` for a closed namespace
 */
export function parseProgram(file: string, args: readonly string[], options: ProgramOptions): Program {
  refuseOwnName(file);
  const target = parseTarget(options);
  const argv0 = options.argv0 ?? file;
  const capabilities = parseCapabilities(options);
  const seccomp = parseFilters(options, target);
  validateString('options.argv0', argv0);
  if (options.signal != null) validateAbortSignal('options.signal', options.signal);
  const init = parseInit(options.init, target);
  return {
    file,
    argv: [argv0, ...args],
    env: options.env == null ? ownEnv() : parseEnv(options.env),
    root: parseRoot(options.root),
    mounts: parseMounts(options.mounts, target),
    cwd: parseDirectory(options, target),
    newSession: parseSession(options),
    ids: { uid: parseId('uid', options.uid), gid: parseId('gid', options.gid), groups: parseGroups(options.groups) },
    noNewPrivileges: flag('noNewPrivileges', options.noNewPrivileges, seccomp.length > 0),
    capabilities,
    seccomp,
    limits: parseLimits(options),
    cgroup: parseCgroup('options.cgroup', options.cgroup),
    target,
    init,
    pids: parsePids(options.pid, target, init),
    dieWithParent: flag('dieWithParent', options.dieWithParent, true),
    signal: options.signal ?? undefined,
  };
}

/** Names the program, as an argument called `name`. */
export function validateFile(name: string, file: unknown): asserts file is string {
  validateString(name, file);
  if (file === '') throw invalidValue(name, file, 'cannot be empty');
}

/** What starts the program would start itself: until its exec, these names are nsinit's. proc_pid_exe(5) */
function refuseOwnName(file: string): void {
  if (!/^\/proc\/(self|thread-self|self\/task\/\d+)\/exe$/.test(normalize(file))) return;
  throw invalidValue('file', file, 'names what starts programs, and not this process: give process.execPath for Node');
}

/** The arguments of a program; unlike Node's, what is no string is not made one. */
export function validateArgs(name: string, args: unknown): asserts args is string[] {
  validateArray(name, args);
  args.forEach((arg, index) => validateString(`${name}[${index}]`, arg));
}

/**
 * Starts the program with these descriptors as 0, 1, 2, ..., or with a new terminal, of which `task.fds` then has the
 * master; resolves when it runs.
 */
export async function startProgram(program: Program, stdio: Descriptors | TerminalSize): Promise<Running> {
  const end = { diesWithProcess: program.dieWithParent };
  return startInCgroup(program.cgroup, end, (cgroup) => startBornIn(cgroup ?? program.bornIn, program, stdio));
}

async function startBornIn(
  cgroup: number | undefined,
  program: Program,
  stdio: Descriptors | TerminalSize,
): Promise<Task> {
  const { init, dieWithParent, signal } = program;
  const task = await launch(program.target, {
    init: init ? { dieWithParent } : undefined,
    pids: program.pids,
    ids: program.ids.uid === undefined || program.ids.gid === undefined ? 'default' : 'given',
    first: firstSteps(program.limits),
    steps: stepsOf(program, stdio),
    files: program.hostNode?.files,
    signal,
    dieWithEnvironment: dieWithParent,
    cgroup,
  });
  // A shell gives the terminal back, but not to a process group that it can't see from its pid namespace.
  if (hasTerminal(stdio)) void task.exited.then(() => native().reclaimTerminal());
  return task;
}

function isSize(stdio: Descriptors | TerminalSize): stdio is TerminalSize {
  return 'cols' in stdio;
}

function hasTerminal(stdio: Descriptors | TerminalSize): boolean {
  return !isSize(stdio) && stdio.some((fd) => fd !== null && isatty(fd));
}

/**
 * In the session of this process a program can open its terminal, /dev/tty, whatever it has as stdio, and type into it
 * (TIOCSTI, ioctl_tty(2)): what namespaces are to keep in would be out. A program that is given the terminal is to have
 * it, and can control jobs only in the terminal's session.
 */
function startsSession({ newSession, target }: Program, stdio: Descriptors): boolean {
  const isolated = target.unshare !== undefined || target.join !== undefined;
  return newSession ?? (isolated && !hasTerminal(stdio));
}

/**
 * What is done in the new task once it is in its namespaces: first what takes privileges that the ids may take away. The
 * signal goes last: changes of ids and of capabilities clear it.
 */
function stepsOf(program: Program, stdio: Descriptors | TerminalSize): Step[] {
  const { cwd, ids, file, argv, env } = program;
  const steps: Step[] = [];
  if (!isSize(stdio)) steps.push(...sessionSteps(program, stdio));
  steps.push(...rootSteps(program.root), ...program.mounts);
  if (typeof cwd === 'number') steps.push(['fchdir', cwd]);
  else if (cwd !== undefined) steps.push(['chdir', cwd.path, cwd.orRoot ? 1 : 0]);
  steps.push(...limitSteps(program.limits), ...keepSteps(program.capabilities), ...idSteps(ids, program.target));
  if (program.newKeyring === true) steps.push(['new_keyring']);
  if (program.noNewPrivileges) steps.push(['no_new_privs']);
  steps.push(...capabilitySteps(program.capabilities));
  steps.push(isSize(stdio) ? ['pty', stdio.cols, stdio.rows] : ['stdio', [...stdio]]);
  steps.push(...lastSteps(program.limits));
  if (program.dieWithParent && !program.init) steps.push(['die_with_parent', SIGKILL, process.pid]);
  steps.push(...seccompSteps(program.seccomp));
  const [run, args] = program.hostNode === undefined ? [file, argv] : hostNodeCommand(program.hostNode, file, argv);
  steps.push(['exec', run, [...args], env === null ? null : [...env]]);
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

/**
 * From a new pid namespace this process's group can't be named, and most shells fail at giving the terminal back to it.
 * So there a program that reads the terminal starts in front, in a group of its own, as from a shell. A joined pid
 * namespace is left out: there the program could be stopped (Ctrl-Z), with nobody to see to it.
 */
function sessionSteps(program: Program, stdio: Descriptors): Step[] {
  if (startsSession(program, stdio)) return [['setsid']];
  const [input] = stdio;
  const reads = input != null && native().isInForeground(input);
  return reads && program.target.unshare?.pid !== undefined ? [['foreground', input]] : [];
}

/** Programs in a pid namespace of theirs see no others, and so can trace none. */
function parseFilters(options: ProgramOptions, { unshare, join }: Target): readonly Filter[] {
  const apart = unshare?.pid !== undefined || join?.some(({ kind }) => kind === 'pid') === true;
  const capabilities = givenCapabilities(options);
  return parseSeccomp('options.seccomp', options.seccomp, { capabilities, seesOthers: !apart });
}

function parseSession({ detached, newSession }: ProgramOptions): boolean | undefined {
  const apart = flag('detached', detached, false);
  if (newSession == null) return apart ? true : undefined;
  validateBoolean('options.newSession', newSession);
  if (newSession || !apart) return newSession;
  throw invalidValue(
    'options.newSession',
    newSession,
    'cannot be false with options.detached, which is such a session',
  );
}

function parseInit(init: unknown, { unshare }: Target): boolean {
  const possible = unshare?.pid !== undefined;
  const wanted = flag('init', init, possible);
  if (!wanted || possible) return wanted;
  throw invalidValue('options.init', init, "can be true only with a new pid namespace ('pid' in options.unshare)");
}

/** The first process of a pid namespace is 1, and it has one 1 only: pid_namespaces(7). */
function parsePids(pid: unknown, { unshare }: Target, init: boolean): readonly number[] {
  if (pid == null) return [];
  const pids = listOfPids(pid);
  const isFirst = unshare?.pid !== undefined && !init;
  if (isFirst && pids[0] !== 1)
    throw invalidValue(
      'options.pid',
      pid,
      'must be 1 for the first process of a new pid namespace (options.init: false)',
    );
  if (init && pids[0] === 1)
    throw invalidValue('options.pid', pid, 'cannot be 1, which the init of the new pid namespace is');
  return pids;
}

function listOfPids(pid: unknown): readonly number[] {
  if (!Array.isArray(pid)) {
    validateInteger('options.pid', pid, 1, MAX_PID);
    return [pid];
  }
  if (pid.length === 0 || pid.length > MOST_PIDS)
    throw invalidValue('options.pid', pid, `must name 1 to ${MOST_PIDS} pids`);
  return pid.map((each: unknown, index) => {
    validateInteger(`options.pid[${index}]`, each, 1, MAX_PID);
    return each;
  });
}

/** Joining a mount namespace moves the root and the current directory to its root: setns(2). */
function parseDirectory({ cwd, root }: ProgramOptions, { join }: Target): Directory | number | undefined {
  if (typeof cwd === 'number') {
    validateFd('options.cwd', cwd);
    return cwd;
  }
  const moved = join?.some((namespace) => namespace.kind === 'mnt') === true;
  if (cwd == null) return moved && root == null ? { path: currentDirectory(), orRoot: true } : undefined;
  const path = validatePath('options.cwd', cwd);
  // Not path.resolve(): to the kernel `link/..` is where the link leads, and up from there.
  const isOurs = moved && root == null && !isAbsolute(path);
  return { path: isOurs ? `${currentDirectory()}/${path}` : path, orRoot: false };
}

function parseRoot(root: unknown): string | number | undefined {
  if (root == null) return undefined;
  if (typeof root !== 'number') return validatePath('options.root', root);
  validateFd('options.root', root);
  return root;
}

function rootSteps(root: string | number | undefined): Step[] {
  if (root === undefined) return [];
  return typeof root === 'string'
    ? [['chroot', root]]
    : [
        ['fchdir', root],
        ['chroot', '.'],
      ];
}

/** In the mount namespace that this process is in the mounts would outlive the program. */
function parseMounts(mounts: unknown, target: Target): Step[] {
  if (mounts == null) return [];
  validateArray('options.mounts', mounts);
  const apart = target.unshare?.mnt !== undefined || joins(target, 'mnt');
  if (mounts.length > 0 && !apart)
    throw invalidValue(
      'options.mounts',
      mounts,
      "can be given only with a mount namespace ('mnt') that is new or joined",
    );
  return mounts.flatMap((options, index) => stepsOfMount(target, `options.mounts[${index}]`, options));
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
export function parseEnv(env: unknown): string[] {
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
