import type { Readable } from 'node:stream';
import type { Step } from '../../types/native';
import { PLACE } from '../plan/place';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { makeStep } from '../plan/step';

/** What the steps of a sandbox's root depend on, beyond its spec. */
export interface Setting {
  /** A descriptor from which a task reads what a stream gives. */
  readonly feed: (source: Readable) => number;
  /** Whom the first directory of a new filesystem belongs to, as its parameters say it. */
  readonly owner: readonly string[];
  /** Whether user 0 of this process's own user namespace is among the ids inside. */
  readonly asRoot: boolean;
  /** Whether a devpts can be mounted, and is to be. */
  readonly terminal: boolean;
}

/** A part of a sandbox's root, everything about it checked. */
export interface Piece {
  /** What errors call it: `'mounts[3]: bind /x on /y'`. */
  readonly label: string;
  readonly steps: (setting: Setting) => Step[];
}

/** MOUNT_ATTR_* of what no program is to be run from, or gain privileges by. */
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

/** A path of the host's, with all that is mounted below it: without that it could not be had where mounts are locked. */
export function bind(source: string, target: string, attributes: number, flags = 0): Step {
  const all = PLACE.MAKE_MISSING | PLACE.RECURSIVE | flags;
  return makeStep('tree', { source, flags: all, set: attributes, target });
}

/** `mode=0755`: a parameter that is octal. */
export function modeParameter(mode: number): string {
  return `mode=0${mode.toString(8)}`;
}
