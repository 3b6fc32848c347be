import { closedError } from '../errors/namespace-error';
import { invalidType, invalidValue, validateBoolean, validateOneOf } from '../errors/validate';
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

const SWITCHES = {
  readOnly: MOUNT_ATTR.RDONLY,
  noSuid: MOUNT_ATTR.NOSUID,
  noDev: MOUNT_ATTR.NODEV,
  noExec: MOUNT_ATTR.NOEXEC,
  noSymFollow: MOUNT_ATTR.NOSYMFOLLOW,
  noDirAtime: MOUNT_ATTR.NODIRATIME,
} as const;

/** The values of one field of the attributes. */
const ACCESS_TIMES = {
  noAtime: MOUNT_ATTR.NOATIME,
  relAtime: MOUNT_ATTR.RELATIME,
  strictAtime: MOUNT_ATTR.STRICTATIME,
} as const;

export const ATTRIBUTE_KEYS = Object.freeze([...keysOf(SWITCHES), ...keysOf(ACCESS_TIMES)]);
export const NEW_MOUNT_KEYS = Object.freeze([...ATTRIBUTE_KEYS, 'propagation', 'idmap'] as const);

/** Checks the attributes among some options, and gives them as the kernel takes them. */
export function validateAttributes(name: string, options: NewMountAttributes): AttributeFields {
  let set = 0;
  let clear = 0;
  for (const key of keysOf(SWITCHES)) {
    const value = options[key];
    if (value === undefined) continue;
    validateBoolean(`${name}.${key}`, value);
    if (value) set |= SWITCHES[key];
    else clear |= SWITCHES[key];
  }
  const accessTimes = keysOf(ACCESS_TIMES).filter((key) => isTrue(`${name}.${key}`, options[key]));
  if (accessTimes.length > 1) throw invalidValue(name, options, `cannot combine '${accessTimes.join("' with '")}'`);
  for (const key of accessTimes) {
    set |= ACCESS_TIMES[key];
    clear |= MOUNT_ATTR.ATIME;
  }
  return { set, clear, propagation: propagationOf(name, options), userns: usernsOf(name, options) };
}

/** True where these attributes change nothing about a mount. */
export function changesNothing({ set, clear, propagation, userns }: AttributeFields): boolean {
  return set === 0 && clear === 0 && propagation === 0 && userns.length === 0;
}

function propagationOf(name: string, { propagation }: NewMountAttributes): number {
  if (propagation === undefined) return 0;
  validateOneOf(`${name}.propagation`, propagation, PROPAGATIONS);
  return PROPAGATION_FLAGS[propagation];
}

function usernsOf(name: string, { idmap }: NewMountAttributes): [] | [fd: number] {
  if (idmap === undefined) return [];
  if (!isNamespaceHandle(idmap)) throw invalidType(`${name}.idmap`, 'an instance of Namespace', idmap);
  if (idmap.kind !== 'user') throw invalidValue(`${name}.idmap`, idmap, "must be a namespace of kind 'user'");
  if (idmap.closed) throw closedError(String(idmap));
  return [idmap.fd];
}

function isTrue(name: string, value: boolean | undefined): boolean {
  if (value !== undefined) validateBoolean(name, value);
  return value === true;
}

function keysOf<T extends object>(object: T): (keyof T)[] {
  return Object.keys(object) as (keyof T)[];
}
