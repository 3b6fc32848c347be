/** Address families of socket(2), by the name of their AF_* constant. */
export const SOCKET_DOMAINS = Object.freeze({ unix: 1, inet: 2, inet6: 10, netlink: 16, packet: 17, vsock: 40 });

/** Types of socket(2), by the name of their SOCK_* constant: the same numbers on x86-64 and arm64. */
export const SOCKET_TYPES = Object.freeze({ stream: 1, dgram: 2, raw: 3, seqpacket: 5 });

/** The protocol of netlink(7) for nf_tables. */
export const NETLINK_NETFILTER = 12;

/** An address family of socket(2), by the name of its `AF_*` constant.
 *
 * @useDeclaredType
 */
export type SocketDomain = keyof typeof SOCKET_DOMAINS;
/** A type of socket(2), by the name of its `SOCK_*` constant.
 *
 * @useDeclaredType
 */
export type SocketType = keyof typeof SOCKET_TYPES;
