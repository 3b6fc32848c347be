/** Flags for the way in which a step mounts: PLAN_* of src/plan/plan.h. */
export const PLACE = Object.freeze({
  /** The target, and directories on the way, are made where they are missing. */
  MAKE_MISSING: 0x1,
  /** Includes all that is mounted below the source; the attributes are set there as well. */
  RECURSIVE: 0x2,
  /** A source that does not exist is passed over. */
  OPTIONAL: 0x4,
  /** The mount becomes the new root of the task; targets are resolved in it from then on. */
  NEW_ROOT: 0x8,
  /** The descriptor is a detached mount, and that mount itself is attached, not a copy of it. */
  NO_COPY: 0x20,
  /** For an overlay: changes are kept in memory, and are gone with the mount. */
  DISCARD: 0x40,
  /** For an overlay: descriptors of its upper layer, of the layers below, and of itself are sent back. */
  TELL_LAYERS: 0x80,
  /** For an overlay: no link is followed to its work directory. */
  OWN_WORK: 0x100,
});

/** Flags for the way in which a step makes a directory: PLAN_* of src/plan/plan.h. */
export const MAKE = Object.freeze({
  /** The directory must not exist, and its parent must. */
  ONLY_LAST: 0x1,
  /** A directory that exists keeps its mode. */
  IF_MADE: 0x2,
  /** Directories that are made on the way to it are as closed to other users as it is itself. */
  PRIVATE: 0x4,
});

/** Flags for the way in which changes are listed and files are put in their place: PLAN_* of src/plan/plan.h. */
export const BELOW = Object.freeze({
  /** For a list of changes: contents and permissions count, and details are sent. */
  PROJECT: 0x1,
  /** For a file: it has the owner and the whole mode of its source. */
  KEEP_OWNER: 0x1,
  /** For a file: it is a second name for its source. */
  LINK: 0x2,
});
