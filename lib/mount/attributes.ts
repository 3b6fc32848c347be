import { closedError } from '../errors/namespace-error';
import { type Check, type Parsed, boolean, oneOf, schema } from '../errors/schema';
import { invalidType, invalidValue } from '../errors/validate';
import { PROPAGATIONS, type Propagation, PROPAGATION_FLAGS } from '../kernel/propagation';
import { isNamespaceHandle } from '../handle/namespace-handle';
import type { Namespace } from '../namespace/namespace';
import { MOUNT_ATTR } from '../kernel/mount-flags';

/**
 * Attributes of a mount, as opposed to options of the filesystem: mount_setattr(2). For a new filesystem all are off by
 * default. For a bind mount, and when a mount is changed, `true` sets an attribute, `false` clears it, and an attribute
 * that is not given stays as it is.
 */
export interface MountAttributes {
  /** Read-only: nothing can be written through this mount, but devices, FIFOs and sockets there still work. */
  readOnly?: boolean | undefined;
  /** Set-user-ID bits and file capabilities of programs there have no effect. */
  noSuid?: boolean | undefined;
  /** Device files there cannot be opened. */
  noDev?: boolean | undefined;
  /** Programs there cannot be run. */
  noExec?: boolean | undefined;
  /** Symbolic links there are not followed. Needs Linux 5.14, except for new filesystems. */
  noSymFollow?: boolean | undefined;
  /**
   * Access times are not updated. Give at most one of `noAtime`, `relAtime` and `strictAtime`; `false` has no effect.
   */
  noAtime?: boolean | undefined;
  /** Access times are updated when they are older than the last change, or than a day: the kernel's default. */
  relAtime?: boolean | undefined;
  /** Access times are always updated. */
  strictAtime?: boolean | undefined;
  /** Access times of directories are not updated. */
  noDirAtime?: boolean | undefined;
}

/** Attributes that a mount can get only before it is attached. */
export interface NewMountAttributes extends MountAttributes {
  /**
   * Its propagation: see {@link setPropagation}. Default: the kernel chooses it by that of the mount it is attached to.
   */
  propagation?: Propagation | undefined;
  /**
   * A user namespace whose maps change the owners of files there: a file of `inside` on disk belongs to `outside` here,
   * and what `outside` creates belongs to `inside` on disk. mount_setattr(2), "ID-mapped mounts": Linux 5.12, a
   * filesystem that can (ext4, XFS, Btrfs; tmpfs 6.3, overlay 5.19), and CAP_SYS_ADMIN where the filesystem was
   * mounted.
   */
  idmap?: Namespace | undefined;
}

/** {@link NewMountAttributes} as the kernel takes them: the last fields of a step. */
export interface AttributeFields {
  set: number;
  clear: number;
  propagation: number;
  userns: [] | [fd: number];
}

/** The flags that an attribute sets and clears. */
export interface Flags {
  readonly set: number;
  readonly clear: number;
}

function attribute(flag: number): Check<Flags> {
  return (name, value) => (boolean(name, value) ? { set: flag, clear: 0 } : { set: 0, clear: flag });
}

/** A value of the field of the flags that says how access times are updated: it takes the place of the others. */
function accessTime(flag: number): Check<Flags> {
  return (name, value) => (boolean(name, value) ? { set: flag, clear: MOUNT_ATTR.ATIME } : { set: 0, clear: 0 });
}

const ACCESS_TIMES = {
  noAtime: accessTime(MOUNT_ATTR.NOATIME),
  relAtime: accessTime(MOUNT_ATTR.RELATIME),
  strictAtime: accessTime(MOUNT_ATTR.STRICTATIME),
};

const userNamespace: Check<[fd: number]> = (name, value) => {
  if (!isNamespaceHandle(value)) throw invalidType(name, 'an instance of Namespace', value);
  if (value.kind !== 'user') throw invalidValue(name, value, "must be a namespace of kind 'user'");
  if (value.closed) throw closedError(String(value));
  return [value.fd];
};

const ATTRIBUTES = schema<MountAttributes>()({
  readOnly: attribute(MOUNT_ATTR.RDONLY),
  noSuid: attribute(MOUNT_ATTR.NOSUID),
  noDev: attribute(MOUNT_ATTR.NODEV),
  noExec: attribute(MOUNT_ATTR.NOEXEC),
  noSymFollow: attribute(MOUNT_ATTR.NOSYMFOLLOW),
  noDirAtime: attribute(MOUNT_ATTR.NODIRATIME),
  ...ACCESS_TIMES,
});

export const NEW_MOUNT = schema<NewMountAttributes>()({
  ...ATTRIBUTES.checks,
  propagation: (name, value) => PROPAGATION_FLAGS[oneOf(PROPAGATIONS)(name, value)],
  idmap: userNamespace,
});

export const ATTRIBUTE_KEYS = ATTRIBUTES.keys;

/** The attributes among the options of a mount, which have been checked, as the kernel takes them. */
export function attributesOf(name: string, options: Parsed<typeof NEW_MOUNT>): AttributeFields {
  const times = keysOf(ACCESS_TIMES).filter((key) => options[key]?.clear === MOUNT_ATTR.ATIME);
  if (times.length > 1) {
    const given = Object.fromEntries(times.map((key) => [key, true]));
    throw invalidValue(name, given, `cannot combine '${times.join("' with '")}'`);
  }
  const { propagation = 0, idmap: userns = [] } = options;
  let set = 0;
  let clear = 0;
  for (const key of ATTRIBUTE_KEYS) {
    set |= options[key]?.set ?? 0;
    clear |= options[key]?.clear ?? 0;
  }
  return { set, clear, propagation, userns };
}

function keysOf<K extends string>(object: Readonly<Record<K, unknown>>): K[] {
  return Object.keys(object) as K[];
}

/** True where these attributes change nothing about a mount. */
export function changesNothing({ set, clear, propagation, userns }: AttributeFields): boolean {
  return set === 0 && clear === 0 && propagation === 0 && userns.length === 0;
}
