import { plain } from '../errors/plain';
import { resolve } from 'node:path';
import type { Step } from '../../types/native';
import {
  invalidValue,
  validateBoolean,
  validateKnownKeys,
  validateObject,
  validatePath,
  validateString,
} from '../errors/validate';
import { isNested } from '../hints/nested';
import { HostFiles } from '../kernel/host-files';
import { closeFd } from '../handle/close';
import { type Target, joins, run, runBody } from '../launch/launch';
import { PLACE } from '../plan/place';
import {
  ATTRIBUTE_KEYS,
  type AttributeFields,
  NEW_MOUNT_KEYS,
  type NewMountAttributes,
  changesNothing,
  validateAttributes,
} from './attributes';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import type { Locate } from './locate';
import { OVERLAY_KEYS, type OverlayOptions, validateLayers } from './overlay';
import { FILESYSTEM_KEYS, type FilesystemOptions, REMOUNT_KEYS, validateParameters } from './parameters';
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

export const SPEC_KEYS = Object.freeze([
  'type',
  'source',
  ...OVERLAY_KEYS,
  ...FILESYSTEM_KEYS,
  ...NEW_MOUNT_KEYS,
] as const);

/** The options that each operation takes. */
const TAKES = {
  type: ['target', 'create', ...SPEC_KEYS],
  bind: ['target', 'create', 'bind', 'source', 'recursive', ...NEW_MOUNT_KEYS],
  move: ['target', 'move', 'source'],
  remount: ['target', 'remount', ...REMOUNT_KEYS, ...ATTRIBUTE_KEYS],
  'bind and remount': ['target', 'remount', 'bind', 'recursive', ...ATTRIBUTE_KEYS],
} as const satisfies Record<string, readonly Key[]>;

type Operation = keyof typeof TAKES;

/** All options of {@link mount}. */
export const MOUNT_KEYS: readonly string[] = [...new Set(Object.values(TAKES).flat())];

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
export async function mountIn(target: Target, options: unknown, locate: Locate): Promise<void> {
  const [operation, checked] = validateMount('options', plain(options));
  const path = locate(validatePath('options.target', checked.target));
  const place = { path, flags: isSet('options.create', checked.create) ? PLACE.MAKE_MISSING : 0 };
  switch (operation) {
    case 'type':
      await mountFilesystem(target, checked as FilesystemSpec, locate, place);
      break;
    case 'bind':
      await run(target, [bindStep(checked, locate, place)]);
      break;
    case 'move':
      await run(target, [['move', locate(validatePath('options.source', checked.source)), path]]);
      break;
    default:
      await run(target, [remountStep(operation, checked, path)]);
  }
}

/**
 * The steps of a mount for a task that is inside already. Paths are as that task sees them.
 *
 * @throws TypeError for a new filesystem with `propagation` or `idmap`, which take two tasks
 */
export function stepsOfMount(target: Target, name: string, options: unknown): Step[] {
  const [operation, checked] = validateMount(name, options);
  const asSeen: Locate = (path) => path;
  const path = validatePath(`${name}.target`, checked.target);
  const place = { path, flags: isSet(`${name}.create`, checked.create) ? PLACE.MAKE_MISSING : 0 };
  if (operation === 'bind') return [bindStep(checked, asSeen, place, name)];
  if (operation === 'move') return [['move', validatePath(`${name}.source`, checked.source), path]];
  if (operation !== 'type') return [remountStep(operation, checked, path, name)];
  for (const key of ['propagation', 'idmap'] as const) {
    if (checked[key] === undefined) continue;
    throw invalidValue(
      `${name}.${key}`,
      checked[key],
      'cannot be given for a filesystem that is mounted for a program',
    );
  }
  return [filesystemStep(target, checked as FilesystemSpec, asSeen, place, name)];
}

interface Place {
  path: string;
  flags: number;
}

/**
 * Mounts a new filesystem. Without a place it returns a descriptor of it instead.
 *
 * @param spec - its keys have been checked
 */
export async function mountFilesystem(
  target: Target,
  spec: FilesystemSpec,
  locate: Locate,
  place?: Place,
): Promise<number | undefined> {
  const fields = validateAttributes('options', spec);
  validateString('options.type', spec.type);
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

function filesystemStep(target: Target, spec: FilesystemSpec, locate: Locate, place?: Place, name = 'options'): Step {
  const { set } = validateAttributes(name, spec);
  validateString(`${name}.type`, spec.type);
  if (spec.source !== undefined) validateString(`${name}.source`, spec.source);
  const parameters = validateParameters(name, spec, spec.type);
  // The filesystem becomes read-only as well, as with mount(2): a read-only device can be mounted in no other way.
  if ((set & MOUNT_ATTR.RDONLY) !== 0) parameters.unshift('ro');
  const layers = validateLayers(name, spec, locate);
  const { path = null, flags = 0 } = place ?? {};
  const common = { parameters, attributes: set, target: path, flags };
  if (layers === undefined) return makeStep('fs', { type: spec.type, source: spec.source ?? spec.type, ...common });
  if (isSet(`${name}.userxattr`, spec.userxattr ?? isInUserNamespace(target))) parameters.unshift('userxattr');
  return makeStep('overlay', { ...layers, ...common });
}

/** True where the mount is made by root of a user namespace, and not by the host's root. */
function isInUserNamespace(target: Target): boolean {
  return joins(target, 'user') || isNested(new HostFiles(), 'user') === true;
}

function bindStep(options: MountOptions, locate: Locate, place: Place, name = 'options'): Step {
  const source = locate(validatePath(`${name}.source`, options.source));
  const recursive = isSet(`${name}.recursive`, options.recursive) ? PLACE.RECURSIVE : 0;
  return treeStep({ source, fields: validateAttributes(name, options) }, place, recursive);
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

function remountStep(
  operation: 'remount' | 'bind and remount',
  options: MountOptions,
  path: string,
  name = 'options',
): Step {
  const fields = validateAttributes(name, options);
  const recursive = isSet(`${name}.recursive`, options.recursive) ? 1 : 0;
  const parameters = operation === 'remount' ? validateParameters(name, options, undefined) : [];
  if (operation === 'remount' && options.readOnly !== undefined) parameters.unshift(options.readOnly ? 'ro' : 'rw');
  if (parameters.length === 0 && changesNothing(fields)) {
    throw invalidValue(name, options, 'must say what is to be changed');
  }
  return makeStep('remount', { target: path, recursive, set: fields.set, clear: fields.clear, parameters });
}

function validateMount(name: string, value: unknown): [Operation, MountOptions] {
  validateObject(name, value);
  validateKnownKeys(name, value, MOUNT_KEYS);
  const options = value as MountOptions;
  validatePath(`${name}.target`, options.target);
  const operation = operationOf(name, options);
  const takes: readonly string[] = TAKES[operation];
  for (const [key, given] of Object.entries(options)) {
    // A switch that is false asks for nothing.
    if (given === undefined || takes.includes(key) || ((key as Key) in SWITCHES && given === false)) continue;
    throw invalidValue(`${name}.${key}`, given, `cannot be given for a mount by '${operation}'`);
  }
  return [operation, options];
}

const SWITCHES = { bind: true, move: true, remount: true, recursive: true, create: true };

function operationOf(name: string, options: MountOptions): Operation {
  const [bind, move, remount] = (['bind', 'move', 'remount'] as const).map((key) =>
    isSet(`${name}.${key}`, options[key]),
  );
  if (move === true && (bind === true || remount === true)) {
    throw invalidValue(name, options, "cannot combine 'move' with 'bind' or 'remount'");
  }
  if (remount === true) return bind === true ? 'bind and remount' : 'remount';
  if ((bind === true || move === true) && options.source === undefined) {
    throw invalidValue(`${name}.source`, undefined, "must be given with 'bind' and 'move'");
  }
  if (bind === true) return 'bind';
  if (move === true) return 'move';
  if (options.type === undefined) {
    throw invalidValue(`${name}.type`, undefined, "must be given unless it is a 'bind', a 'move' or a 'remount'");
  }
  return 'type';
}

function isSet(name: string, value: boolean | undefined): boolean {
  if (value === undefined) return false;
  validateBoolean(name, value);
  return value;
}
