/** Binds sockets, and sets the options that must be set before. */
import { systemError } from '../../errors/system-error';
import { native } from '../../native';
import { type Endpoint, addressArguments } from './endpoint';
import { socketError } from './socket-error';

/** Numbers of `<asm-generic/socket.h>`, `<linux/in.h>` and `<linux/in6.h>`. */
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const SO_BINDTODEVICE = 25;
const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const IP_TRANSPARENT = 19;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const IPV6_FREEBIND = 78;

/** Calls bind(2). The address must be one of the socket's own namespace. */
export function bindTo(fd: number, endpoint: Endpoint): void {
  try {
    native().bindSocket(fd, ...addressArguments(endpoint));
  } catch (cause) {
    throw socketError(cause, 'bind', endpoint);
  }
}

/** Sets SO_BINDTODEVICE. The name is looked up in the namespace of the socket. */
export function bindToDevice(fd: number, device: string | undefined): void {
  if (device === undefined) return;
  try {
    native().setSocketOption(fd, SOL_SOCKET, SO_BINDTODEVICE, device);
  } catch (cause) {
    throw systemError(cause, { step: `bind to device ${device}`, operation: 'device', path: device, kind: 'net' });
  }
}

/** Options that are set before a socket is bound. */
export interface BindFlags {
  reuseAddr?: boolean | undefined;
  reusePort?: boolean | undefined;
  /** Undefined for the setting of the namespace, /proc/sys/net/ipv6/bindv6only. */
  ipv6Only?: boolean | undefined;
  /**
   * The socket takes connections to addresses that are not this host's: ip(7). It is one flag for both families. It needs
   * CAP_NET_ADMIN in the user namespace that owns the network.
   */
  transparent?: boolean | undefined;
  /** TCP_NODELAY. */
  noDelay?: boolean | undefined;
}

export function setBindFlags(fd: number, flags: BindFlags): void {
  const options: [level: number, name: number, value: boolean | undefined][] = [
    [SOL_SOCKET, SO_REUSEADDR, flags.reuseAddr],
    [SOL_SOCKET, SO_REUSEPORT, flags.reusePort],
    [IPPROTO_IPV6, IPV6_V6ONLY, flags.ipv6Only],
    [IPPROTO_IP, IP_TRANSPARENT, flags.transparent],
    [IPPROTO_TCP, TCP_NODELAY, flags.noDelay],
  ];
  for (const [level, name, value] of options) {
    if (value !== undefined) native().setSocketOption(fd, level, name, value ? 1 : 0);
  }
}

/**
 * Has the kernel tell where each datagram was sent to, and lets answers come from there: ip(7), ipv6(7). IPv6 asks for the
 * second, where routes and not links make an address a local one.
 */
export function setReceivedAddress(fd: number, domain: 'inet' | 'inet6'): void {
  if (domain === 'inet') {
    native().setSocketOption(fd, IPPROTO_IP, IP_PKTINFO, 1);
    return;
  }
  native().setSocketOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  native().setSocketOption(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
}
