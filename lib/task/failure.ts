import type { LaunchFailure, LaunchRequest, Step } from '../../types/native';
import { Errno } from '../kernel/errno';
import { NamespaceError } from '../errors/namespace-error';
import { callsOfSteps } from '../hints/calls';
import { type Failure, explain } from '../hints/explain';
import { CLONE_FLAGS, type NamespaceKind, kindsOfFlags } from '../kernel/namespace-kind';
import type { StepOf } from '../plan/row';
import { describeStep, causeOf, fieldsOf } from '../plan/step';
import { STEPS } from '../plan/steps';
import { describePids } from '../plan/words';
import type { Killing, Tried } from './trial';

/** Tells about the namespaces that were joined, once something has failed. */
export interface Joined {
  /** The user namespace that owns the one of that kind: `'user:[4026531837]'`. */
  ownerOf(kind: NamespaceKind): string | undefined;
  /** The number of levels that the user or pid namespace lies below this process's own. */
  depthOf(kind: NamespaceKind): number | undefined;
  /** True where the user of this process has created the user namespace; undefined where that is not known. */
  createdByCaller(): boolean | undefined;
}

/** The errors of CLONE_INTO_CGROUP, clone(2). Beside it, only a seccomp filter or a security module answers EACCES. */
const CGROUP_ERRORS: readonly number[] = [Errno.EACCES, Errno.EBUSY, Errno.EOPNOTSUPP, Errno.ENODEV];

/**
 * The errors of set_tid, clone(2), and E2BIG, which a kernel answers that does not know the field. New namespaces can
 * fail with some of them as well.
 */
const TID_ERRORS: readonly number[] = [Errno.EEXIST, Errno.EPERM, Errno.EINVAL, Errno.ENOSYS, Errno.E2BIG];

type Request = Pick<LaunchRequest, 'cgroup' | 'flags' | 'setTid' | 'steps' | 'setgroups' | 'uidMap' | 'gidMap'>;

/** The facts about a launch beyond the request to the addon. */
export interface Known {
  joined?: Joined | undefined;
  /** The words for steps that have better ones than their own. */
  labels?: ReadonlyMap<Step, string> | undefined;
  /** The failure of the same in a new user namespace; undefined where that works. */
  tried?: Tried | undefined;
  /** The system calls for which a filter has ended tasks that did nothing else, where this one was ended by SIGSYS. */
  killing?: Killing | undefined;
}

/** The error that a failed launch rejects with. */
export function launchError(failure: LaunchFailure, request: Request, known: Known = {}): NamespaceError {
  const { joined, labels } = known;
  if (failure.phase === 'killed' || failure.phase === 'held') return killedError(failure, request, known);
  const step = failure.phase === 'step' ? request.steps[failure.step] : undefined;
  const found = step === undefined ? outsideFailure(failure, request) : stepFailure(failure, request, step);
  const label = step === undefined ? undefined : labels?.get(step);
  const { kind } = found.failure;
  if (known.tried !== undefined) found.failure.refusedWithUser = refusalOf(known.tried);
  if (kind !== undefined && joined !== undefined) {
    found.failure.owner = joined.ownerOf(kind);
    found.failure.depth = joined.depthOf(kind);
    if (kind === 'user') found.failure.createdByCaller = joined.createdByCaller();
  }
  return new NamespaceError({
    errno: failure.errno,
    syscall: failure.syscall,
    path: found.failure.path,
    kind,
    step: label ?? found.step,
    hint: explain(found.failure, undefined, causeOf(found.failure.operation)),
  });
}

/** The reason for which the trial failed. */
function refusalOf({ failure, request }: Tried): string {
  const { hint, message } = launchError(failure, request);
  return hint ?? `${message}.`;
}

interface Found {
  step: string;
  failure: Failure;
}

/** A failure outside of the plan: of clone3 itself, of the exec of nsinit, or of the maps. */
function outsideFailure(failure: LaunchFailure, request: Request): Found {
  const kinds = kindsOfFlags(request.flags);
  const { errno, syscall, path, detail } = failure;
  const later = callsFrom(0, request);
  const common = { errno, syscall, path, detail, kinds, later, cgroup: request.cgroup !== undefined };
  switch (failure.phase) {
    case 'uid_map':
    case 'gid_map':
    case 'setgroups': {
      const map = { uid_map: request.uidMap, gid_map: request.gidMap, setgroups: undefined }[failure.phase];
      const written: Failure = { ...common, operation: failure.phase, kind: 'user', map, setgroups: request.setgroups };
      return { step: `write ${failure.phase}`, failure: written };
    }
    case 'cgroup':
      return { step: 'enter cgroup', failure: { ...common, operation: 'cgroup' } };
    case 'clone':
      // The creation of a namespace and CLONE_INTO_CGROUP have the same errors, except for these.
      if (request.cgroup !== undefined && CGROUP_ERRORS.includes(failure.errno)) {
        return { step: 'enter cgroup', failure: { ...common, operation: 'cgroup' } };
      }
      if (request.setTid !== undefined && TID_ERRORS.includes(failure.errno)) {
        return { step: describePids(request.setTid), failure: { ...common, operation: 'set_tid', kind: 'pid' } };
      }
      return { step: 'clone', failure: { ...common, operation: 'clone', kind: onlyOne(kinds) } };
    case 'exec':
      return { step: 'exec nsinit', failure: { ...common, operation: 'exec-nsinit' } };
    default:
      return { step: 'prepare', failure: { ...common, operation: failure.phase } };
  }
}

function stepFailure(failure: LaunchFailure, request: Request, step: Step): Found {
  const { errno, syscall, path, detail } = failure;
  const flags = request.steps.reduce((all, each) => all | newIn(each), request.flags);
  const joined = request.steps.flatMap((each) => (each[0] === 'join' ? each[2] : []));
  const common: Failure = {
    ...{ operation: step[0], errno, syscall, path, detail, cgroup: request.cgroup !== undefined },
    kinds: kindsOfFlags(flags),
    joined: kindsOfFlags(joined.reduce((all, flag) => all | flag, 0)),
    later: callsFrom(failure.step, request),
  };
  switch (step[0]) {
    case 'join':
      return joinFailure(common, step);
    case 'unshare':
      return unshareFailure(common, step);
    case 'fork':
    case 'init':
      return childFailure(common, step, request);
    case 'nest':
      return told(step, common, nestFailure(failure, step));
    case 'make_net':
    case 'enter_net':
      return newNetFailure(common, step);
    case 'fs':
      return told(step, common, { fstype: fieldsOf(step).type, source: fieldsOf(step).source ?? undefined });
    case 'tree':
      return told(step, common, treeFailure(step));
    case 'overlay':
      return told(step, common, { fstype: 'overlay', source: fieldsOf(step).upper ?? undefined });
    case 'remount':
      return told(step, common, { operation: remountOf(failure) });
    case 'exec':
      return told(step, common, { file: fieldsOf(step).file });
    case 'ids':
      return told(step, common, { id: syscall === 'setresuid' ? fieldsOf(step).uid : fieldsOf(step).gid });
    default:
      return told(step, common);
  }
}

/** The failure of a step: the facts that follow from the step itself, and those in `more`. */
function told(step: Step, common: Failure, more: Partial<Failure> = {}): Found {
  return { step: describeStep(step), failure: { ...common, kind: STEPS[step[0]].kind, ...more } };
}

/** The failure of a step that forks. nsinit calls clone3 where the pids of the child are chosen, and nowhere else. */
function childFailure(common: Failure, step: Step, { steps }: Request): Found {
  const chosen = steps.find((each) => each[0] === 'set_tid');
  if (chosen === undefined || common.syscall !== 'clone3') return told(step, common);
  return { ...told(step, common, { operation: 'set_tid' }), step: describeStep(chosen) };
}

/** Tells the part of a remount that failed: the options of the filesystem, or the attributes of the mount. */
function remountOf({ syscall }: LaunchFailure): 'reconfigure' | 'attributes' {
  return syscall === 'fspick' || syscall === 'fsconfig' ? 'reconfigure' : 'attributes';
}

/** The CLONE_NEW* flags of the namespaces that a step makes. */
function newIn(step: Step): number {
  if (step[0] === 'unshare') return step[1];
  if (step[0] === 'nest') return fieldsOf(step).flags | CLONE_FLAGS.user;
  return step[0] === 'make_net' ? CLONE_FLAGS.net : 0;
}

/**
 * The failure of a step `nest`. Where it makes several namespaces at once, the kernel does not say which one failed.
 */
function nestFailure({ syscall }: LaunchFailure, step: StepOf<'nest'>): Partial<Failure> {
  const kinds = kindsOfFlags(fieldsOf(step).flags | CLONE_FLAGS.user);
  return syscall === 'unshare' ? { kinds, kind: onlyOne(kinds) } : { kind: 'user' };
}

/** The failure of a step that makes a network namespace; its loopback interface is brought up as well. */
function newNetFailure(failure: Failure, step: StepOf<'make_net'> | StepOf<'enter_net'>): Found {
  const isLoopback = failure.syscall === 'ioctl' || failure.syscall === 'socket';
  const operation = isLoopback ? 'loopback' : 'unshare';
  return { step: describeStep(isLoopback ? ['loopback'] : step), failure: { ...failure, operation, kind: 'net' } };
}

function treeFailure(step: StepOf<'tree'>): Partial<Failure> {
  const { source, fds, userns } = fieldsOf(step);
  const [descriptor] = fds;
  const idmap = userns.length === 0 ? {} : { detail: 'idmap' };
  return { source: descriptor === undefined ? (source ?? undefined) : undefined, descriptor, ...idmap };
}

/** The failure of a step `join`. nsinit tells the kind that was refused by its flag, in decimal. */
function joinFailure(failure: Failure, step: StepOf<'join'>): Found {
  const flag = Number(failure.detail ?? NaN);
  const kind = Number.isNaN(flag) ? undefined : onlyOne(kindsOfFlags(flag));
  return { step: kind === undefined ? describeStep(step) : `join ${kind}`, failure: { ...failure, kind } };
}

/** The failure of a step `unshare`. Its path names the file that could not be written: uid_map, timens_offsets, … */
function unshareFailure(failure: Failure, step: StepOf<'unshare'>): Found {
  const { flags, setgroups, uidMap, gidMap } = fieldsOf(step);
  const file = failure.syscall === 'write' || failure.syscall === 'open' ? failure.path : undefined;
  switch (file) {
    case 'uid_map':
    case 'gid_map':
    case 'setgroups': {
      const map = { uid_map: uidMap, gid_map: gidMap, setgroups: null }[file] ?? undefined;
      const asked = setgroups === 'allow' || setgroups === 'deny' ? setgroups : undefined;
      const written: Failure = { ...failure, operation: file, kind: 'user', map, setgroups: asked };
      return { step: `write ${file}`, failure: written };
    }
    case 'timens_offsets':
      return { step: 'write timens_offsets', failure: { ...failure, operation: 'time', kind: 'time' } };
    default:
      return { step: describeStep(step), failure: { ...failure, kind: onlyOne(kindsOfFlags(flags)) } };
  }
}

function killedError(failure: LaunchFailure, request: Request, { killing, labels }: Known): NamespaceError {
  const first = killing?.calls[0];
  const step = request.steps.find(([name], index) =>
    first === undefined ? index === failure.step : callsOfSteps([name]).includes(first),
  );
  return new NamespaceError({
    code: 'ERR_LINUX_NS_KILLED',
    message: `the new task ${endOf(failure)} before it was ready`,
    syscall: first,
    step: step === undefined ? 'clone' : (labels?.get(step) ?? describeStep(step)),
    hint: killing === undefined ? undefined : explain(endedByFilter(killing)),
  });
}

function endedByFilter({ calls, untried }: Killing): Failure {
  return { operation: 'killed-by-filter', errno: 0, syscall: calls[0] ?? '', killing: calls, later: untried };
}

/** The calls of that step, and of those after it, that filters may refuse. */
function callsFrom(step: number, { steps }: Request): string[] {
  return callsOfSteps(steps.slice(step).map(([name]) => name));
}

function endOf({ phase, signal }: LaunchFailure): string {
  if (phase === 'held') return 'was stopped, or traced, by another process, and has been ended,';
  return signal === undefined ? 'ended' : `was ended by signal ${signal}`;
}

function onlyOne<T>(items: readonly T[]): T | undefined {
  return items.length === 1 ? items[0] : undefined;
}
