/** What Landlock can restrict, in the words of landlock(7): `<linux/landlock.h>`. */

/** The rights to files, in the order of their bits: LANDLOCK_ACCESS_FS_*. */
const FILE_RIGHTS = Object.freeze([
  'execute',
  'write_file',
  'read_file',
  'read_dir',
  'remove_dir',
  'remove_file',
  'make_char',
  'make_dir',
  'make_reg',
  'make_sock',
  'make_fifo',
  'make_block',
  'make_sym',
  'refer',
  'truncate',
  'ioctl_dev',
] as const);

/** The rights to TCP ports: LANDLOCK_ACCESS_NET_*. */
const PORT_RIGHTS = Object.freeze(['bind_tcp', 'connect_tcp'] as const);

/** LANDLOCK_SCOPE_* */
const SCOPES = Object.freeze(['abstract_unix_socket', 'signal'] as const);

/**
 * A right to files and directories: LANDLOCK_ACCESS_FS_* of landlock(7), without that prefix.
 *
 * @useDeclaredType
 */
export type LandlockAccess = (typeof FILE_RIGHTS)[number];

/**
 * The part of the system that a program is confined to: LANDLOCK_SCOPE_* of landlock(7), without that prefix.
 *
 * @useDeclaredType
 */
export type LandlockScope = (typeof SCOPES)[number];

type Right = LandlockAccess | (typeof PORT_RIGHTS)[number] | LandlockScope;

/** The version of the interface that brought a right, where it is not the first: landlock(7), VERSIONS. */
const SINCE: Partial<Record<Right, number>> = {
  refer: 2,
  truncate: 3,
  bind_tcp: 4,
  connect_tcp: 4,
  ioctl_dev: 5,
  abstract_unix_socket: 6,
  signal: 6,
};

/** The version of the interface that has all of these rights. */
export const NEWEST_ABI = 6;

export { FILE_RIGHTS, PORT_RIGHTS, SCOPES };

/** The rights that an interface of that version has. */
export function known<R extends Right>(rights: readonly R[], abi: number): R[] {
  return rights.filter((right) => abi > 0 && (SINCE[right] ?? 1) <= abi);
}

/** The bits of rights: each is at the place that it has in `all`. */
export function bitsOf<R extends Right>(rights: readonly R[], all: readonly R[]): number {
  return all.reduce((bits, right, bit) => (rights.includes(right) ? bits | (1 << bit) : bits), 0);
}
