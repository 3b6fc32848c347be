import { once } from 'node:events';
import type { Inside } from './inside';

/** Types of records: RFC 1035, RFC 3596, RFC 9460. */
export const TYPES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  NULL: 10,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SVCB: 64,
  HTTPS: 65,
  ANY: 255,
} as const;

/** Any server will do: all addresses are answered. */
export const SOME_SERVER = '8.8.8.8';

/** A question, from labels of any bytes and any length: nothing is checked. */
export function question(labels: readonly (string | Buffer)[], type: keyof typeof TYPES = 'A', id = 0x1234): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(0x0100, 2);
  head.writeUInt16BE(1, 4);
  const name = labels.flatMap((label) => [Buffer.of(label.length), Buffer.from(label)]);
  return Buffer.concat([head, ...name, Buffer.of(0, 0, TYPES[type], 0, 1)]);
}

/** The answer to a message: its code, and how many records it has. */
export interface DnsReply {
  code: number;
  answers: number;
  /** The last four bytes, which are the address in an answer with one record of type A. */
  address: string;
  from: string;
}

/** Sends a message by UDP, and waits for the answer. */
export async function askUdp({ network }: Inside, message: Buffer, server = SOME_SERVER): Promise<DnsReply> {
  const socket = await network.createSocket(server.includes(':') ? 'udp6' : 'udp4');
  try {
    const answered = once(socket, 'message') as Promise<[Buffer, { address: string }]>;
    socket.send(message, 53, server);
    const [reply, { address }] = await answered;
    return { ...read(reply), from: address };
  } finally {
    socket.close();
  }
}

/** Sends messages by TCP, and waits for the first answer; undefined where the server ends the connection. */
export async function askTcp(
  { network }: Inside,
  message: Buffer,
  server = SOME_SERVER,
): Promise<DnsReply | undefined> {
  const socket = await network.connect({ host: server, port: 53 });
  try {
    const size = Buffer.alloc(2);
    size.writeUInt16BE(message.length);
    socket.write(Buffer.concat([size, message]));
    let heard = Buffer.alloc(0);
    for await (const chunk of socket) {
      heard = Buffer.concat([heard, chunk as Buffer]);
      if (heard.length >= 2 && heard.length >= 2 + heard.readUInt16BE())
        return { ...read(heard.subarray(2)), from: server };
    }
    return undefined;
  } finally {
    socket.destroy();
  }
}

function read(reply: Buffer): Omit<DnsReply, 'from'> {
  return {
    code: reply.readUInt8(3) & 15,
    answers: reply.readUInt16BE(6),
    address: [...reply.subarray(-4)].join('.'),
  };
}
