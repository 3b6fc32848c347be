import { resolve } from 'node:path';
import type { Step } from '../../types/native';
import { optionOf, withoutPrototype } from '../errors/plain';
import { type Check, type Parsed, boolean, path, required, schema, string, without } from '../errors/schema';
import { invalidValue, validatePath } from '../errors/validate';
import { isNested } from '../hints/nested';
import { HostFiles } from '../kernel/host-files';
import { closeFd } from '../handle/close';
import { type Target, joins, run, runBody } from '../launch/launch';
import { PLACE } from '../plan/place';
import {
  ATTRIBUTE_KEYS,
  type AttributeFields,
  NEW_MOUNT,
  type NewMountAttributes,
  attributesOf,
  changesNothing,
} from './attributes';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import type { Locate } from './locate';
import { OVERLAY, type OverlayOptions, layersOf } from './overlay';
import { FILESYSTEM, type FilesystemOptions, REMOUNT_KEYS, parametersOf } from './parameters';
import { makeStep } from '../plan/step';

/** A filesystem to be mounted. */
export interface FilesystemSpec extends FilesystemOptions, OverlayOptions, NewMountAttributes {
  /** The type of filesystem, a name of `/proc/filesystems`. */
  type: string;
  /** The device. For a filesystem without a device it is the name that mountinfo shows. Default: the type. */
  source?: string | undefined;
}

/** The options of one mount. Exactly one of `type`, `bind`, `move` and `remount` says which operation it is. */
export interface MountOptions extends Omit<FilesystemSpec, 'type'> {
  /** The path to mount on: an existing directory, or a file for a bind mount of a file. */
  target: string | URL;
  /** A new filesystem of this type, a name of `/proc/filesystems`. */
  type?: string | undefined;
  /** The device of a new filesystem; for `bind` and `move`, the path of the source. */
  source?: string | undefined;
  /** Makes `source`, a directory or file, visible at `target` as well. With `remount`: changes only this mount. */
  bind?: boolean | undefined;
  /**
   * With `bind`: includes the mounts below `source`, and sets the attributes on all of them. With `remount` and `bind`:
   * changes all mounts below as well. Default false.
   */
  recursive?: boolean | undefined;
  /** Moves the mount at `source` to `target`. */
  move?: boolean | undefined;
  /**
   * Changes the mount at `target`: the options of the filesystem, which concern all mounts of it, and the attributes of
   * this mount. An option that is not given stays as it is. `readOnly` changes both; with `bind`, only this mount.
   */
  remount?: boolean | undefined;
  /**
   * Creates a missing target, and directories on the way to it: mode 0755, or an empty file for a file. Default false.
   */
  create?: boolean | undefined;
}

type Key = keyof MountOptions;

/** A device or a name; as the source of a `bind` or a `move` a path, also as a URL. */
const source: Check<string> = (name, value) => (typeof value === 'string' ? string(name, value) : path(name, value));

export const SPEC = schema<FilesystemSpec>()({
  type: required(string),
  source,
  ...OVERLAY.checks,
  ...FILESYSTEM.checks,
  ...NEW_MOUNT.checks,
});

/** {@link FilesystemSpec}, checked. */
type Spec = Parsed<typeof SPEC>;

const MOUNT = schema<MountOptions>()({
  target: required(path),
  type: string,
  ...without(SPEC.checks, 'type'),
  bind: boolean,
  recursive: boolean,
  move: boolean,
  remount: boolean,
  create: boolean,
});

/** The options that each operation takes. */
const TAKES = {
  type: ['target', 'create', ...SPEC.keys],
  bind: ['target', 'create', 'bind', 'source', 'recursive', ...NEW_MOUNT.keys],
  move: ['target', 'move', 'source'],
  remount: ['target', 'remount', ...REMOUNT_KEYS, ...ATTRIBUTE_KEYS],
  'bind and remount': ['target', 'remount', 'bind', 'recursive', ...ATTRIBUTE_KEYS],
} as const satisfies Record<string, readonly Key[]>;

type Operation = keyof typeof TAKES;

const SWITCHES: readonly Key[] = ['bind', 'move', 'remount', 'recursive', 'create'];

/** All options of {@link mount}. */
export const MOUNT_KEYS: readonly string[] = MOUNT.keys;

/** One mount that a caller asks for. Its options have been checked, and they are those of the operation. */
export interface MountRequest {
  /** The caller's name for the options: `'options.mounts[0]'`. */
  readonly name: string;
  /** The options as the caller has given them, to be shown in errors. */
  readonly given: object;
  readonly operation: Operation;
  readonly options: Parsed<typeof MOUNT>;
}

/** Checks the options of a mount. @throws TypeError, RangeError with Node's codes */
export function parseMount(name: string, given: unknown): MountRequest {
  const options = MOUNT(name, given);
  const operation = operationOf(name, given, options);
  const takes: readonly string[] = TAKES[operation];
  for (const key of Object.keys(options) as Key[]) {
    // A switch that is false asks for nothing.
    if (takes.includes(key) || (SWITCHES.includes(key) && options[key] === false)) continue;
    throw invalidValue(
      `${name}.${key}`,
      optionOf(given as object, key),
      `cannot be given for a mount by '${operation}'`,
    );
  }
  return { name, given: given as object, operation, options };
}

function operationOf(name: string, given: unknown, options: Parsed<typeof MOUNT>): Operation {
  const { bind = false, move = false, remount = false, source: from, type } = options;
  if (move && (bind || remount)) throw invalidValue(name, given, "cannot combine 'move' with 'bind' or 'remount'");
  if (remount) return bind ? 'bind and remount' : 'remount';
  if (bind || move) {
    if (from === undefined) throw invalidValue(`${name}.source`, from, "must be given with 'bind' and 'move'");
    validatePath(`${name}.source`, from);
    return bind ? 'bind' : 'move';
  }
  if (type !== undefined) return 'type';
  throw invalidValue(`${name}.type`, type, "must be given unless it is a 'bind', a 'move' or a 'remount'");
}

/**
 * Mounts a filesystem (`type`), a directory or file a second time (`bind`), moves a mount (`move`), or changes one
 * (`remount`): what mount(8) does, by fsopen(2), open_tree(2), mount_setattr(2) and move_mount(2).
 *
 * It acts on this process's own mount namespace, in a task of its own: the event loop does not wait, and no thread of
 * this process moves. Takes CAP_SYS_ADMIN in the user namespace that owns the mount namespace. The same on a
 * {@link NamespaceSet} acts inside that.
 *
 * A bind mount gets its attributes, `readOnly` for example, before anybody can see it, and with `recursive` so do the
 * mounts below. Before Linux 5.12 they are set by remounts right after, and `idmap` is not supported.
 *
 * @throws NamespaceError `EPERM`, `ENOENT`, `ENODEV` for an unknown type, `EBUSY`, `EINVAL`, …; `hint` has the
 * filesystem's own message, if there is one
 *
 * @example
 * ```ts
 * await mount({ type: 'tmpfs', target: '/mnt', noSuid: true, noDev: true, size: 1 << 20 });
 * await mount({ bind: true, recursive: true, source: '/usr', target: '/mnt/usr', create: true, readOnly: true });
 * await mount({ type: 'overlay', target: '/mnt/all', create: true, lower: ['/mnt/usr'], upper: '/up', work: '/work' });
 * ```
 */
export async function mount(options: MountOptions): Promise<void> {
  await mountIn({}, options, resolve);
}

/**
 * Mounts in the mount namespace of `target`.
 *
 * @param locate - makes a path what the task there is to see
 */
export async function mountIn(target: Target, given: unknown, locate: Locate): Promise<void> {
  const request = parseMount('options', given);
  if (request.operation === 'type') await mountFilesystem(target, specOf(request), locate, placeOf(request, locate));
  else await run(target, [stepOf(request, locate)]);
}

/**
 * The steps of a mount for a task that is inside already. Paths are as that task sees them.
 *
 * @throws TypeError for a new filesystem with `propagation` or `idmap`, which take two tasks
 */
export function stepsOfMount(target: Target, request: MountRequest): Step[] {
  const { name, given, operation, options } = request;
  const asSeen: Locate = (seen) => seen;
  if (operation !== 'type') return [stepOf(request, asSeen)];
  for (const key of ['propagation', 'idmap'] as const) {
    if (options[key] === undefined) continue;
    throw invalidValue(
      `${name}.${key}`,
      optionOf(given, key),
      'cannot be given for a filesystem that is mounted for a program',
    );
  }
  return [filesystemStep(target, specOf(request), asSeen, placeOf(request, asSeen), name)];
}

/** The options of a new filesystem. */
function specOf({ options }: MountRequest): Spec {
  return withoutPrototype(options, { type: options.type ?? '' });
}

interface Place {
  path: string;
  flags: number;
}

function placeOf({ options }: MountRequest, locate: Locate): Place {
  return { path: locate(options.target), flags: options.create === true ? PLACE.MAKE_MISSING : 0 };
}

/** The step of a mount that is not a new filesystem. */
function stepOf(request: MountRequest, locate: Locate): Step {
  const { name, operation, options } = request;
  const { source: from = '', recursive = false } = options;
  const place = placeOf(request, locate);
  if (operation === 'move') return ['move', locate(from), place.path];
  if (operation !== 'bind') return remountStep(request, place.path);
  const tree = { source: locate(from), fields: attributesOf(name, options) };
  return treeStep(tree, place, recursive ? PLACE.RECURSIVE : 0);
}

/** Mounts a new filesystem. Without a place it returns a descriptor of it instead. */
export async function mountFilesystem(
  target: Target,
  spec: Spec,
  locate: Locate,
  place?: Place,
): Promise<number | undefined> {
  const fields = attributesOf('options', spec);
  if (fields.propagation === 0 && fields.userns.length === 0) {
    return doStep(target, filesystemStep(target, spec, locate, place));
  }
  // `propagation` and `idmap` are set on a mount that has no place yet, and fsmount(2) does not take them.
  const label = place === undefined ? `mount ${spec.type}` : `mount ${spec.type} on ${place.path}`;
  const fd = await doStep(target, filesystemStep(target, spec, locate), label);
  try {
    const tree = { source: spec.type, fd, fields: { ...fields, set: 0, clear: 0 } };
    return await doStep(target, treeStep(tree, place, PLACE.NO_COPY), label);
  } finally {
    if (fd !== undefined) closeFd(fd);
  }
}

/** Runs the step. Returns the descriptor that it sends back, if it sends one. */
async function doStep(target: Target, step: Step, label?: string): Promise<number | undefined> {
  const labels = label === undefined ? undefined : new Map([[step, label]]);
  const { fds } = await runBody(target, { steps: [step], ids: 'default', labels });
  return fds[0];
}

function filesystemStep(target: Target, spec: Spec, locate: Locate, place?: Place, name = 'options'): Step {
  const { type, source: from = type, userxattr = isInUserNamespace(target) } = spec;
  const { set } = attributesOf(name, spec);
  const parameters = parametersOf(name, spec, type);
  // The filesystem becomes read-only as well, as with mount(2): a read-only device can be mounted in no other way.
  if ((set & MOUNT_ATTR.RDONLY) !== 0) parameters.unshift('ro');
  const layers = layersOf(name, spec, locate);
  const common = { parameters, attributes: set, target: place?.path ?? null, flags: place?.flags ?? 0 };
  if (layers === undefined) return makeStep('fs', { type, source: from, ...common });
  if (userxattr) parameters.unshift('userxattr');
  return makeStep('overlay', { ...layers, ...common });
}

/** True where the mount is made by root of a user namespace, and not by the host's root. */
function isInUserNamespace(target: Target): boolean {
  return joins(target, 'user') || isNested(new HostFiles(), 'user') === true;
}

/** The tree that is to be mounted. `source` is its path; with a descriptor it is only the words for errors. */
export interface Tree {
  source: string;
  fd?: number | undefined;
  fields: AttributeFields;
}

/** The step that mounts a tree; without a place it is sent back as a descriptor. */
export function treeStep({ source, fd, fields }: Tree, place: Place | undefined, flags: number): Step {
  const { set, clear, propagation, userns } = fields;
  const fds: [] | [number] = fd === undefined ? [] : [fd];
  const mapped = userns.length === 0 ? 0 : MOUNT_ATTR.IDMAP;
  return makeStep('tree', {
    source,
    fds,
    flags: flags | (place?.flags ?? 0),
    set: set | mapped,
    clear,
    propagation,
    userns,
    target: place?.path ?? null,
  });
}

function remountStep({ name, given, operation, options }: MountRequest, at: string): Step {
  const { readOnly, recursive = false } = options;
  const fields = attributesOf(name, options);
  const parameters = operation === 'remount' ? parametersOf(name, options, undefined) : [];
  if (operation === 'remount' && readOnly !== undefined) parameters.unshift(readOnly.set === 0 ? 'rw' : 'ro');
  if (parameters.length === 0 && changesNothing(fields)) {
    throw invalidValue(name, given, 'must say what is to be changed');
  }
  return makeStep('remount', {
    target: at,
    recursive: recursive ? 1 : 0,
    set: fields.set,
    clear: fields.clear,
    parameters,
  });
}
