import { isAbsolute, normalize } from 'node:path';
import { isatty } from 'node:tty';
import { isMainThread } from 'node:worker_threads';
import type { Step } from '../../types/native';
import { type Target, joins, launch } from '../launch/launch';
import type { Task } from '../task/task';
import { invalidType, invalidValue, validateString } from '../errors/validate';
import { stepsOfMount } from '../mount/mount';
import { native } from '../native';
import type { CgroupPlan } from '../cgroup/cgroup-spec';
import type { Filter } from '../seccomp/filters';
import { parseSeccomp, seccompSteps } from '../seccomp/seccomp';
import { type Capabilities, capabilityBits, capabilitySteps, givenCapabilities, keepSteps } from './capabilities';
import { type Running, startInCgroup } from './in-cgroup';
import { type Limits, firstSteps, lastSteps, limitSteps } from './limits';
import { type HostNode, hostNodeCommand } from './host-node';
import type { TerminalSize } from './pty';
import type { CheckedProgram } from './schemas';
import type { Descriptors } from './stdio';
import { makeStep } from '../plan/step';

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

const SIGKILL = 9;

/** What is changed about a program that was checked, before it is started. */
export type Confine = (program: Program) => Program;

/**
 * Puts together the options that all ways to start a program have in common, and refuses those that contradict each other.
 *
 * @param argv - `argv[0]` is filled in from the options
 * @throws TypeError, RangeError with Node's codes
 */
export function programOf(file: string, args: readonly string[], options: CheckedProgram): Program {
  refuseOwnName(file);
  const { argv0 = file, env, root, uid, gid, groups, dieWithParent = true, cgroup, signal } = options;
  const target: Target = { unshare: options.unshare, join: options.setns };
  const seccomp = filtersOf(options, target);
  const init = initOf(options.init, target);
  return {
    file,
    argv: [argv0, ...args],
    env: env === undefined ? ownEnv() : pairsOf(env),
    root,
    mounts: mountsOf(options.mounts, target),
    cwd: directoryOf(options, target),
    newSession: sessionOf(options),
    ids: { uid, gid, groups },
    noNewPrivileges: options.noNewPrivileges ?? seccomp.length > 0,
    capabilities: capabilityBits(options),
    seccomp,
    limits: options,
    cgroup,
    target,
    init,
    pids: pidsOf(options.pid, target, init),
    dieWithParent,
    signal,
  };
}

/** What starts the program would start itself: until its exec, these names are nsinit's. proc_pid_exe(5) */
function refuseOwnName(file: string): void {
  if (!/^\/proc\/(self|thread-self|self\/task\/\d+)\/exe$/.test(normalize(file))) return;
  throw invalidValue('file', file, 'names what starts programs, and not this process: give process.execPath for Node');
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
  steps.push(makeStep('exec', { file: run, argv: [...args], env: env === null ? null : [...env] }));
  return steps;
}

function idSteps({ uid, gid, groups }: Ids, target: Target): Step[] {
  const dropped = groups ?? groupsDroppedWith(uid ?? gid, target);
  if (uid === undefined && gid === undefined && dropped === undefined) return [];
  const setGroups = dropped === undefined ? 0 : 1;
  return [makeStep('ids', { uid: uid ?? UNCHANGED, gid: gid ?? UNCHANGED, setGroups, groups: [...(dropped ?? [])] })];
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
function filtersOf(options: CheckedProgram, { unshare, join }: Target): readonly Filter[] {
  const apart = unshare?.pid !== undefined || join?.some(({ kind }) => kind === 'pid') === true;
  const capabilities = givenCapabilities(options);
  return parseSeccomp('options.seccomp', options.seccomp, { capabilities, seesOthers: !apart });
}

function sessionOf({ detached = false, newSession }: CheckedProgram): boolean | undefined {
  if (newSession !== false || !detached) return newSession ?? (detached || undefined);
  throw invalidValue(
    'options.newSession',
    newSession,
    'cannot be false with options.detached, which is such a session',
  );
}

function initOf(init: boolean | undefined, { unshare }: Target): boolean {
  const possible = unshare?.pid !== undefined;
  const wanted = init ?? possible;
  if (!wanted || possible) return wanted;
  throw invalidValue('options.init', init, "can be true only with a new pid namespace ('pid' in options.unshare)");
}

/** The first process of a pid namespace is 1, and it has one 1 only: pid_namespaces(7). */
function pidsOf(pids: readonly number[] = [], { unshare }: Target, init: boolean): readonly number[] {
  const isFirst = unshare?.pid !== undefined && !init;
  if (pids.length > 0 && isFirst && pids[0] !== 1)
    throw invalidValue(
      'options.pid',
      pids,
      'must be 1 for the first process of a new pid namespace (options.init: false)',
    );
  if (init && pids[0] === 1)
    throw invalidValue('options.pid', pids, 'cannot be 1, which the init of the new pid namespace is');
  return pids;
}

/** Joining a mount namespace moves the root and the current directory to its root: setns(2). */
function directoryOf({ cwd, root }: CheckedProgram, { join }: Target): Directory | number | undefined {
  if (typeof cwd === 'number') return cwd;
  const moved = root === undefined && join?.some((namespace) => namespace.kind === 'mnt') === true;
  if (cwd === undefined) return moved ? { path: currentDirectory(), orRoot: true } : undefined;
  // Not path.resolve(): to the kernel `link/..` is where the link leads, and up from there.
  return { path: moved && !isAbsolute(cwd) ? `${currentDirectory()}/${cwd}` : cwd, orRoot: false };
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
function mountsOf(mounts: readonly unknown[] = [], target: Target): Step[] {
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
  return isMainThread && process.env === libcEnv ? null : pairsOf(process.env);
}

/** As in Node inherited variables count, undefined ones do not, and a number becomes a string. */
export function pairsOf(env: Readonly<Record<string, unknown>>): string[] {
  const pairs: string[] = [];
  for (const name in env) {
    const value = env[name];
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
