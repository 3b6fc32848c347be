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
import { type AddressType, type Answer, CODE, type Question, decodeAnswer, encodeQuestion } from './dns-message';
import type { Server } from './resolve-options';
import type { ResolvConf } from './resolv-conf';

/** No server has given addresses, or has said that there are none. `reasons` tells the result of each attempt. */
export class Unanswered extends Error {
  readonly reasons: readonly string[];
  /** True where each server has answered, even if the answer was an error. */
  readonly heard: boolean;

  constructor(reasons: readonly string[], heard: boolean) {
    super(reasons.join('; '));
    this.reasons = reasons;
    this.heard = heard;
  }
}

/**
 * The addresses of one type that a name has; the list is empty where the name does not exist.
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
      else if (result.code === CODE.NOERROR || result.code === CODE.NXDOMAIN) return result.addresses;
      reasons.add(`${server.address}: ${typeof result === 'string' ? result : codeName(result.code)}`);
    }
  }
  throw new Unanswered([...reasons], heard);
}

/** Asks one server. Resolves with its answer, or with the reason why there is none. */
async function askServer(
  place: Place,
  server: Server,
  question: Question,
  timeout: number,
  outer?: AbortSignal,
): Promise<Answer | string> {
  const message = encodeQuestion(question);
  if (message === undefined) return { code: CODE.NXDOMAIN, truncated: false, addresses: [] };
  const late = AbortSignal.timeout(timeout);
  const signal = outer === undefined ? late : AbortSignal.any([outer, late]);
  try {
    // Node would look for the interface of a link-local address in its own namespace, so such a server is not asked by
    // datagrams.
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
  return Object.entries(CODE).find(([, each]) => each === code)?.[0] ?? `code ${code}`;
}

function reasonOf(error: unknown): string {
  const { code, syscall } = error as { code?: string; syscall?: string };
  if (code === undefined || syscall === undefined) throw error;
  return `${syscall} ${code}`;
}

/**
 * Asks by datagram. A message that does not answer the question is ignored: the socket receives only from that server,
 * but anyone may send in its name.
 */
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

/** A bound socket of Node. Its lookup function does nothing, because the server is an address already. */
async function datagramSocket(place: Place, server: string): Promise<DatagramSocket> {
  const { domain } = inetEndpoint(server, 0);
  const isV6 = domain === 'inet6';
  return handOver(await place.socket(domain, 'dgram'), (fd) => {
    bindTo(fd, inetEndpoint(isV6 ? '::' : '0.0.0.0', 0));
    const socket = createSocket({
      type: isV6 ? 'udp6' : 'udp4',
      lookup: (address, _options, callback) => callback(null, address, isV6 ? 6 : 4),
    });
    // exclusive is needed: in a worker of a cluster the descriptor would else be taken for one of the primary.
    return socket.bind({ fd, exclusive: true });
  });
}

/** Asks over TCP. The length comes before each message: RFC 7766. */
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
  // The loop ends when the answer is complete, which also destroys the socket.
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    const size = received.length < 2 ? Infinity : received.readUInt16BE();
    if (received.length >= size + 2) return decodeAnswer(received.subarray(2, size + 2), question);
  }
  return undefined;
}
