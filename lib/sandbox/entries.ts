/** The mounts of a sandbox: checks each kind of {@link MountEntry}, and makes steps of it. */
import { resolve } from 'node:path';
import type { Step } from '../../types/native';
import { BYTES, copyText, isBytes } from '../errors/bytes';
import {
  invalidType,
  invalidValue,
  validateArray,
  validateBoolean,
  validateFd,
  validateInteger,
  validateKnownKeys,
  validateObject,
  validateOneOf,
  validatePath,
  validateString,
} from '../errors/validate';
import { MAKE, PLACE } from '../plan/place';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { deviceSteps } from './devices';
import { type Contents, contentsOf, isReadable } from './feeds';
import {
  NOSUID,
  NOTHING_BUT_FILES,
  NO_DEVICES,
  type Piece,
  type Setting,
  bind,
  filesystem,
  modeParameter,
} from './piece';
import { USUAL_NSSWITCH } from './host-userland';
import { procSteps } from './proc';
import { type Layers, overlayStep, parseLayers } from './root';
import type { MountEntry } from './sandbox-spec';
import { makeStep } from '../plan/step';

type Type = MountEntry['type'];

/** An entry whose target and keys have been checked. */
interface Entry {
  /** Its name for the caller: `'spec.mounts[3]'`. */
  readonly name: string;
  readonly target: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** An entry after its check: a description for people, and the steps that make it. */
interface Parsed {
  readonly what: string;
  readonly steps: (setting: Setting) => Step[];
  readonly layers?: Layers;
  readonly isOwnFile?: boolean;
}

/** An entry that has been checked. */
export interface CheckedEntry {
  readonly type: Type;
  readonly target: string;
  readonly piece: Piece;
  /** The layers, if it is an overlay. */
  readonly layers: Layers | undefined;
  /** A file with contents that the caller has chosen. */
  readonly isOwnFile: boolean;
}

interface Kind {
  readonly keys: readonly string[];
  readonly parse: (entry: Entry) => Parsed;
}

const MAX_MODE = 0o7777;

/** The value for a mode that was not given: an existing file keeps its own. */
const UNCHANGED = -1;

/** The mode of a mounted file if none is given. */
const NEW_FILE = 0o644;

const KINDS: Readonly<Record<Type, Kind>> = {
  bind: { keys: ['source', 'optional'], parse: (entry) => parseBind(entry, NO_DEVICES) },
  bindReadOnly: {
    keys: ['source', 'optional'],
    parse: (entry) => parseBind(entry, NO_DEVICES | MOUNT_ATTR.RDONLY),
  },
  bindDevices: { keys: ['source', 'optional'], parse: (entry) => parseBind(entry, NOSUID) },
  tmpfs: { keys: ['size', 'mode'], parse: parseTmpfs },
  proc: { keys: ['masked'], parse: parseProc },
  dev: { keys: ['exec'], parse: parseDevices },
  mqueue: { keys: [], parse: (entry) => parseKernel('mqueue', entry, NOTHING_BUT_FILES) },
  sysfs: { keys: [], parse: (entry) => parseKernel('sysfs', entry, NOTHING_BUT_FILES | MOUNT_ATTR.RDONLY) },
  cgroup2: { keys: [], parse: (entry) => parseKernel('cgroup2', entry, NOTHING_BUT_FILES | MOUNT_ATTR.RDONLY) },
  overlay: { keys: ['lower', 'upper', 'work'], parse: parseOverlay },
  dir: { keys: ['mode', 'keepMode'], parse: parseDirectory },
  symlink: { keys: ['to'], parse: parseSymlink },
  file: { keys: ['data', 'mode', 'readOnly', 'mounted'], parse: parseFile },
  readOnly: { keys: ['recursive', 'optional'], parse: parseReadOnly },
  mask: { keys: ['optional'], parse: parseMask },
  chmod: { keys: ['mode'], parse: parseChmod },
};

const TYPES = Object.keys(KINDS) as Type[];

/** The types of entry that can have the root itself as target. All others would put a second root on it. */
const OF_ROOT: readonly Type[] = ['readOnly', 'chmod'];

/** @throws TypeError, RangeError with Node's codes, naming the entry */
export function parseEntries(name: string, mounts: unknown): CheckedEntry[] {
  if (mounts == null) return [];
  validateArray(name, mounts);
  return mounts.map((entry, index) => parseEntry(`${name}[${index}]`, entry));
}

/** Checks an entry. Its label has the name without the variable before it: `'mounts[3]: bind /x on /y'`. */
function parseEntry(name: string, value: unknown): CheckedEntry {
  validateObject(name, value);
  const { type, target, ...options } = value as Record<string, unknown>;
  validateOneOf(`${name}.type`, type, TYPES);
  const kind = KINDS[type];
  validateKnownKeys(name, options, ['type', 'target', ...kind.keys]);
  const path = parseTarget(`${name}.target`, target);
  if (path === '/' && !OF_ROOT.includes(type)) {
    throw invalidValue(`${name}.target`, target, "would be a second root: that is what 'spec.root' says");
  }
  const { what, steps, layers, isOwnFile = false } = kind.parse({ name, target: path, options });
  const label = `${name.slice(name.indexOf('.') + 1)}: ${what}`;
  return { type, target: path, piece: { label, steps }, layers, isOwnFile };
}

/**
 * Checks a target, and removes slashes at its end. `..` and links in it stay, as only the kernel knows where they lead.
 */
function parseTarget(name: string, target: unknown): string {
  validateString(name, target);
  if (!target.startsWith('/')) throw invalidValue(name, target, 'must be an absolute path, in the sandbox');
  return target.replace(/\/+$/, '') || '/';
}

function parseBind({ name, target, options }: Entry, attributes: number): Parsed {
  const { source, optional = false } = options;
  validateBoolean(`${name}.optional`, optional);
  const passed = optional ? PLACE.OPTIONAL : 0;
  if (typeof source === 'number') {
    validateFd(`${name}.source`, source);
    const flags = PLACE.MAKE_MISSING | PLACE.RECURSIVE | passed;
    const step = makeStep('tree', { fds: [source], flags, set: attributes, target });
    return { what: `bind descriptor ${source} on ${target}`, steps: () => [step] };
  }
  const path = resolve(validatePath(`${name}.source`, source));
  return { what: `bind ${path} on ${target}`, steps: () => [bind(path, target, attributes, passed)] };
}

function parseTmpfs({ name, target, options }: Entry): Parsed {
  const { size, mode = 0o755 } = options;
  const parameters = [modeParameter(parseMode(name, mode))];
  if (size !== undefined) {
    validateInteger(`${name}.size`, size, 1);
    parameters.push(`size=${size}`);
  }
  return mounts('tmpfs', target, ({ owner }) => [filesystem('tmpfs', target, [...parameters, ...owner], NO_DEVICES)]);
}

function parseProc({ name, target, options }: Entry): Parsed {
  const { masked = true } = options;
  validateBoolean(`${name}.masked`, masked);
  return mounts('proc', target, (setting) => procSteps(target, masked, setting));
}

function parseDevices({ name, target, options }: Entry): Parsed {
  const { exec = false } = options;
  validateBoolean(`${name}.exec`, exec);
  return mounts('dev', target, (setting) => deviceSteps(target, exec, setting));
}

function parseKernel(type: 'mqueue' | 'sysfs' | 'cgroup2', { target }: Entry, attributes: number): Parsed {
  return mounts(type, target, () => [filesystem(type, target, [], attributes)]);
}

function parseOverlay({ name, target, options }: Entry): Parsed {
  const layers = parseLayers(name, options);
  return { ...mounts('overlay', target, () => [overlayStep(layers, target, PLACE.MAKE_MISSING)]), layers };
}

function parseDirectory({ name, target, options }: Entry): Parsed {
  const { mode, keepMode = false } = options;
  validateBoolean(`${name}.keepMode`, keepMode);
  const permissions = mode === undefined ? UNCHANGED : parseMode(name, mode);
  const flags = MAKE.PRIVATE | (keepMode ? MAKE.IF_MADE : 0);
  return {
    what: `make directory ${target}`,
    steps: () => [makeStep('make_dir', { path: target, mode: permissions, flags })],
  };
}

function parseSymlink({ name, target, options }: Entry): Parsed {
  const { to } = options;
  validateString(`${name}.to`, to);
  if (to === '') throw invalidValue(`${name}.to`, to, 'cannot be empty');
  return { what: `make link ${target}`, steps: () => [['make_link', target, to]] };
}

function parseFile({ name, target, options }: Entry): Parsed {
  const { data, mode, readOnly = false } = options;
  const { mounted = readOnly } = options;
  const permissions = mode === undefined ? UNCHANGED : parseMode(name, mode);
  validateBoolean(`${name}.readOnly`, readOnly);
  validateBoolean(`${name}.mounted`, mounted);
  if (readOnly && !mounted) throw invalidValue(`${name}.mounted`, mounted, "cannot be false with 'readOnly'");
  const attributes = NO_DEVICES | (readOnly ? MOUNT_ATTR.RDONLY : 0);
  const contents = parseData(`${name}.data`, data);
  return {
    what: `${mounted ? 'mount' : 'make'} file ${target}`,
    isOwnFile: data !== USUAL_NSSWITCH,
    steps: (setting) => {
      const [bytes, from] = contents(setting);
      const file = { contents: bytes, from };
      if (!mounted) return [makeStep('make_file', { path: target, mode: permissions, ...file })];
      const own = mode === undefined ? NEW_FILE : permissions;
      return [makeStep('data', { target, mode: own, ...file, attributes })];
    },
  };
}

function parseData(name: string, data: unknown): (setting: Setting) => Contents {
  if (typeof data === 'number') {
    validateFd(name, data);
    return () => ['', [data]];
  }
  if (isReadable(data)) return ({ feed }) => contentsOf(data, feed);
  if (typeof data !== 'string' && !isBytes(data)) {
    throw invalidType(name, `a string, a descriptor, a Readable, or ${BYTES}`, data);
  }
  const contents = copyText(name, data);
  return ({ feed }) => contentsOf(contents, feed);
}

function parseReadOnly({ name, target, options }: Entry): Parsed {
  const { recursive = false, optional = false } = options;
  validateBoolean(`${name}.recursive`, recursive);
  validateBoolean(`${name}.optional`, optional);
  const flags = (recursive ? PLACE.RECURSIVE : 0) | (optional ? PLACE.OPTIONAL : 0);
  const step = makeStep('seal', { target, attributes: MOUNT_ATTR.RDONLY, flags });
  return { what: `make ${target} read-only`, steps: () => [step] };
}

function parseMask({ name, target, options }: Entry): Parsed {
  const { optional = false } = options;
  validateBoolean(`${name}.optional`, optional);
  return { what: `mask ${target}`, steps: () => [['mask', target, optional ? 1 : 0]] };
}

function parseChmod({ name, target, options }: Entry): Parsed {
  const mode = parseMode(name, options.mode);
  return { what: `chmod ${target}`, steps: () => [['chmod', target, mode]] };
}

function mounts(type: string, target: string, steps: Parsed['steps']): Parsed {
  return { what: `mount ${type} on ${target}`, steps };
}

function parseMode(name: string, mode: unknown): number {
  validateInteger(`${name}.mode`, mode, 0, MAX_MODE);
  return mode;
}
