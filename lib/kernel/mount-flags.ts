/** MS_* of mount(2) and MNT_* of umount(2), from `<linux/mount.h>`. */
export const MS_REC = 0x4000;

export const MNT_FORCE = 0x1;
export const MNT_DETACH = 0x2;
export const MNT_EXPIRE = 0x4;
export const UMOUNT_NOFOLLOW = 0x8;

/** MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE and MS_SHARED. */
export const PROPAGATION_FLAGS = Object.freeze({
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
});

/** MOUNT_ATTR_* of mount_setattr(2), from `<linux/mount.h>`. */
export const MOUNT_ATTR = Object.freeze({
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  /** The field of the three below, to be cleared where one of them is set. */
  ATIME: 0x70,
  RELATIME: 0x0,
  NOATIME: 0x10,
  STRICTATIME: 0x20,
  NODIRATIME: 0x80,
  IDMAP: 0x100000,
  NOSYMFOLLOW: 0x200000,
});

/** How a step mounts: PLAN_* of src/plan/plan.h. */
export const PLACE = Object.freeze({
  /** The target, and directories on the way, are made where they are missing. */
  MAKE_MISSING: 0x1,
  /** With all that is mounted below the source; attributes are for those as well. */
  RECURSIVE: 0x2,
  /** A source that does not exist is passed over. */
  OPTIONAL: 0x4,
  /** The root that is to be the task's; targets are resolved in it from then on. */
  NEW_ROOT: 0x8,
  /** The descriptor is a detached mount, which itself is mounted. */
  NO_COPY: 0x20,
  /** Of an overlay: what is written goes to memory, and with the mount. */
  DISCARD: 0x40,
  /** Of an overlay: descriptors of its upper layer, and of those below, are sent back. */
  TELL_LAYERS: 0x80,
});

/** How a step makes a directory: PLAN_* of src/plan/plan.h. */
export const MAKE = Object.freeze({
  /** It must not exist, and what it is in must. */
  ONLY_LAST: 0x1,
  /** One that exists keeps its mode. */
  IF_MADE: 0x2,
  /** What is made on the way to it is as closed to others as it is itself. */
  PRIVATE: 0x4,
});
