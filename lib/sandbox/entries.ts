/** The mounts of a sandbox: checks each kind of {@link MountEntry}, and makes steps of it. */
import { constants } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Step } from '../../types/native';
import { withoutPrototype } from '../errors/plain';
import { BYTES, copyText, isBytes } from '../errors/bytes';
import {
  type Check,
  type Checked,
  type Parsed as Options,
  type Parser,
  type Schema,
  boolean,
  chosenBy,
  fd,
  integer,
  list,
  mode,
  oneOf,
  path,
  required,
  schema,
  string,
} from '../errors/schema';
import { invalidType, invalidValue, validateString } from '../errors/validate';
import { MAKE, PLACE } from '../plan/place';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { deviceSteps } from './devices';
import { Glob } from './globs/glob';
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
import { LAYERS, type Layers, layersOf, overlayStep } from './root';
import type {
  BindEntry,
  ChmodEntry,
  DevEntry,
  DirectoryEntry,
  FileEntry,
  KernelEntry,
  MaskEntry,
  MountEntry,
  OverlayEntry,
  ProcEntry,
  ProtectEntry,
  ReadOnlyEntry,
  SymlinkEntry,
  TmpfsEntry,
} from './sandbox-spec';
import { makeStep } from '../plan/step';

type Type = MountEntry['type'];

/** An entry after its check: a description for people, and the steps that make it. */
interface Parsed {
  readonly what: string;
  readonly steps: (setting: Setting) => Step[];
  readonly layers?: Layers | undefined;
  readonly isOwnFile?: boolean | undefined;
  readonly isReadOnce?: boolean | undefined;
  readonly writable?: string | undefined;
  readonly search?: ParsedSearch | undefined;
}

/** An entry with patterns after its check. */
interface ParsedSearch extends Omit<Search, 'label' | 'pieceAt'> {
  readonly at: (found: string) => Parsed;
}

/** A search for the paths that an entry with patterns is for. */
export interface Search {
  /** The name of the entry in errors. */
  readonly label: string;
  /** The directory of the host. */
  readonly source: string;
  readonly globs: readonly Glob[];
  /** The piece for a path that was found, relative to the directory. */
  readonly pieceAt: (found: string) => Piece;
}

/** An entry that has been checked. */
export interface CheckedEntry {
  readonly type: Type;
  readonly target: string;
  /** The piece that makes it. One with a {@link search} has a piece for each path that is found. */
  readonly piece: Piece;
  readonly search: Search | undefined;
  /** The layers, if it is an overlay. */
  readonly layers: Layers | undefined;
  /** A file with contents that the caller has chosen. */
  readonly isOwnFile: boolean;
  /** A file whose contents can be read once: those of a stream or a descriptor. */
  readonly isReadOnce: boolean;
  /** The path of the host that is writable at the target; undefined also for a descriptor. */
  readonly writable: string | undefined;
}

/** The value for a mode that was not given: an existing file keeps its own. */
const UNCHANGED = -1;

/** The mode of a mounted file if none is given. */
const NEW_FILE = 0o644;

/**
 * Checks a target, and removes slashes at its end. `..` and links in it stay, as only the kernel knows where they lead.
 */
const target: Check<string> = (name, value) => {
  validateString(name, value);
  if (!value.startsWith('/')) throw invalidValue(name, value, 'must be an absolute path, in the sandbox');
  return value.replace(/\/+$/, '') || '/';
};

/** The target of an entry that would be a second root if it were mounted on the first. */
const below: Check<string> = (name, value) => {
  const checked = target(name, value);
  if (checked !== '/') return checked;
  throw invalidValue(name, value, "would be a second root: that is what 'spec.root' says");
};

const absolutePath: Check<string> = (name, value) => resolve(path(name, value));

const source: Check<string | number> = (name, value) =>
  typeof value === 'number' ? fd(name, value) : absolutePath(name, value);

const patterns: Check<Glob[]> = (name, value) => {
  const given = Array.isArray(value) ? list(string)(name, value) : [string(name, value)];
  return given.flatMap((each, index) => Glob.parse(Array.isArray(value) ? `${name}[${index}]` : name, each));
};

/** The options of an entry for what matches. */
const MATCHING = { match: patterns, source: absolutePath };

/** A target that keeps the slash at its end, which says what it is made as where it is missing. */
const protectedPath: Check<string> = (name, value) => {
  const checked = below(name, value);
  return String(value).endsWith('/') ? `${checked}/` : checked;
};

const link: Check<string> = (name, value) => {
  validateString(name, value);
  if (value !== '') return value;
  throw invalidValue(name, value, 'cannot be empty');
};

const data: Check<string | Uint8Array | Readable | number> = (name, value) => {
  if (typeof value === 'number') return fd(name, value);
  if (isReadable(value)) return value;
  if (typeof value === 'string' || isBytes(value)) return copyText(name, value);
  throw invalidType(name, `a string, a descriptor, a Readable, or ${BYTES}`, value);
};

const BIND = schema<BindEntry>()({
  type: required(oneOf(['bind', 'bindReadOnly', 'bindDevices'])),
  target: required(below),
  source: required(source),
  optional: boolean,
  match: patterns,
});

const TMPFS = schema<TmpfsEntry>()({
  type: required(oneOf(['tmpfs'])),
  target: required(below),
  size: integer(1),
  mode,
});

const PROC = schema<ProcEntry>()({ type: required(oneOf(['proc'])), target: required(below), masked: boolean });

const DEV = schema<DevEntry>()({ type: required(oneOf(['dev'])), target: required(below), exec: boolean });

const KERNEL = schema<KernelEntry>()({
  type: required(oneOf(['mqueue', 'sysfs', 'cgroup2'])),
  target: required(below),
});

const OVERLAY = schema<Omit<OverlayEntry, 'path'>>()({
  type: required(oneOf(['overlay'])),
  target: required(below),
  ...LAYERS.checks,
});

const DIRECTORY = schema<DirectoryEntry>()({
  type: required(oneOf(['dir'])),
  target: required(below),
  mode,
  keepMode: boolean,
});

const SYMLINK = schema<SymlinkEntry>()({
  type: required(oneOf(['symlink'])),
  target: required(below),
  to: required(link),
});

const FILE = schema<FileEntry>()({
  type: required(oneOf(['file'])),
  target: required(below),
  data: required(data),
  mode,
  readOnly: boolean,
  mounted: boolean,
});

const READ_ONLY = schema<ReadOnlyEntry>()({
  type: required(oneOf(['readOnly'])),
  target: required(target),
  recursive: boolean,
  optional: boolean,
  ...MATCHING,
});

const MASK = schema<MaskEntry>()({
  type: required(oneOf(['mask'])),
  target: required(target),
  optional: boolean,
  ...MATCHING,
});

const PROTECT = schema<ProtectEntry>()({
  type: required(oneOf(['protect'])),
  target: required(protectedPath),
  ...MATCHING,
});

const CHMOD = schema<ChmodEntry>()({
  type: required(oneOf(['chmod'])),
  target: required(target),
  mode: required(mode),
});

/** Checks an entry. @throws TypeError, RangeError with Node's codes, naming the entry */
export const parseEntry = chosenBy<CheckedEntry>('type', {
  bind: entry(
    BIND,
    matching((given) => bound(given, NO_DEVICES)),
  ),
  bindReadOnly: entry(
    BIND,
    matching((given) => bound(given, NO_DEVICES | MOUNT_ATTR.RDONLY)),
  ),
  bindDevices: entry(
    BIND,
    matching((given) => bound(given, NOSUID)),
  ),
  tmpfs: entry(TMPFS, tmpfs),
  proc: entry(PROC, ({ target: at, masked = true }) =>
    mounted('proc', at, (setting) => procSteps(at, masked, setting)),
  ),
  dev: entry(DEV, ({ target: at, exec = false }) => mounted('dev', at, (setting) => deviceSteps(at, exec, setting))),
  mqueue: entry(KERNEL, (given) => kernelFilesystem(given, NOTHING_BUT_FILES)),
  sysfs: entry(KERNEL, (given) => kernelFilesystem(given, NOTHING_BUT_FILES | MOUNT_ATTR.RDONLY)),
  cgroup2: entry(KERNEL, (given) => kernelFilesystem(given, NOTHING_BUT_FILES | MOUNT_ATTR.RDONLY)),
  overlay: entry(OVERLAY, overlay),
  dir: entry(DIRECTORY, directory),
  symlink: entry(SYMLINK, ({ target: at, to }) => ({ what: `make link ${at}`, steps: () => [['make_link', at, to]] })),
  file: entry(FILE, file),
  readOnly: entry(READ_ONLY, matchingTarget(readOnly)),
  mask: entry(MASK, matchingTarget(mask)),
  protect: entry(PROTECT, matchingTarget(protect)),
  chmod: entry(CHMOD, ({ target: at, mode: bits }) => ({ what: `chmod ${at}`, steps: () => [['chmod', at, bits]] })),
} satisfies Record<Type, Parser<CheckedEntry>>);

/** A kind of entry. Its label has the name without the variable before it: `'mounts[3]: bind /x on /y'`. */
function entry<C>(parse: Schema<C>, make: (given: Checked<C>, name: string) => Parsed): Parser<CheckedEntry> {
  return (name, value, read) => {
    const given = parse(name, value, read);
    const { type, target: at } = given as unknown as Pick<MountEntry, 'type' | 'target'>;
    const made = make(given, name);
    const { layers, isOwnFile = false, isReadOnce = false, writable, search } = made;
    const pieceOf = ({ what, steps }: Parsed): Piece => ({
      label: `${name.slice(name.indexOf('.') + 1)}: ${what}`,
      steps,
    });
    const piece = pieceOf(made);
    const found = search && { ...search, label: piece.label, pieceAt: (path: string) => pieceOf(search.at(path)) };
    return { type, target: at, piece, search: found, layers, isOwnFile, writable, isReadOnce };
  };
}

/** The options of an entry that may have patterns. */
interface Matching {
  target: string;
  match?: Glob[] | undefined;
  source?: string | number | undefined;
  optional?: boolean | undefined;
}

/** Makes of an entry one for each path that its patterns match. A path may be gone again when its turn comes. */
function matching<G extends Matching>(make: (given: G, name: string) => Parsed): (given: G, name: string) => Parsed {
  return (given, name) => {
    const { match, source: from = given.target, target: at } = given;
    if (match === undefined) return make(given, name);
    if (typeof from === 'number') throw invalidValue(`${name}.source`, from, "must be a path with 'match'");
    const one = (found: string): G =>
      withoutPrototype(given, { source: join(from, found), target: join(at, found), optional: true });
    return { ...make(given, name), search: { source: from, globs: match, at: (found) => make(one(found), name) } };
  };
}

function bound({ target: at, source: from, optional = false }: Options<typeof BIND>, attributes: number): Parsed {
  const passed = optional ? PLACE.OPTIONAL : 0;
  if (typeof from === 'string') {
    const writable = (attributes & MOUNT_ATTR.RDONLY) === 0 ? from : undefined;
    return { what: `bind ${from} on ${at}`, steps: () => [bind(from, at, attributes, passed)], writable };
  }
  const flags = PLACE.MAKE_MISSING | PLACE.RECURSIVE | passed;
  const step = makeStep('tree', { fds: [from], flags, set: attributes, target: at });
  return { what: `bind descriptor ${from} on ${at}`, steps: () => [step] };
}

function tmpfs({ target: at, size, mode: bits = 0o755 }: Options<typeof TMPFS>): Parsed {
  const parameters = [modeParameter(bits), ...(size === undefined ? [] : [`size=${size}`])];
  return mounted('tmpfs', at, ({ owner }) => [filesystem('tmpfs', at, [...parameters, ...owner], NO_DEVICES)]);
}

function kernelFilesystem({ type, target: at }: Options<typeof KERNEL>, attributes: number): Parsed {
  return mounted(type, at, () => [filesystem(type, at, [], attributes)]);
}

function overlay(given: Options<typeof OVERLAY>, name: string): Parsed {
  const layers = layersOf(name, given);
  return { ...mounted('overlay', given.target, () => [overlayStep(layers, given.target, PLACE.MAKE_MISSING)]), layers };
}

function directory({ target: at, mode: bits = UNCHANGED, keepMode = false }: Options<typeof DIRECTORY>): Parsed {
  const flags = MAKE.PRIVATE | (keepMode ? MAKE.IF_MADE : 0);
  return { what: `make directory ${at}`, steps: () => [makeStep('make_dir', { path: at, mode: bits, flags })] };
}

function file(given: Options<typeof FILE>, name: string): Parsed {
  const { target: at, data: contents, mode: bits, readOnly: sealed = false, mounted: apart = sealed } = given;
  if (sealed && !apart) throw invalidValue(`${name}.mounted`, apart, "cannot be false with 'readOnly'");
  const attributes = NO_DEVICES | (sealed ? MOUNT_ATTR.RDONLY : 0);
  return {
    what: `${apart ? 'mount' : 'make'} file ${at}`,
    isOwnFile: contents !== USUAL_NSSWITCH,
    isReadOnce: typeof contents === 'number' || isReadable(contents),
    steps: ({ feed }) => {
      const [bytes, from]: Contents = typeof contents === 'number' ? ['', [contents]] : contentsOf(contents, feed);
      return apart
        ? [makeStep('data', { target: at, mode: bits ?? NEW_FILE, contents: bytes, from, attributes })]
        : [makeStep('make_file', { path: at, mode: bits ?? UNCHANGED, contents: bytes, from })];
    },
  };
}

/** The same for an entry that has a source only for its patterns. */
function matchingTarget<G extends Matching>(
  make: (given: G, name: string) => Parsed,
): (given: G, name: string) => Parsed {
  return (given, name) => {
    if (given.source === undefined || given.match !== undefined) return matching(make)(given, name);
    throw invalidValue(`${name}.source`, given.source, "can be given only with 'match', which is looked for there");
  };
}

function protect({ target: at }: Options<typeof PROTECT>): Parsed {
  const type = at.endsWith('/') ? constants.S_IFDIR : constants.S_IFREG;
  return { what: `protect ${at}`, steps: () => [makeStep('protect', { target: at, type })] };
}

function mask({ target: at, match, optional = false }: Options<typeof MASK>, name: string): Parsed {
  if (match === undefined) below(`${name}.target`, at);
  return { what: `mask ${at}`, steps: () => [['mask', at, optional ? 1 : 0]] };
}

function readOnly({ target: at, recursive = false, optional = false }: Options<typeof READ_ONLY>): Parsed {
  const flags = (recursive ? PLACE.RECURSIVE : 0) | (optional ? PLACE.OPTIONAL : 0);
  const step = makeStep('seal', { target: at, attributes: MOUNT_ATTR.RDONLY, flags });
  return { what: `make ${at} read-only`, steps: () => [step] };
}

function mounted(type: string, at: string, steps: Parsed['steps']): Parsed {
  return { what: `mount ${type} on ${at}`, steps };
}
