/** Tries on this host what a hint proposes, so that no hint proposes what fails here as well. */
import type { LaunchFailure, LaunchRequest, Step } from '../../types/native';
import { Errno } from '../kernel/errno';
import { CLONE_FLAGS } from '../kernel/namespace-kind';
import { native } from '../native';
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
  const trial: LaunchRequest = {
    ...ownMaps(),
    flags: made & ~CLONE_FLAGS.time,
    steps: [...repeated, ...mounts, ['exit']],
  };
  return new Promise((resolve) => {
    try {
      native().launch(trial, (event) => {
        if (event.type === 'failed') resolve({ request: trial, failure: event.failure });
        else if (event.type === 'exit') resolve(undefined);
      });
    } catch {
      // Without a descriptor or a thread left nothing can be tried.
      resolve(undefined);
    }
  });
}
