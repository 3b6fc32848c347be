import { type Check, type Parsed, boolean, list, path, schema } from '../errors/schema';
import { invalidValue } from '../errors/validate';
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

const paths: Check<string[]> = (name, value) => {
  const layers = list(path)(name, value);
  if (layers.length === 0) throw invalidValue(name, value, 'must name at least one directory');
  return layers;
};

export const OVERLAY = schema<OverlayOptions>()({ lower: paths, upper: path, work: path, userxattr: boolean });

/** The layers as the kernel takes them. */
export interface Layers {
  lower: string[];
  upper: string | null;
  work: string | null;
}

/** The layers of an overlay; undefined for another filesystem, and for an overlay that has its layers in `data`. */
export function layersOf(
  name: string,
  spec: Parsed<typeof OVERLAY> & { type: string; source?: string | undefined },
  locate: Locate,
): Layers | undefined {
  const { type, source, lower, upper, work } = spec;
  const given = OVERLAY.keys.find((key) => spec[key] !== undefined);
  if (given === undefined) return undefined;
  if (type !== 'overlay') throw invalidValue(`${name}.${given}`, spec[given], "is an option of the type 'overlay'");
  if (source !== undefined) throw invalidValue(`${name}.source`, source, "is not for the type 'overlay'");
  if ((upper === undefined) !== (work === undefined)) {
    throw invalidValue(name, { upper, work }, "must have both of 'upper' and 'work', or none");
  }
  return {
    lower: (lower ?? paths(`${name}.lower`, lower)).map((layer) => locate(layer)),
    upper: upper === undefined ? null : locate(upper),
    work: work === undefined ? null : locate(work),
  };
}
