/** The root of a sandbox, in which everything else is mounted. */
import { resolve } from 'node:path';
import type { Step } from '../../types/native';
import {
  invalidType,
  invalidValue,
  validateArray,
  validateBoolean,
  validateFd,
  validateInteger,
  validateKnownKeys,
  validatePath,
} from '../errors/validate';
import { PLACE } from '../plan/place';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { NOSUID, NO_DEVICES, type Piece, bind, filesystem, modeParameter } from './piece';
import { makeStep } from '../plan/step';

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
}

const LAYER_KEYS = ['lower', 'upper', 'work'];
const DIRECTORY_KEYS = ['path', 'readOnly', 'devices'];
const EMPTY_KEYS = ['size', 'mode'];

const ROOT_MODE = 0o755;
const MAX_MODE = 0o7777;

/** @throws TypeError with Node's codes */
export function parseRoot(name: string, root: unknown): Root {
  if (root == null) return emptyRoot([modeParameter(ROOT_MODE)]);
  if (typeof root === 'string' || isUrl(root)) {
    return directoryRoot(resolve(validatePath(name, root)), NO_DEVICES | MOUNT_ATTR.RDONLY);
  }
  if (typeof root !== 'object' || Array.isArray(root)) throw invalidType(name, 'a path or an object', root);
  if (isGiven(root, 'path') && isGiven(root, 'lower')) {
    throw invalidValue(name, root, "has two roots: either 'path' or 'lower'");
  }
  if (isGiven(root, 'lower')) return overlayRoot(name, root);
  return isGiven(root, 'path') || !EMPTY_KEYS.some((key) => isGiven(root, key))
    ? parseDirectory(name, root)
    : parseEmpty(name, root);
}

function isGiven(root: object, key: string): boolean {
  return (root as Record<string, unknown>)[key] !== undefined;
}

/** Checks the layers of an overlay. `value` may have other properties as well. */
export function parseLayers(name: string, value: object): Layers {
  const { lower, upper, work } = value as Record<string, unknown>;
  validateArray(`${name}.lower`, lower);
  if (lower.length === 0) throw invalidValue(`${name}.lower`, lower, 'must have a directory');
  if (upper === undefined && work !== undefined) {
    throw invalidValue(`${name}.work`, work, "can be given only with 'upper', beside which it lies");
  }
  const kept = upper === undefined ? undefined : resolve(validatePath(`${name}.upper`, upper));
  return {
    lower: lower.map((path, index) => resolve(validatePath(`${name}.lower[${index}]`, path))),
    upper: kept,
    work:
      kept === undefined
        ? undefined
        : work === undefined
          ? `${kept}.work`
          : resolve(validatePath(`${name}.work`, work)),
    ownsWork: kept !== undefined && work === undefined,
  };
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

function emptyRoot(parameters: readonly string[]): Root {
  const steps: Piece['steps'] = ({ owner }) => [
    filesystem('tmpfs', '/', [...parameters, ...owner], NO_DEVICES, PLACE.NEW_ROOT),
  ];
  return { piece: { label: 'root: mount tmpfs on /', steps }, layers: undefined };
}

function parseEmpty(name: string, root: object): Root {
  validateKnownKeys(name, root, [...EMPTY_KEYS, ...DIRECTORY_KEYS, ...LAYER_KEYS]);
  const { size, mode = ROOT_MODE, ...others } = root as Record<string, unknown>;
  for (const [key, value] of Object.entries(others)) {
    if (value === undefined) continue;
    throw invalidValue(`${name}.${key}`, value, "cannot be given for a root in memory, which 'size' and 'mode' are of");
  }
  validateInteger(`${name}.mode`, mode, 0, MAX_MODE);
  const parameters = [modeParameter(mode)];
  if (size !== undefined) {
    validateInteger(`${name}.size`, size, 1);
    parameters.push(`size=${size}`);
  }
  return emptyRoot(parameters);
}

function parseDirectory(name: string, root: object): Root {
  validateKnownKeys(name, root, [...DIRECTORY_KEYS, ...EMPTY_KEYS, ...LAYER_KEYS]);
  const { path, readOnly = true, devices = false, ...others } = root as Record<string, unknown>;
  validateBoolean(`${name}.readOnly`, readOnly);
  validateBoolean(`${name}.devices`, devices);
  for (const [key, value] of Object.entries(others)) {
    if (value !== undefined) throw invalidValue(`${name}.${key}`, value, "cannot be given with 'path'");
  }
  const attributes = (devices ? NOSUID : NO_DEVICES) | (readOnly ? MOUNT_ATTR.RDONLY : 0);
  if (typeof path === 'number') {
    validateFd(`${name}.path`, path);
    const flags = PLACE.RECURSIVE | PLACE.NEW_ROOT;
    const step = makeStep('tree', { fds: [path], flags, set: attributes, target: '/' });
    return { piece: { label: `root: bind descriptor ${path} on /`, steps: () => [step] }, layers: undefined };
  }
  return directoryRoot(resolve(validatePath(`${name}.path`, path)), attributes);
}

function directoryRoot(path: string, attributes: number): Root {
  const piece = { label: `root: bind ${path} on /`, steps: () => [bind(path, '/', attributes, PLACE.NEW_ROOT)] };
  return { piece, layers: undefined };
}

function overlayRoot(name: string, root: object): Root {
  validateKnownKeys(name, root, LAYER_KEYS);
  const layers = parseLayers(name, root);
  const steps: Piece['steps'] = () => [overlayStep(layers, '/', PLACE.NEW_ROOT)];
  return { layers, piece: { label: `root: mount overlay on /`, steps } };
}

function isUrl(value: unknown): boolean {
  return value !== null && typeof value === 'object' && 'href' in value;
}
