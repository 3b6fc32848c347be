/** Tries on this host what a hint proposes, so that no hint proposes what fails here as well. */
import type { LaunchFailure, LaunchRequest, Step } from '../../types/native';
import { constants } from 'node:os';
import { callsOfSteps } from '../hints/calls';
import { Errno } from '../kernel/errno';
import { HostFiles } from '../kernel/host-files';
import { CLONE_FLAGS } from '../kernel/namespace-kind';
import { native } from '../native';
import { makeStep } from '../plan/step';
import { STEPS } from '../plan/steps';
import { MS_REC } from '../kernel/mount-flags';
import { PROPAGATION_FLAGS } from '../kernel/propagation';

/** A launch that was tried, and its failure. */
export interface Tried {
  readonly request: LaunchRequest;
  readonly failure: LaunchFailure;
}

/** The steps that change nothing outside of the new task and its new namespaces, and so can be done again as they are. */
const REPEATED: readonly Step[0][] = ['hostname', 'domainname', 'loopback', 'chroot'];

/** A change of mounts that is no more than a new mount namespace has anyway. */
const PRIVATE = MS_REC | PROPAGATION_FLAGS.private;

/** The maps that a new user namespace has by default: root inside is this process's own user. */
function ownMaps(): Pick<LaunchRequest, 'setgroups' | 'uidMap' | 'gidMap'> {
  return { setgroups: 'deny', uidMap: `0 ${process.geteuid?.()} 1`, gidMap: `0 ${process.getegid?.()} 1` };
}

/**
 * True where the kernel may have refused a launch for want of a capability which its task would have in a new user
 * namespace.
 */
export function mayNeedUser({ errno, phase }: LaunchFailure, { flags, steps }: LaunchRequest): boolean {
  if (errno !== Errno.EPERM || (phase !== 'clone' && phase !== 'step')) return false;
  return (flags & CLONE_FLAGS.user) === 0 && !steps.some(([name]) => name === 'join' || name === 'nest');
}

/**
 * Tries the part of a launch that has failed in a new user namespace: its new namespaces, and the step if that may be
 * repeated. Resolves with the failure, or with undefined if it works.
 */
export function tryWithUser({ phase, step }: LaunchFailure, request: LaunchRequest): Promise<Tried | undefined> {
  const failed = phase === 'step' ? request.steps[step] : undefined;
  const kind = failed === undefined ? undefined : STEPS[failed[0]].kind;
  const repeated: Step[] = failed !== undefined && REPEATED.includes(failed[0]) ? [failed] : [];
  const mounts: Step[] = kind === 'mnt' ? [['propagation', '/', PRIVATE]] : [];
  const made = request.flags | CLONE_FLAGS.user | (kind === undefined ? 0 : CLONE_FLAGS[kind]);
  // clone3 has no room for a time namespace, and a user namespace can have one where it can have others.
  return tryLaunch({ ...ownMaps(), flags: made & ~CLONE_FLAGS.time, steps: [...repeated, ...mounts, ['exit']] });
}

function tryLaunch(request: LaunchRequest): Promise<Tried | undefined> {
  return new Promise((resolve) => {
    try {
      native().launch(request, (event) => {
        if (event.type === 'failed') resolve({ request, failure: event.failure });
        else if (event.type === 'exit') resolve(undefined);
      });
    } catch {
      // Without a descriptor or a thread left nothing can be tried.
      resolve(undefined);
    }
  });
}

/** What was found out about the system calls of a plan whose task was ended by SIGSYS. */
export interface Killing {
  /** Those for which a filter ends the task, in the order of the plan. */
  readonly calls: readonly string[];
  /** Those that cannot be tried alone. */
  readonly untried: readonly string[];
}

/** One more byte than a host or domain name may have: sethostname(2). */
const TOO_LONG = 'x'.repeat(65);

/** Steps that make one system call each, and change nothing: what they are asked for does not exist, or is there already. */
const ALONE: ReadonlyMap<string, Step> = new Map<string, Step>([
  ['unshare', makeStep('unshare', { flags: 0 })],
  ['sethostname', ['hostname', TOO_LONG]],
  ['setdomainname', ['domainname', TOO_LONG]],
  ['chroot', ['chroot', '/']],
  ['mount', ['propagation', '', PRIVATE]],
  ['umount2', ['umount', '', 0]],
  ['open_tree', makeStep('tree', { source: '', target: '' })],
  ['fsopen', makeStep('fs', { type: 'none', target: '' })],
  ['pivot_root', ['pivot_root', '', '']],
]);

/** True where a filter has ended the task: SECCOMP_RET_KILL_PROCESS, seccomp(2). */
function endedByFilter({ phase, signal }: LaunchFailure): boolean {
  return phase === 'killed' && signal === constants.signals.SIGSYS;
}

/** The errors with which filters answer: that of SCMP_ACT_ERRNO is chosen by a profile. */
const ANSWERS: readonly number[] = [Errno.EPERM, Errno.EACCES, Errno.ENOSYS];

/**
 * Makes each system call that can be tried alone, in a task that has the capabilities for it. Resolves with those that are
 * refused, or undefined where no such task can be made.
 */
export async function findRefused(): Promise<readonly string[] | undefined> {
  const flags = CLONE_FLAGS.user | CLONE_FLAGS.mnt | CLONE_FLAGS.uts;
  if ((await tryLaunch({ flags, steps: [['exit']] })) !== undefined) return undefined;
  const refused: string[] = [];
  for (const [call, step] of ALONE) {
    const failure = (await tryLaunch({ flags, steps: [step, ['exit']] }))?.failure;
    if (failure === undefined) continue;
    const answered = failure.syscall === call && ANSWERS.includes(failure.errno);
    if (answered || endedByFilter(failure)) refused.push(call);
  }
  return refused;
}

/**
 * True where a filter may have ended a task: this one, or the one that it has made, after which the addon has ended this
 * one by SIGKILL.
 */
export function maybeEndedByFilter(failure: LaunchFailure): boolean {
  return failure.phase === 'killed' && (endedByFilter(failure) || new HostFiles().status('Seccomp') === '2');
}

/** Makes each system call of the plan that can be tried alone in a task of its own. */
export async function findKilling(
  failure: LaunchFailure,
  { steps }: Pick<LaunchRequest, 'steps'>,
): Promise<Killing | undefined> {
  const all = callsOfSteps(steps.map(([name]) => name));
  const calls: string[] = [];
  const untried = all.filter((call) => !ALONE.has(call));
  for (const call of all) {
    const step = ALONE.get(call);
    const tried = step === undefined ? undefined : await tryLaunch({ flags: 0, steps: [step, ['exit']] });
    if (tried !== undefined && endedByFilter(tried.failure)) calls.push(call);
  }
  return calls.length > 0 || endedByFilter(failure) ? { calls, untried } : undefined;
}
