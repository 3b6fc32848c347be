import { resolve } from 'node:path';
import type { Step } from '../../types/native';
import {
  invalidValue,
  validateBoolean,
  validateKnownKeys,
  validateObject,
  validatePath,
  validateString,
} from '../errors/validate';
import { type Target, run } from '../launch/target';
import * as flags from './flags';

/** What to mount, where and how: mount(2). The flags are off by default. */
export interface MountOptions {
  /** Where: an existing directory, or a file for a bind mount of a file. */
  target: string | URL;
  /** What: a device, or for `bind` and `move` a path. Filesystems without a device ignore it, or show it in mountinfo. */
  source?: string | undefined;
  /** The type of filesystem, a name of `/proc/filesystems`. */
  type?: string | undefined;
  /** Options of the filesystem itself, separated by commas: `'size=1m,mode=700'`. */
  data?: string | undefined;
  /** MS_BIND: `source`, a directory or file, becomes visible at `target` as well. */
  bind?: boolean | undefined;
  /** MS_REC, with `bind`: what is mounted below `source` comes with it. */
  recursive?: boolean | undefined;
  /** MS_MOVE: the mount at `source` goes to `target`. */
  move?: boolean | undefined;
  /** MS_REMOUNT: changes flags and data of the mount at `target`; with `bind`, only the flags of this one mount. */
  remount?: boolean | undefined;
  /** MS_RDONLY */
  readOnly?: boolean | undefined;
  /** MS_NOSUID: set-user-ID bits and file capabilities of programs there do nothing. */
  nosuid?: boolean | undefined;
  /** MS_NODEV: device files there cannot be opened. */
  nodev?: boolean | undefined;
  /** MS_NOEXEC: programs there cannot be run. */
  noexec?: boolean | undefined;
  /** MS_NOSYMFOLLOW: symbolic links there are not followed (Linux 5.10). */
  nosymfollow?: boolean | undefined;
  /** MS_NOATIME: access times are not kept. */
  noatime?: boolean | undefined;
  /** MS_NODIRATIME: access times of directories are not kept. */
  nodiratime?: boolean | undefined;
  /** MS_RELATIME: access times are kept when older than changes, or than a day. */
  relatime?: boolean | undefined;
  /** MS_STRICTATIME: access times are always kept. */
  strictatime?: boolean | undefined;
  /** MS_LAZYTIME: times are written back late. */
  lazytime?: boolean | undefined;
  /** MS_SYNCHRONOUS: writes are synchronous. */
  synchronous?: boolean | undefined;
  /** MS_DIRSYNC: changes of directories are synchronous. */
  dirsync?: boolean | undefined;
  /** MS_SILENT: fewer messages in the kernel's log. */
  silent?: boolean | undefined;
}

type Flag = Exclude<keyof MountOptions, 'target' | 'source' | 'type' | 'data'>;

const FLAGS: Readonly<Record<Flag, number>> = {
  bind: flags.MS_BIND,
  recursive: flags.MS_REC,
  move: flags.MS_MOVE,
  remount: flags.MS_REMOUNT,
  readOnly: flags.MS_RDONLY,
  nosuid: flags.MS_NOSUID,
  nodev: flags.MS_NODEV,
  noexec: flags.MS_NOEXEC,
  nosymfollow: flags.MS_NOSYMFOLLOW,
  noatime: flags.MS_NOATIME,
  nodiratime: flags.MS_NODIRATIME,
  relatime: flags.MS_RELATIME,
  strictatime: flags.MS_STRICTATIME,
  lazytime: flags.MS_LAZYTIME,
  synchronous: flags.MS_SYNCHRONOUS,
  dirsync: flags.MS_DIRSYNC,
  silent: flags.MS_SILENT,
};

/** What says which operation is meant, not how the mount is to behave. */
const OPERATION = flags.MS_BIND | flags.MS_MOVE | flags.MS_REMOUNT | flags.MS_REC | flags.MS_SILENT;

/**
 * Mounts a filesystem, a directory (`bind`), moves a mount (`move`), or changes one (`remount`): mount(2).
 *
 * It acts on this process's own mount namespace, in a task of its own: the event loop does not wait, and no thread of
 * this process moves. Takes CAP_SYS_ADMIN in the user namespace that owns the mount namespace. The same on a
 * {@link NamespaceSet} acts inside that.
 *
 * mount(2) itself ignores flags such as read-only when it binds. Here they are honoured, by a remount right after; with
 * `recursive` they are those of the uppermost mount only.
 *
 * @throws NamespaceError `EPERM`, `ENOENT`, `ENODEV` for an unknown type, `EBUSY`, `EINVAL`, …
 *
 * @example
 * ```ts
 * await mount({ type: 'tmpfs', target: '/mnt', nosuid: true, nodev: true, data: 'size=1m' });
 * await mount({ bind: true, source: '/usr', target: '/mnt/usr', readOnly: true });
 * ```
 */
export async function mount(options: MountOptions): Promise<void> {
  await mountIn({}, options, resolve);
}

/**
 * Mounts somewhere: in the mount namespace of `target`.
 *
 * @param locate - makes a path what the task there is to see
 */
export async function mountIn(target: Target, options: unknown, locate: (path: string) => string): Promise<void> {
  const [step, remount] = mountSteps(options, locate);
  await run(target, [step]);
  if (remount === undefined) return;
  try {
    await run(target, [remount]);
  } catch (error) {
    await run(target, [['umount', step[2], flags.MNT_DETACH | flags.UMOUNT_NOFOLLOW]]).catch(() => undefined);
    throw error;
  }
}

/** What mounts in a task that is inside already: paths are as it sees them. */
export function stepsOfMount(name: string, options: unknown): Step[] {
  return mountSteps(options, (path) => path, name).filter((step) => step !== undefined);
}

type MountStep = Extract<Step, ['mount', ...unknown[]]>;

/** One step, or two for a bind mount with flags. */
function mountSteps(value: unknown, locate: (path: string) => string, name = 'options'): [MountStep, MountStep?] {
  const options = validateMount(name, value);
  const target = locate(validatePath('options.target', options.target));
  const all = flagsOf(options);
  const isPath = (all & (flags.MS_BIND | flags.MS_MOVE)) !== 0 && (all & flags.MS_REMOUNT) === 0;
  const source = options.source === undefined ? null : isPath ? locate(options.source) : options.source;
  const type = options.type ?? null;
  const data = options.data ?? null;
  if (!isPath || (all & ~OPERATION) === 0) return [['mount', source ?? type, target, type, all, data]];
  const remount = (all & ~flags.MS_REC) | flags.MS_REMOUNT;
  return [
    ['mount', source, target, null, all & OPERATION, null],
    ['mount', null, target, null, remount, null],
  ];
}

function validateMount(name: string, value: unknown): MountOptions {
  validateObject(name, value);
  validateKnownKeys(name, value, ['target', 'source', 'type', 'data', ...Object.keys(FLAGS)]);
  const options = value as MountOptions;
  validatePath(`${name}.target`, options.target);
  for (const key of ['source', 'type', 'data'] as const) {
    if (options[key] !== undefined) validateString(`${name}.${key}`, options[key]);
  }
  if (options.move === true && (options.bind === true || options.remount === true)) {
    throw invalidValue(name, value, "cannot combine 'move' with 'bind' or 'remount'");
  }
  const needsSource = options.move === true || (options.bind === true && options.remount !== true);
  if (needsSource && options.source === undefined) {
    throw invalidValue(`${name}.source`, undefined, "must be given with 'bind' and 'move'");
  }
  if (!needsSource && options.remount !== true && options.type === undefined) {
    throw invalidValue(`${name}.type`, undefined, "must be given unless it is a 'bind', a 'move' or a 'remount'");
  }
  return options;
}

function flagsOf(options: MountOptions): number {
  let all = 0;
  for (const [name, flag] of Object.entries(FLAGS)) {
    const value = options[name as Flag] ?? false;
    validateBoolean(`options.${name}`, value);
    if (value) all |= flag;
  }
  return all;
}
