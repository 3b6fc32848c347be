import { constants } from 'node:fs';
import type { Step } from '../../types/native';
import { CLONE_FLAGS, flagsOfKinds } from '../kernel/namespace-kind';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { setUpSteps, timensOffsets } from '../launch/set-up';
import { kindsOfSpec, optionsOf } from '../launch/unshare-spec';
import { PLACE } from '../plan/place';
import type { Temporary } from './temporary';
import type { Isolation } from './words';

/** The facts about this process that the plan depends on. */
export interface Self {
  readonly uid: number;
  readonly gid: number;
  /** The effective capabilities: 2 ** CAP_*. */
  readonly capabilities: bigint;
  /** The descriptors to keep, by number. */
  readonly fds: readonly (number | null)[];
  readonly cwd: string;
}

const CAP_SYS_ADMIN = 21n;

/** In a network namespace of one's own every port may be bound: ip(7). Where /proc/sys is read-only it stays as it is. */
const FREE_PORTS: Step = ['try_write_file', '/proc/sys/net/ipv4/ip_unprivileged_port_start', constants.O_WRONLY, '0'];

/**
 * The steps that move a process into its namespaces, without the one that executes it again. They are not made by
 * `makeStep()`: each test file would load its table, which takes longer than all else that is done here. The descriptors come first:
 * whatever fails after them, the program has its own.
 */
export function isolationSteps({ unshare }: Isolation, self: Self, temporary: Temporary | undefined): Step[] {
  return [
    ['in_place'],
    ['stdio', [...self.fds]],
    unshareStep(unshare, self),
    ...setUpSteps(unshare),
    ...(unshare.net === undefined ? [] : [FREE_PORTS]),
    ...(temporary === undefined ? [] : temporarySteps(temporary)),
    ['chdir', self.cwd, 0],
  ];
}

/**
 * A user who may not make namespaces gets a user namespace as well, in which user and group are the same as outside. A
 * process may map its own ids without any privilege: user_namespaces(7).
 */
function unshareStep(spec: Isolation['unshare'], { uid, gid, capabilities }: Self): Step {
  const kinds = flagsOfKinds(kindsOfSpec(spec));
  const offsets = timensOffsets(optionsOf(spec, 'time'));
  if (((capabilities >> CAP_SYS_ADMIN) & 1n) === 1n) return ['unshare', kinds, null, null, null, offsets];
  return ['unshare', kinds | CLONE_FLAGS.user, 'deny', `${uid} ${uid} 1`, `${gid} ${gid} 1`, offsets];
}

/**
 * A directory that exists, and that nsinit does not use. For a moment the tmpfs lies over it, in a mount namespace that
 * nobody else is in.
 */
const MOUNT_POINT = '/usr';

/** A tmpfs is filled with what is to stay visible, and only then put over the directory: that hides all the rest. */
function temporarySteps({ directory, kept }: Temporary): Step[] {
  const attributes = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV;
  const flags = PLACE.RECURSIVE | PLACE.MAKE_MISSING;
  return [
    ['fs', 'tmpfs', null, ['mode=1777'], attributes, MOUNT_POINT, 0],
    ...kept.map((path): Step => {
      const target = `${MOUNT_POINT}${path.slice(directory.length)}`;
      return ['tree', path, [], flags, 0, 0, 0, [], target];
    }),
    ['move', MOUNT_POINT, directory],
  ];
}
