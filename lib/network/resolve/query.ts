/** Asks name servers, through sockets of the namespace. */
import { randomInt } from 'node:crypto';
import { type Socket as DatagramSocket, createSocket } from 'node:dgram';
import { Socket } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { throwIfAborted } from '../../errors/abort';
import type { Place } from '../place';
import { attempt } from '../descriptors/attempt';
import { bindTo } from '../descriptors/bind';
import { inetEndpoint } from '../descriptors/endpoint';
import { handOver } from '../descriptors/hand-over';
import { type AddressType, type Answer, type Question, decodeAnswer, encodeQuestion } from './dns-message';
import type { Server } from './resolve-options';
import type { ResolvConf } from './resolv-conf';

/** Codes of an {@link Answer}. */
const NOERROR = 0;
const NXDOMAIN = 3;

const CODES: Readonly<Record<number, string>> = { 1: 'FORMERR', 2: 'SERVFAIL', 4: 'NOTIMP', 5: 'REFUSED' };

/** No server has given addresses, or said that there are none: what came of each. */
export class Unanswered extends Error {
  readonly reasons: readonly string[];
  /** Each has answered, if only that it cannot tell. */
  readonly heard: boolean;

  constructor(reasons: readonly string[], heard: boolean) {
    super(reasons.join('; '));
    this.reasons = reasons;
    this.heard = heard;
  }
}

/**
 * The addresses of one type that a name has; none where it does not exist.
 *
 * @throws Unanswered
 */
export async function ask(
  place: Place,
  { servers, attempts, timeout }: ResolvConf,
  name: string,
  type: AddressType,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const reasons = new Set<string>();
  let heard = true;
  for (let attempt = 0; attempt < attempts; attempt++) {
    for (const server of servers) {
      throwIfAborted(signal);
      const question = { id: randomInt(0x10000), name, type };
      const result = await askServer(place, server, question, timeout, signal);
      if (typeof result === 'string') heard = false;
      else if (result.code === NOERROR || result.code === NXDOMAIN) return result.addresses;
      reasons.add(`${server.address}: ${typeof result === 'string' ? result : codeName(result.code)}`);
    }
  }
  throw new Unanswered([...reasons], heard);
}

/** An answer, or why there is none. */
async function askServer(
  place: Place,
  server: Server,
  question: Question,
  timeout: number,
  outer?: AbortSignal,
): Promise<Answer | string> {
  const message = encodeQuestion(question);
  if (message === undefined) return { code: NXDOMAIN, truncated: false, addresses: [] };
  const late = AbortSignal.timeout(timeout);
  const signal = outer === undefined ? late : AbortSignal.any([outer, late]);
  try {
    // Node finds the interface of a link-local address only in its own namespace: for datagrams.
    const scoped = server.address.includes('%');
    const first = scoped ? undefined : await askByDatagram(place, server, message, question, signal);
    const answer = first?.truncated === false ? first : await askByStream(place, server, message, question, signal);
    return answer ?? 'no sense in its answer';
  } catch (error) {
    throwIfAborted(outer);
    if (late.aborted) return `no answer within ${timeout} ms`;
    return reasonOf(error);
  }
}

function codeName(code: number): string {
  return CODES[code] ?? `code ${code}`;
}

function reasonOf(error: unknown): string {
  const { code, syscall } = error as { code?: string; syscall?: string };
  if (code === undefined || syscall === undefined) throw error;
  return `${syscall} ${code}`;
}

/** What is no answer to the question is not heard: the socket hears that server alone, but anyone may send in its name. */
async function askByDatagram(
  place: Place,
  server: Server,
  message: Buffer,
  question: Question,
  signal: AbortSignal,
): Promise<Answer> {
  const socket = await datagramSocket(place, server.address);
  try {
    return await new Promise<Answer>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      signal.throwIfAborted();
      socket.on('error', reject);
      socket.on('message', (reply) => {
        const answer = decodeAnswer(reply, question);
        if (answer !== undefined) resolve(answer);
      });
      socket.once('connect', () => socket.send(message));
      socket.connect(server.port, server.address);
    });
  } finally {
    socket.close();
  }
}

/** A socket of Node's, bound. Node looks up the address that it connects to, which here is one already. */
async function datagramSocket(place: Place, server: string): Promise<DatagramSocket> {
  const { domain } = inetEndpoint(server, 0);
  const isV6 = domain === 'inet6';
  return handOver(await place.socket(domain, 'dgram'), (fd) => {
    bindTo(fd, inetEndpoint(isV6 ? '::' : '0.0.0.0', 0));
    const socket = createSocket({
      type: isV6 ? 'udp6' : 'udp4',
      lookup: (address, _options, callback) => callback(null, address, isV6 ? 6 : 4),
    });
    // exclusive: in a cluster's worker the descriptor would be taken for one of the primary's.
    return socket.bind({ fd, exclusive: true });
  });
}

/** RFC 7766: each message with its length before it. */
async function askByStream(
  place: Place,
  { address, port }: Server,
  message: Buffer,
  question: Question,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  const fd = await attempt(place, inetEndpoint(address, port), {}, signal);
  const socket = addAbortSignal(
    signal,
    handOver(fd, () => new Socket({ fd, readable: true, writable: true })),
  );
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  socket.write(Buffer.concat([length, message]));
  let received = Buffer.alloc(0);
  // Ends, and so destroys the socket, when there is enough.
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    const size = received.length < 2 ? Infinity : received.readUInt16BE();
    if (received.length >= size + 2) return decodeAnswer(received.subarray(2, size + 2), question);
  }
  return undefined;
}
