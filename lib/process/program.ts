import { isAbsolute, normalize } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import type { Step } from '../../types/native';
import { type Target, joins, launch } from '../launch/launch';
import type { Task } from '../task/task';
import { optionOf } from '../errors/plain';
import { invalidType, invalidValue, validateString } from '../errors/validate';
import { type MountRequest, stepsOfMount } from '../mount/mount';
import { native } from '../native';
import type { CgroupPlan } from '../cgroup/cgroup-spec';
import type { Filter } from '../seccomp/filters';
import { landlockSteps } from '../landlock/landlock';
import type { Landlock } from '../landlock/landlock-options';
import { parseSeccomp, seccompSteps } from '../seccomp/seccomp';
import { type Capabilities, capabilityBits, capabilitySteps, givenCapabilities, keepSteps } from './capabilities';
import { type Running, startInCgroup } from './in-cgroup';
import type { Gate } from './gate';
import { type Limits, firstSteps, lastSteps, limitSteps } from './limits';
import { type HostNode, hostNodeCommand } from './host-node';
import type { TerminalSize } from './pty';
import type { CheckedProgram } from './schemas';
import type { ProgramStdio } from './stdio';
import { makeStep } from '../plan/step';

/** A program to be started, with options that have been checked. */
export interface Program {
  readonly file: string;
  readonly argv: readonly string[];
  /** The environment, as `NAME=value`; null for this process's own. */
  readonly env: readonly string[] | null;
  readonly root: string | number | undefined;
  readonly mounts: readonly Step[];
  readonly cwd: Directory | number | undefined;
  /** The option `newSession`; undefined if {@link startsSession} decides. */
  readonly newSession: boolean | undefined;
  readonly ids: Ids;
  readonly noNewPrivileges: boolean;
  readonly capabilities: Capabilities | undefined;
  readonly seccomp: readonly Filter[];
  /** Rulesets that are all in force, one in the other. */
  readonly landlock: readonly Landlock[];
  readonly limits: Limits;
  readonly cgroup: CgroupPlan | undefined;
  /** A descriptor of an existing cgroup that the program starts in. */
  readonly bornIn?: number | undefined;
  /** Puts the task of the program somewhere, given its pid, before it begins: into cgroups of version 1. */
  readonly place?: ((pid: number) => Promise<void>) | undefined;
  /** A descriptor of /dev/null, for a program that must not have the host's: see {@link StdioDescriptors}. */
  readonly nullDevice?: number | undefined;
  /** True if it gets a new session keyring in place of this process's. */
  readonly newKeyring?: boolean | undefined;
  readonly target: Target;
  readonly init: boolean;
  /** The pids that it is to have, from its own pid namespace outwards. If there are none, the kernel chooses. */
  readonly pids: readonly number[];
  readonly dieWithParent: boolean;
  readonly signal: AbortSignal | undefined;
  /** Holds it back before it is started. */
  readonly gate?: Gate | undefined;
  /** The host's Node that runs the program, for a root that has none. */
  readonly hostNode?: HostNode | undefined;
}

interface Directory {
  readonly path: string;
  /** True if the root is used instead of a path that does not exist. */
  readonly orRoot: boolean;
}

interface Ids {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly groups: readonly number[] | undefined;
}

const UNCHANGED = -1;

const SIGKILL = 9;

/** Changes a checked program before it is started. */
export type Confine = (program: Program) => Program;

/**
 * Makes a program of the options that all ways to start one have in common, and refuses options that contradict each
 * other.
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
    noNewPrivileges: options.noNewPrivileges ?? (seccomp.length > 0 || options.landlock !== undefined),
    capabilities: capabilityBits(options),
    seccomp,
    landlock: options.landlock === undefined ? [] : [options.landlock],
    limits: options,
    cgroup,
    target,
    init,
    pids: pidsOf(options.pid, target, init),
    dieWithParent,
    signal,
  };
}

/** Refuses the names that would start nsinit itself: until the exec they lead to nsinit. proc_pid_exe(5) */
function refuseOwnName(file: string): void {
  if (!/^\/proc\/(self|thread-self|self\/task\/\d+)\/exe$/.test(normalize(file))) return;
  throw invalidValue('file', file, 'names what starts programs, and not this process: give process.execPath for Node');
}

/**
 * Starts the program with these descriptors as 0, 1, 2, ..., or with a new terminal, of which `task.fds` then has the
 * master; resolves when it runs.
 */
export async function startProgram(program: Program, stdio: ProgramStdio | TerminalSize): Promise<Running> {
  const end = { diesWithProcess: program.dieWithParent };
  return startInCgroup(program.cgroup, end, (cgroup) => startBornIn(cgroup ?? program.bornIn, program, stdio));
}

async function startBornIn(
  cgroup: number | undefined,
  program: Program,
  stdio: ProgramStdio | TerminalSize,
): Promise<Task> {
  const { init, dieWithParent, signal, place, gate } = program;
  const task = await launch(program.target, {
    init: init ? { dieWithParent } : undefined,
    pids: program.pids,
    ids: program.ids.uid === undefined || program.ids.gid === undefined ? 'default' : 'given',
    first: firstSteps(program.limits),
    steps: stepsOf(program, stdio),
    files: program.hostNode?.files,
    signal,
    dieWithEnvironment: dieWithParent,
    gate: gate?.inside,
    whileCloned: place === undefined && gate === undefined ? undefined : whileCloned(place, gate),
    cgroup,
  });
  // A shell gives the terminal back when it ends, but not to a process group that it can't see from its pid namespace.
  if (!isSize(stdio) && stdio.hasTerminal) void task.exited.then(() => native().reclaimTerminal());
  return task;
}

/** Puts the new task where it belongs, and tells the gate of it. */
function whileCloned(place: Program['place'], gate: Gate | undefined): (task: Task) => Promise<void> {
  return async (task) => {
    await place?.(task.pid);
    gate?.holds(task);
  };
}

function isSize(stdio: ProgramStdio | TerminalSize): stdio is TerminalSize {
  return 'cols' in stdio;
}

/**
 * True if the program gets a session of its own. In the session of this process a program can open the terminal,
 * /dev/tty, whatever its stdio is, and type into it (TIOCSTI, ioctl_tty(2)): by that it could get out of its
 * namespaces. But a program that is given the terminal needs the terminal's session, to control jobs in it.
 */
function startsSession({ newSession, target }: Program, { hasTerminal }: ProgramStdio): boolean {
  const isolated = target.unshare !== undefined || target.join !== undefined;
  return newSession ?? (isolated && !hasTerminal);
}

/**
 * The steps of the new task once it is in its namespaces. Steps that need privileges come before the ids change, which
 * may take them away. The parent-death signal is set after them: changes of ids and of capabilities clear it.
 */
function stepsOf(program: Program, stdio: ProgramStdio | TerminalSize): Step[] {
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
  steps.push(isSize(stdio) ? ['pty', stdio.cols, stdio.rows] : ['stdio', [...stdio.fds]]);
  steps.push(...lastSteps(program.limits));
  if (program.dieWithParent && !program.init) steps.push(['die_with_parent', SIGKILL, process.pid]);
  steps.push(...program.landlock.flatMap(landlockSteps), ...seccompSteps(program.seccomp));
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
 * The groups to set if none are given. Root that becomes another user gives up root's groups, as in uv_spawn() of
 * libuv. In a user namespace setgroups(2) may be denied: there the groups are dropped together with the default ids, if
 * that is possible.
 */
function groupsDroppedWith(id: number | undefined, target: Target): readonly number[] | undefined {
  return id !== undefined && !entersUserNamespace(target) && process.geteuid?.() === 0 ? [] : undefined;
}

function entersUserNamespace({ unshare, join }: Target): boolean {
  return unshare?.user !== undefined || join?.some((namespace) => namespace.kind === 'user') === true;
}

/**
 * The steps for the session and the terminal. From a new pid namespace this process's group cannot be named, and most
 * shells fail to give the terminal back to it. So a program there that reads the terminal starts in the foreground, in
 * a group of its own, as from a shell. This is not done for a joined pid namespace: Ctrl-Z could stop the program
 * there, and nobody would continue it.
 */
function sessionSteps(program: Program, stdio: ProgramStdio): Step[] {
  if (startsSession(program, stdio)) return [['setsid']];
  const [input] = stdio.fds;
  const reads = input != null && native().isInForeground(input);
  return reads && program.target.unshare?.pid !== undefined ? [['foreground', input]] : [];
}

/**
 * The filters of a program. One in a pid namespace of its own sees no other programs, and so may trace those that it
 * sees.
 */
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

/**
 * Checks the pids against the init: the first process of a pid namespace has the pid 1, and no other has it.
 * pid_namespaces(7)
 */
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

/**
 * The directory to change to. Joining a mount namespace moves the root and the current directory to its root: setns(2).
 */
function directoryOf({ cwd, root }: CheckedProgram, { join }: Target): Directory | number | undefined {
  if (typeof cwd === 'number') return cwd;
  const moved = root === undefined && join?.some((namespace) => namespace.kind === 'mnt') === true;
  if (cwd === undefined) return moved ? { path: currentDirectory(), orRoot: true } : undefined;
  // The path is not given to path.resolve(): to the kernel `link/..` is the directory above the one that the link leads
  // to.
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

/**
 * The steps of the mounts. They are refused in the mount namespace of this process, where they would outlive the
 * program.
 */
function mountsOf(mounts: readonly MountRequest[] = [], target: Target): Step[] {
  const apart = target.unshare?.mnt !== undefined || joins(target, 'mnt');
  if (mounts.length > 0 && !apart)
    throw invalidValue(
      'options.mounts',
      mounts.map(({ given }) => given),
      "can be given only with a mount namespace ('mnt') that is new or joined",
    );
  return mounts.flatMap((mount) => stepsOfMount(target, mount));
}

/** The path of our own directory; `/` if that has been removed, and so has no path any more. */
function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}

/** The object `process.env` that Node has made. Somebody may replace it by another one later. */
const libcEnv = process.env;

/**
 * The environment of this process; null for that of libc. Only in the main thread `process.env` is that of libc: a
 * Worker has a copy of it, or another one.
 */
function ownEnv(): string[] | null {
  return isMainThread && process.env === libcEnv ? null : pairsOf(process.env);
}

/**
 * The variables as `NAME=value`. As in Node, inherited properties count, though not those of `Object.prototype`;
 * undefined ones do not, and a number becomes a string.
 */
export function pairsOf(env: Readonly<Record<string, unknown>>): string[] {
  const pairs: string[] = [];
  for (const name in env) {
    const value = optionOf(env, name);
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
