/** Connections by an upstream proxy. Its address and credentials are in no error that is told inside. */
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { native } from '../../../native';
import { breakOff } from '../../sockets/break-off';
import { receive } from './receive';
import { Undialled } from './undialled';

/** A host as a proxy is asked for it: a name, which the proxy resolves, or an address. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'socks5:': 1080 };

/** The host and the port of a proxy. */
export function proxyAddress({ protocol, hostname, port }: URL): ProxyTarget {
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (DEFAULT_PORTS[protocol] ?? 0) : Number(port),
  };
}

/** Has a proxy connect to a target. The result carries what the target sends, and is not yet read. */
export async function throughProxy(proxy: URL, connected: Socket, target: ProxyTarget): Promise<Socket> {
  if (proxy.protocol === 'socks5:') return askSocks(proxy, connected, target);
  return askHttp(proxy, proxy.protocol === 'https:' ? await secured(proxy, connected) : connected, target);
}

/** TLS with the proxy, whose certificate is checked as Node does: NODE_EXTRA_CA_CERTS has those of a company. */
function secured(proxy: URL, connected: Socket): Promise<Socket> {
  const { host } = proxyAddress(proxy);
  return new Promise((resolve, reject) => {
    const secure = connectTls({ socket: connected, host, ...(isIP(host) === 0 ? { servername: host } : {}) });
    // The method of a TLS socket throws, because a reset is not of TLS: it is that of the connection below, and ends both.
    secure.resetAndDestroy = () => {
      breakOff(connected);
      return secure;
    };
    secure.on('error', (cause: Error) => reject(failed('cannot be spoken to in TLS', cause)));
    // It may be closed without an error, as when the time for the connection is over.
    secure.once('close', () => reject(failed('has ended the connection')));
    secure.once('secureConnect', () => resolve(secure));
  });
}

/** CONNECT of RFC 9110, 9.3.6. */
async function askHttp(proxy: URL, socket: Socket, { host, port }: ProxyTarget): Promise<Socket> {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  const { user, password } = credentials(proxy);
  if (user !== '' || password !== '') {
    lines.push(`Proxy-Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
  }
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const head = await receive(socket, (bytes) => {
    const end = bytes.indexOf('\r\n\r\n');
    return end < 0 ? undefined : end + 4;
  });
  const [, status = ''] = /^HTTP\/1\.[01] (\d{3})/.exec(head.toString('latin1')) ?? [];
  if (status.startsWith('2')) return socket;
  if (status === '407') throw failed('does not accept the credentials it was given');
  throw failed(status === '' ? 'does not speak HTTP' : `has answered ${status}`);
}

const SOCKS_VERSION = 5;
const NO_AUTHENTICATION = 0;
const USER_AND_PASSWORD = 2;
const CONNECT = 1;
const ADDRESS_KINDS = { name: 3, 4: 1, 6: 4 } as const;

/** The replies of RFC 1928, 6. */
const REPLIES: Readonly<Record<number, string>> = {
  1: 'has failed',
  2: 'does not allow this connection',
  3: 'cannot reach the network',
  4: 'cannot reach the host',
  5: 'was refused by the host',
};

/** SOCKS 5 of RFC 1928, with the credentials of RFC 1929. */
async function askSocks(proxy: URL, socket: Socket, target: ProxyTarget): Promise<Socket> {
  const { user, password } = credentials(proxy);
  const methods = user === '' && password === '' ? [NO_AUTHENTICATION] : [NO_AUTHENTICATION, USER_AND_PASSWORD];
  socket.write(Buffer.from([SOCKS_VERSION, methods.length, ...methods]));
  const [version, method = -1] = await receive(socket, () => 2);
  if (version !== SOCKS_VERSION) throw failed('does not speak SOCKS 5');
  if (!methods.includes(method)) throw failed('wants other credentials');
  if (method === USER_AND_PASSWORD) {
    socket.write(Buffer.concat([Buffer.from([1]), withLength(Buffer.from(user)), withLength(Buffer.from(password))]));
    const [, status] = await receive(socket, () => 2);
    if (status !== 0) throw failed('does not accept the credentials it was given');
  }
  const port = Buffer.from([target.port >> 8, target.port & 0xff]);
  socket.write(Buffer.concat([Buffer.from([SOCKS_VERSION, CONNECT, 0]), socksAddress(target.host), port]));
  const reply = await receive(socket, replySize);
  const [, status = 1] = reply;
  if (status !== 0) throw failed(REPLIES[status] ?? `has answered ${status}`);
  return socket;
}

function socksAddress(host: string): Buffer {
  const bytes = native().addressBytes(host);
  if (bytes === undefined) return Buffer.concat([Buffer.from([ADDRESS_KINDS.name]), withLength(Buffer.from(host))]);
  return Buffer.concat([Buffer.from([ADDRESS_KINDS[bytes.length === 4 ? 4 : 6]]), bytes]);
}

/** The size of a reply, which has an address of any kind and a port at its end. */
function replySize(bytes: Buffer): number | undefined {
  const [, , , kind, length] = bytes;
  if (kind === undefined || length === undefined) return undefined;
  if (kind === ADDRESS_KINDS[4]) return 10;
  if (kind === ADDRESS_KINDS[6]) return 22;
  if (kind === ADDRESS_KINDS.name) return 7 + length;
  throw failed('does not speak SOCKS 5');
}

function withLength(bytes: Buffer): Buffer {
  if (bytes.length > 255) throw failed('takes no name, user or password of more than 255 bytes');
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function credentials({ username, password }: URL): { user: string; password: string } {
  return { user: decoded(username), password: decoded(password) };
}

/** A `%` that begins no escape stays in a URL as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function failed(what: string, cause?: Error): Undialled {
  return new Undialled('proxy', `The upstream proxy ${what}.`, { cause });
}
