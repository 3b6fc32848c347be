/** The root of a sandbox, in which everything else is mounted. */
import { resolve } from 'node:path';
import type { Step } from '../../types/native';
import { type Check, type Parsed, boolean, fd, integer, list, mode, path, required, schema } from '../errors/schema';
import { invalidType, invalidValue } from '../errors/validate';
import { PLACE } from '../plan/place';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { NOSUID, NO_DEVICES, type Piece, bind, filesystem, modeParameter } from './piece';
import { makeStep } from '../plan/step';
import type { DirectoryRoot, EmptyRoot, OverlayRoot } from './sandbox-spec';

/** The layers of an overlay, with absolute paths. */
export interface Layers {
  readonly lower: readonly string[];
  /** The directory that keeps what is written; undefined if it is discarded. */
  readonly upper: string | undefined;
  readonly work: string | undefined;
  /** True if the work directory was not given, so that we create and remove it. */
  readonly ownsWork: boolean;
}

/** The root's piece, and the layers of it where it is an overlay. */
export interface Root {
  readonly piece: Piece;
  readonly layers: Layers | undefined;
  /** True for an empty filesystem in memory, in which files can be made as they are needed. */
  readonly isNew: boolean;
  /** The directory of the host that it is, if programs can write there; undefined also for a descriptor. */
  readonly writable?: string | undefined;
}

const ROOT_MODE = 0o755;

const absolute: Check<string> = (name, value) => resolve(path(name, value));

const lower: Check<string[]> = (name, value) => {
  const layers = list(absolute)(name, value);
  if (layers.length === 0) throw invalidValue(name, value, 'must have a directory');
  return layers;
};

/** The options of an overlay's layers. */
export const LAYERS = schema<Omit<OverlayRoot, 'path'>>()({ lower: required(lower), upper: absolute, work: absolute });

/** The options of all kinds of root. Those that are given decide which kind it is. */
const parseOptions = schema<
  Partial<Omit<DirectoryRoot, 'lower'> & Omit<EmptyRoot, 'path' | 'lower'> & Omit<OverlayRoot, 'path'>>
>()({
  path: (name, value) => (typeof value === 'number' ? fd(name, value) : absolute(name, value)),
  readOnly: boolean,
  devices: boolean,
  size: integer(1),
  mode,
  lower,
  upper: absolute,
  work: absolute,
});

type Options = Parsed<typeof parseOptions>;

/** Checks the root. @throws TypeError, RangeError with Node's codes */
export const parseRoot: Check<Root> = (name, root) => {
  if (typeof root === 'string' || isUrl(root)) {
    return directoryRoot(absolute(name, root), NO_DEVICES | MOUNT_ATTR.RDONLY);
  }
  if (typeof root !== 'object' || Array.isArray(root)) throw invalidType(name, 'a path or an object', root);
  const options = parseOptions(name, root);
  if (options.path !== undefined && options.lower !== undefined) {
    throw invalidValue(name, root, "has two roots: either 'path' or 'lower'");
  }
  const others = (reason: string, ...own: readonly (keyof Options)[]): void => {
    for (const key of Object.keys(options) as (keyof Options)[]) {
      if (!own.includes(key)) throw invalidValue(`${name}.${key}`, options[key], reason);
    }
  };
  if (options.lower !== undefined) {
    others("cannot be given with 'lower'", 'lower', 'upper', 'work');
    return overlayRoot(layersOf(name, { ...options, lower: options.lower }));
  }
  if (options.path === undefined && (options.size !== undefined || options.mode !== undefined)) {
    others("cannot be given for a root in memory, which 'size' and 'mode' are of", 'size', 'mode');
    return emptyRoot(options);
  }
  others("cannot be given with 'path'", 'path', 'readOnly', 'devices');
  return boundRoot(name, options);
};

/** Puts the layers of an overlay together. */
export function layersOf(name: string, { lower: layers, upper, work }: Parsed<typeof LAYERS>): Layers {
  if (upper === undefined && work !== undefined) {
    throw invalidValue(`${name}.work`, work, "can be given only with 'upper', beside which it lies");
  }
  const ownsWork = upper !== undefined && work === undefined;
  return { lower: layers, upper, work: ownsWork ? `${upper}.work` : work, ownsWork };
}

/**
 * The step that mounts an overlay. With `userxattr` the kernel stores its notes in a layer in a form that needs no
 * privilege (user.overlay.* attributes). The task sends back descriptors of the layers: changes are looked for there,
 * and the descriptor of an upper layer that is kept also holds the lock on it.
 */
export function overlayStep({ lower, upper, work, ownsWork }: Layers, target: string, flags: number): Step {
  const more = PLACE.TELL_LAYERS | (upper === undefined ? PLACE.DISCARD : 0) | (ownsWork ? PLACE.OWN_WORK : 0);
  return makeStep('overlay', {
    lower: [...lower],
    upper: upper ?? null,
    work: work ?? null,
    parameters: ['userxattr'],
    attributes: NO_DEVICES,
    target,
    flags: flags | more,
  });
}

/** A filesystem in memory: the root if none is given. */
export function emptyRoot({ size, mode: bits = ROOT_MODE }: Options): Root {
  const parameters = [modeParameter(bits), ...(size === undefined ? [] : [`size=${size}`])];
  const steps: Piece['steps'] = ({ owner }) => [
    filesystem('tmpfs', '/', [...parameters, ...owner], NO_DEVICES, PLACE.NEW_ROOT),
  ];
  return { piece: { label: 'root: mount tmpfs on /', steps }, layers: undefined, isNew: true };
}

function boundRoot(name: string, { path: from, readOnly = true, devices = false }: Options): Root {
  const attributes = (devices ? NOSUID : NO_DEVICES) | (readOnly ? MOUNT_ATTR.RDONLY : 0);
  if (typeof from !== 'number') return directoryRoot(from ?? absolute(`${name}.path`, from), attributes);
  const step = makeStep('tree', { fds: [from], flags: PLACE.RECURSIVE | PLACE.NEW_ROOT, set: attributes, target: '/' });
  return {
    piece: { label: `root: bind descriptor ${from} on /`, steps: () => [step] },
    layers: undefined,
    isNew: false,
  };
}

function directoryRoot(from: string, attributes: number): Root {
  const piece = { label: `root: bind ${from} on /`, steps: () => [bind(from, '/', attributes, PLACE.NEW_ROOT)] };
  const writable = (attributes & MOUNT_ATTR.RDONLY) === 0 ? from : undefined;
  return { piece, layers: undefined, isNew: false, writable };
}

function overlayRoot(layers: Layers): Root {
  const steps: Piece['steps'] = () => [overlayStep(layers, '/', PLACE.NEW_ROOT)];
  return { layers, piece: { label: `root: mount overlay on /`, steps }, isNew: false };
}

function isUrl(value: unknown): boolean {
  return value !== null && typeof value === 'object' && 'href' in value;
}
