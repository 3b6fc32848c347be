/** Asks name servers, through sockets of the namespace. */
import { randomInt } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { throwIfAborted } from '../../errors/abort';
import type { NetworkTarget } from '../place';
import { connect } from '../sockets/connect';
import { createSocket } from '../sockets/datagram';
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
  target: NetworkTarget,
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
      const result = await askServer(target, server, question, timeout, signal);
      if (typeof result === 'string') heard = false;
      else if (result.code === NOERROR || result.code === NXDOMAIN) return result.addresses;
      reasons.add(`${server.address}: ${typeof result === 'string' ? result : codeName(result.code)}`);
    }
  }
  throw new Unanswered([...reasons], heard);
}

/** An answer, or why there is none. */
async function askServer(
  target: NetworkTarget,
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
    const first = scoped ? undefined : await askByDatagram(target, server, message, question, signal);
    const answer = first?.truncated === false ? first : await askByStream(target, server, message, question, signal);
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
  target: NetworkTarget,
  server: Server,
  message: Buffer,
  question: Question,
  signal: AbortSignal,
): Promise<Answer> {
  const socket = await createSocket(target, isIPv6(server.address) ? 'udp6' : 'udp4');
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

/** RFC 7766: each message with its length before it. */
async function askByStream(
  target: NetworkTarget,
  { address, port }: Server,
  message: Buffer,
  question: Question,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  const socket = await connect(target, { host: address, port, signal });
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
