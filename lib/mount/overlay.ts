import { invalidValue, validateArray, validatePath } from '../errors/validate';
import type { Locate } from './locate';

/** Options of an `overlay`: the kernel's Documentation/filesystems/overlayfs.rst. */
export interface OverlayOptions {
  /** The directories below, the uppermost first. Without `upper` the mount is read-only, and takes two. */
  lower?: readonly (string | URL)[] | undefined;
  /** The directory that takes what is written. */
  upper?: string | URL | undefined;
  /** With `upper`: an empty directory on the same filesystem, for the kernel to work in. */
  work?: string | URL | undefined;
  /**
   * Its marks are `user.overlay.*` attributes (Linux 5.11), as root of a user namespace may not write
   * `trusted.overlay.*`. Default: in a user namespace yes, else no. Layers written one way are misread the other way.
   */
  userxattr?: boolean | undefined;
}

export const OVERLAY_KEYS = ['lower', 'upper', 'work', 'userxattr'] as const satisfies (keyof OverlayOptions)[];

/** The layers as the kernel takes them. */
export interface Layers {
  lower: string[];
  upper: string | null;
  work: string | null;
}

/** Checks them. Undefined for what is no overlay, and for one that has its layers among `data`. */
export function validateLayers(
  name: string,
  spec: OverlayOptions & { type: string; source?: string | undefined },
  locate: Locate,
): Layers | undefined {
  const given = OVERLAY_KEYS.find((key) => spec[key] !== undefined);
  if (given === undefined) return undefined;
  if (spec.type !== 'overlay')
    throw invalidValue(`${name}.${given}`, spec[given], "is an option of the type 'overlay'");
  if (spec.source !== undefined) throw invalidValue(`${name}.source`, spec.source, "is not for the type 'overlay'");
  const lower: unknown = spec.lower;
  validateArray(`${name}.lower`, lower);
  if (lower.length === 0) throw invalidValue(`${name}.lower`, lower, 'must name at least one directory');
  if ((spec.upper === undefined) !== (spec.work === undefined)) {
    throw invalidValue(name, spec, "must have both of 'upper' and 'work', or none");
  }
  const path = (key: string, value: unknown): string => locate(validatePath(`${name}.${key}`, value));
  return {
    lower: lower.map((layer, index) => path(`lower[${index}]`, layer)),
    upper: spec.upper === undefined ? null : path('upper', spec.upper),
    work: spec.work === undefined ? null : path('work', spec.work),
  };
}
