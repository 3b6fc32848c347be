/**
 * The way in which mounts and unmounts spread between a mount and its copies (`mount_namespaces(7)`, "Shared
 * subtrees").
 */
export type Propagation = 'shared' | 'private' | 'slave' | 'unbindable';

/** Every kind of propagation. */
export const PROPAGATIONS: readonly Propagation[] = Object.freeze(['shared', 'private', 'slave', 'unbindable']);

/** MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE and MS_SHARED. */
export const PROPAGATION_FLAGS = Object.freeze({
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
});
