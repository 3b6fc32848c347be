/** The inode of a TCP socket, by the addresses of its connection: sock_diag(7), `<linux/inet_diag.h>`. */
import { attributes } from '../../netlink/attributes';
import type { Connection } from '../../netlink/connection';
import { NlmFlag, decode, encode } from '../../netlink/netlink-message';
import { be16, opaque, pad, struct, u32, u8 } from '../../netlink/types';
import { native } from '../../../native';
import { ipAddress } from '../policy/range';

/** One end of a connection. */
export interface End {
  readonly address: string;
  readonly port: number;
}

/** NETLINK_SOCK_DIAG */
export const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const IPPROTO_TCP = 6;
const FAMILIES = { 4: 2, 6: 10 } as const;
const TCP_LISTEN = 10;

/** `struct inet_diag_sockid`; the cookie says that none is known. */
const ID = {
  ...{ sourcePort: be16, destinationPort: be16, source: opaque(16), destination: opaque(16) },
  ...{ interface: u32, cookie: opaque(8) },
};
const ANY_COOKIE = Buffer.alloc(8, 0xff);

const REQUEST = {
  header: struct({ family: u8, protocol: u8, extensions: u8, padding: pad(1), states: u32, ...ID }),
  attributes: attributes('INET_DIAG_', {}),
};
const ANSWER = {
  header: struct({
    ...{ family: u8, state: u8, timer: u8, retransmits: u8, ...ID },
    ...{ expires: u32, receiveQueue: u32, sendQueue: u32, uid: u32, inode: u32 },
  }),
  attributes: attributes('INET_DIAG_', {}),
};

/**
 * @param own - the end that the socket is
 * @returns undefined where there is no such socket, or no process has it any more
 * @throws NamespaceError `ENOENT` where there is none
 */
export async function inodeOfSocket(connection: Connection, own: End, other: End): Promise<number | undefined> {
  const family = ipAddress(own.address)?.family;
  if (family === undefined) return undefined;
  const [answer] = await connection.request({
    bytes: encode(REQUEST, SOCK_DIAG_BY_FAMILY, NlmFlag.REQUEST | NlmFlag.ACK, {
      header: {
        ...{ family: FAMILIES[family], protocol: IPPROTO_TCP, extensions: 0, padding: undefined, states: 0xffffffff },
        ...{ sourcePort: own.port, destinationPort: other.port },
        ...{ source: bytesOf(own.address), destination: bytesOf(other.address), interface: 0, cookie: ANY_COOKIE },
      },
      attributes: {},
    }),
    type: REQUEST,
    step: `find the socket of ${own.address}:${own.port}`,
    operation: 'sock-diag',
  });
  if (answer === undefined) return undefined;
  const { state, sourcePort, destinationPort, inode } = decode(ANSWER, answer).header;
  // A connection that is over is not found, but a server with its address may be.
  const isSame = state !== TCP_LISTEN && sourcePort === own.port && destinationPort === other.port;
  return isSame && inode !== 0 ? inode : undefined;
}

/** 16 bytes, of which an IPv4 address has the first four. */
function bytesOf(address: string): Buffer {
  const bytes = native().addressBytes(address.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, ''));
  return Buffer.concat([bytes ?? Buffer.alloc(0)], 16);
}
