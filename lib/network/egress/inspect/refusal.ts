/** Refusals: how a program inside is told that it may not, in the protocol that it speaks. */
import type { Socket } from 'node:net';
import { breakOff } from '../../sockets/break-off';
import { printable, shortened } from '../../../errors/printable';

/** The protocol that a program speaks, as its first bytes show it. */
export type Protocol = 'http' | 'tls' | 'other';

/**
 * The cause of a refusal: the policy itself; a name that is not that of the connection; no name at all; a name that is
 * encrypted; something whose name cannot be watched; what no two servers understand alike; what is too long, or comes
 * too slowly; a server that cannot be reached.
 */
export type RefusalCause =
  | 'policy'
  | 'other-name'
  | 'no-name'
  | 'encrypted-name'
  | 'unwatchable'
  | 'malformed'
  | 'too-long'
  | 'too-slow'
  | 'unreachable';

/** A refusal, before it is known which protocol it is told in. */
export interface Refused {
  readonly cause: RefusalCause;
  /** A plain sentence for whoever reads the answer, a person or an agent. */
  readonly sentence: string;
}

/** A refusal in a protocol. */
export interface Refusal extends Refused {
  readonly protocol: Protocol;
  /** True where the answer may have no body: HEAD of HTTP. */
  readonly headOnly: boolean;
}

const STATUS: Readonly<Record<RefusalCause, string>> = {
  policy: '403 Forbidden by the egress policy',
  'other-name': '403 Forbidden by the egress policy',
  'no-name': '403 Forbidden by the egress policy',
  'encrypted-name': '403 Forbidden by the egress policy',
  unwatchable: '403 Forbidden by the egress policy',
  malformed: '400 Bad Request',
  'too-long': '431 Request Header Fields Too Large',
  'too-slow': '408 Request Timeout',
  unreachable: '502 Bad Gateway',
};

/** AlertDescription of RFC 8446, 6. Clients print it: "alert access denied". */
const ACCESS_DENIED = 49;
const DECODE_ERROR = 50;
const INTERNAL_ERROR = 80;

/** Milliseconds for a client to read an answer, and to close. */
const LINGER = 2000;

/** The longest part of a sentence that comes from a program inside, in columns. */
const MOST_QUOTED = 100;

/** Bytes from inside as part of a sentence. */
export function quoted(text: string): string {
  return `'${shortened(printable(text), MOST_QUOTED)}'`;
}

/** The bytes that tell a refusal; undefined where only a reset of the connection can. */
export function answerOf(refusal: Refusal): Buffer | undefined {
  if (refusal.protocol === 'tls') return alertOf(refusal.cause);
  return refusal.protocol === 'http' ? pageOf(refusal) : undefined;
}

/**
 * Tells a refusal to a client whose bytes have not been answered, and ends its connection. What the client still sends
 * is read and dropped: a socket that is closed with unread bytes is reset, and the answer would be lost (tcp(7)).
 */
export function refuse(client: Socket, refusal: Refusal): void {
  const answer = answerOf(refusal);
  if (answer === undefined) {
    breakOff(client);
    return;
  }
  client.end(answer);
  client.resume();
  const timer = setTimeout(() => client.destroy(), LINGER).unref();
  client.once('close', () => clearTimeout(timer));
}

function pageOf({ cause, sentence, headOnly }: Refusal): Buffer {
  const body = Buffer.from(`${sentence}\n`);
  const head = [
    `HTTP/1.1 ${STATUS[cause]}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Cache-Control: no-store',
    'Connection: close',
    '\r\n',
  ];
  return Buffer.concat([Buffer.from(head.join('\r\n')), headOnly ? Buffer.alloc(0) : body]);
}

/** A record with a fatal alert. */
function alertOf(cause: RefusalCause): Buffer {
  return Buffer.from([0x15, 3, 3, 0, 2, 2, descriptionOf(cause)]);
}

function descriptionOf(cause: RefusalCause): number {
  if (cause === 'unreachable') return INTERNAL_ERROR;
  return cause === 'malformed' || cause === 'too-long' ? DECODE_ERROR : ACCESS_DENIED;
}
