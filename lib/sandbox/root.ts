/** The root of a sandbox: what everything else is mounted in. */
import { resolve } from 'node:path';
import type { Step } from '../../types/native';
import {
  invalidType,
  invalidValue,
  validateArray,
  validateBoolean,
  validateKnownKeys,
  validatePath,
} from '../errors/validate';
import { MOUNT_ATTR, PLACE } from '../mount/flags';
import { NO_DEVICES, type Piece, bind, filesystem, modeParameter } from './piece';

/** Layers of an overlay, their paths absolute. */
export interface Layers {
  readonly lower: readonly string[];
  /** Undefined: what is written is discarded. */
  readonly upper: string | undefined;
  readonly work: string | undefined;
  /** Whether the work directory was not given, and is made and removed by us. */
  readonly ownsWork: boolean;
}

/** The root's piece, and the layers of it where it is an overlay. */
export interface Root {
  readonly piece: Piece;
  readonly layers: Layers | undefined;
}

const LAYER_KEYS = ['lower', 'upper', 'work'];

/** @throws TypeError with Node's codes */
export function parseRoot(name: string, root: unknown): Root {
  if (root == null) return { piece: emptyRoot, layers: undefined };
  if (typeof root === 'string' || isUrl(root)) return directoryRoot(resolve(validatePath(name, root)), true);
  if (typeof root !== 'object' || Array.isArray(root)) throw invalidType(name, 'a path or an object', root);
  if ('path' in root && 'lower' in root) throw invalidValue(name, root, "has two roots: either 'path' or 'lower'");
  return 'lower' in root ? overlayRoot(name, root) : parseDirectory(name, root);
}

/** Checks the layers of an overlay, of which `value` may have other properties as well. */
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

/** userxattr: what the kernel notes in a layer it can note without privilege. */
export function overlayStep({ lower, upper, work }: Layers, target: string, flags: number): Step {
  // The descriptor of an upper layer that is kept is its lock as well.
  const more = upper === undefined ? PLACE.DISCARD : PLACE.TELL_LAYERS;
  return ['overlay', [...lower], upper ?? null, work ?? null, ['userxattr'], NO_DEVICES, target, flags | more];
}

const emptyRoot: Piece = {
  label: 'root: mount tmpfs on /',
  steps: ({ owner }) => [filesystem('tmpfs', '/', [modeParameter(0o755), ...owner], NO_DEVICES, PLACE.NEW_ROOT)],
};

function parseDirectory(name: string, root: object): Root {
  validateKnownKeys(name, root, ['path', 'readOnly', ...LAYER_KEYS]);
  const { path, readOnly = true } = root as { path?: unknown; readOnly?: unknown };
  validateBoolean(`${name}.readOnly`, readOnly);
  return directoryRoot(resolve(validatePath(`${name}.path`, path)), readOnly);
}

function directoryRoot(path: string, readOnly: boolean): Root {
  const attributes = NO_DEVICES | (readOnly ? MOUNT_ATTR.RDONLY : 0);
  const piece = { label: `root: bind ${path} on /`, steps: () => [bind(path, '/', attributes, PLACE.NEW_ROOT)] };
  return { piece, layers: undefined };
}

function overlayRoot(name: string, root: object): Root {
  validateKnownKeys(name, root, LAYER_KEYS);
  const layers = parseLayers(name, root);
  const flags = PLACE.NEW_ROOT | PLACE.TELL_LAYERS;
  return { layers, piece: { label: `root: mount overlay on /`, steps: () => [overlayStep(layers, '/', flags)] } };
}

function isUrl(value: unknown): boolean {
  return value !== null && typeof value === 'object' && 'href' in value;
}
