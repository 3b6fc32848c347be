import type { Readable } from 'node:stream';
import type { Step } from '../../types/native';
import { PLACE } from '../plan/place';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { makeStep } from '../plan/step';
import type { SandboxReport } from './sandbox-spec';

/** The circumstances that the steps of a sandbox's root depend on, besides its spec. */
export interface Setting {
  /** Returns a descriptor from which a task reads the data of a stream. */
  readonly feed: (source: Readable) => number;
  /** The mount parameters that say who owns the root directory of a new filesystem; none for the task itself. */
  readonly owner: readonly string[];
  /** True if user 0 of this process's own user namespace is among the ids inside. */
  readonly asRoot: boolean;
  /** True where a devpts can be mounted and is wanted. */
  readonly terminal: boolean;
  /** The /proc that `proc: 'auto'` has led to. */
  readonly proc: SandboxReport['proc'];
}

/** A part of a sandbox's root, made from options that have been checked. */
export interface Piece {
  /** Its name in errors: `'mounts[3]: bind /x on /y'`. */
  readonly label: string;
  readonly steps: (setting: Setting) => Step[];
}

/**
 * The attributes of mounts, from the weakest to the strictest: no set-user-ID programs, no devices either, no programs
 * either.
 */
export const NOSUID = MOUNT_ATTR.NOSUID;
export const NO_DEVICES = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV;
export const NOTHING_BUT_FILES = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC;

/** A new filesystem. mountinfo(5) shows the type as its source, as mount(8) has it. */
export function filesystem(
  type: string,
  target: string,
  parameters: readonly string[],
  attributes: number,
  flags: number = PLACE.MAKE_MISSING,
): Step {
  return makeStep('fs', { type, source: type, parameters: [...parameters], attributes, target, flags });
}

/**
 * The step that binds a path of the host, with all that is mounted below it: if the mounts are locked, the kernel
 * refuses to bind it without them. mount_namespaces(7)
 */
export function bind(source: string, target: string, attributes: number, flags = 0): Step {
  const all = PLACE.MAKE_MISSING | PLACE.RECURSIVE | flags;
  return makeStep('tree', { source, flags: all, set: attributes, target });
}

/** The mount parameter for a mode, in octal: `mode=0755`. */
export function modeParameter(mode: number): string {
  return `mode=0${mode.toString(8)}`;
}
