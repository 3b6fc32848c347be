import { isIP } from 'node:net';
import { SOCKET_DOMAINS } from '../../kernel/sockets';

/** The address that a socket is bound to or connected to. */
export type Endpoint = InetEndpoint | UnixEndpoint;

export interface InetEndpoint {
  readonly domain: 'inet' | 'inet6';
  /** The address without its scope. */
  readonly address: string;
  /** The name or number of an interface in the socket's own namespace, as in `fe80::1%eth0`. */
  readonly scope: string | null;
  readonly port: number;
}

export interface UnixEndpoint {
  readonly domain: 'unix';
  /** A path, or a NUL and an abstract name: unix(7). */
  readonly path: string;
}

/** The arguments of the addon's `bindSocket` and `connectSocket` after the descriptor. */
export type AddressArguments = [domain: number, address: string, port: number, scope: string | null];

/** The endpoint of an IP address and a port. The text must be an address: {@link isIP}. */
export function inetEndpoint(text: string, port: number): InetEndpoint {
  const [address = '', scope = null] = text.split('%', 2);
  return { domain: domainOf(text), address, scope, port };
}

/** The family of an IP address. */
function domainOf(address: string): 'inet' | 'inet6' {
  return isIP(address) === 6 ? 'inet6' : 'inet';
}

export function addressArguments(endpoint: Endpoint): AddressArguments {
  if (endpoint.domain === 'unix') return [SOCKET_DOMAINS.unix, endpoint.path, 0, null];
  return [SOCKET_DOMAINS[endpoint.domain], endpoint.address, endpoint.port, endpoint.scope];
}

/** The text of an endpoint, for a person: `10.0.0.1:80`, `[fe80::1%eth0]:80`, `/run/x`, `@abstract`. */
export function describeEndpoint(endpoint: Endpoint): string {
  if (endpoint.domain === 'unix') return endpoint.path.replace(/^\0/, '@');
  const address = addressText(endpoint);
  return endpoint.domain === 'inet6' ? `[${address}]:${endpoint.port}` : `${address}:${endpoint.port}`;
}

/** The text of an address with its scope: `fe80::1%eth0`. */
export function addressText({ address, scope }: InetEndpoint): string {
  return scope === null ? address : `${address}%${scope}`;
}
