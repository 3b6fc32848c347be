import { invalidValue, validateArray, validatePath } from '../errors/validate';
import type { Locate } from './locate';

/** Options of an `overlay`: the kernel's Documentation/filesystems/overlayfs.rst. */
export interface OverlayOptions {
  /** The directories below, the uppermost first. Without `upper` the mount is read-only, and needs at least two. */
  lower?: readonly (string | URL)[] | undefined;
  /** The directory that takes all changes. Default: none, and the mount is read-only. */
  upper?: string | URL | undefined;
  /** With `upper`, and only then: an empty directory on the same filesystem, in which the kernel works. */
  work?: string | URL | undefined;
  /**
   * True: the overlay keeps its marks in `user.overlay.*` attributes (Linux 5.11), because root of a user namespace
   * cannot write `trusted.overlay.*`. Default: true in a user namespace, else false. Layers written in one way are
   * misread in the other.
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

/**
 * Checks the layers. Undefined for a filesystem that is no overlay, and for an overlay that has its layers in `data`.
 */
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
