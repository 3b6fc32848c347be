/** Compares the name in the ClientHello of a TLS connection with the name that the connection was made for. */
import { parseClientHello } from './client-hello';
import type { Expected, Guard, Look } from './guard';
import { Held } from './held';
import { type Refusal, type RefusalCause, quoted } from './refusal';

/** ContentType of RFC 8446, 5.1. */
const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;

/** HandshakeType of RFC 8446, 4. */
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;

const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;

/** The largest record: that of TLS 1.2 with encryption, RFC 5246, 6.2.3. */
const MOST_RECORD = (1 << 14) + 2048;
/** The longest ClientHello. Those of browsers have two kilobytes, long session tickets make it ten. */
const MOST_HELLO = 1 << 15;
/** The longest ClientHello with the headers of its records, which may be as short as one byte. */
const MOST_HELD = 1 << 16;

/** Milliseconds for a whole ClientHello to come. */
const HELLO_TIME = 10_000;

/** The random of a ServerHello that is a HelloRetryRequest: the SHA-256 of these words, RFC 8446, 4.1.3. */
const RETRY = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex');
/** The bytes of a ServerHello with its headers up to the end of its random. */
const ANSWER_BYTES = RECORD_HEADER + MESSAGE_HEADER + 2 + RETRY.length;

/**
 * The first ClientHello is compared before a byte goes on. The server may ask for a second one (HelloRetryRequest), which
 * is compared as well. So looking ends when the server has answered with anything else; up to then a client can send
 * only early data.
 */
export class TlsGuard implements Guard {
  readonly #expected: Expected;
  #state: 'hello' | 'walk' | 'second' | 'answered' | 'deaf' = 'hello';
  /** Bytes of the current record that go on without being looked at. */
  #skip = 0;
  /** The end of the records that have been collected, in the held bytes, and the message so far. */
  #collected = 0;
  #message = new Held();
  #answer = Buffer.alloc(0);

  constructor(expected: Expected) {
    this.#expected = expected;
  }

  get patience(): number | undefined {
    return HELLO_TIME;
  }

  readonly holds = false;
  readonly isDeaf = false;

  get listens(): boolean {
    return this.#state === 'walk';
  }

  look(held: Held, pass: Buffer[]): Look {
    if (this.#state === 'answered') return 'settled';
    if (this.#state === 'deaf')
      return held.length === 0 ? 'more' : this.#refuse('malformed', 'The server has not answered in TLS');
    if (this.#state === 'hello') {
      const look = this.#hello(held, pass);
      if (look !== undefined) return look;
      this.#state = 'walk';
    }
    return this.#walk(held, pass);
  }

  hear(chunk: Buffer): void {
    if (this.#state !== 'walk') return;
    this.#answer = Buffer.concat([this.#answer, chunk.subarray(0, ANSWER_BYTES - this.#answer.length)]);
    this.#state = stateAfter(this.#answer) ?? 'walk';
  }

  late(): Refusal {
    return this.#refuse('too-slow', 'The ClientHello has not come to its end in time');
  }

  /** Passes on records that can have no name, up to one that may. */
  #walk(held: Held, pass: Buffer[]): Look {
    for (;;) {
      if (this.#skip > 0) {
        const part = held.take(this.#skip);
        this.#skip -= part.length;
        if (part.length > 0) pass.push(part);
      }
      if (held.length < RECORD_HEADER) return 'more';
      const { type, length } = recordAt(held.bytes, 0);
      if (type === HANDSHAKE) {
        if (this.#state !== 'second')
          return this.#refuse('malformed', 'A handshake message came before the answer of the server');
        return this.#hello(held, pass) ?? 'settled';
      }
      if ((type !== APPLICATION_DATA && type !== CHANGE_CIPHER_SPEC && type !== ALERT) || length > MOST_RECORD) {
        return this.#refuse('malformed', 'This is not TLS');
      }
      this.#skip = RECORD_HEADER + length;
    }
  }

  /** Undefined when a whole ClientHello may go on. */
  #hello(held: Held, pass: Buffer[]): Look | undefined {
    const message = this.#collect(held.bytes);
    if (message === 'more') return 'more';
    const { denied } = this.#expected;
    if (denied !== undefined) return { ...denied, protocol: 'tls', headOnly: false };
    if (message === 'too long') return this.#refuse('too-long', 'The ClientHello is too long');
    const refusal = message === 'malformed' ? this.#malformed() : this.#compare(message);
    if (refusal !== undefined) return refusal;
    pass.push(held.take(this.#collected));
    this.#collected = 0;
    this.#message = new Held();
    return undefined;
  }

  /** The body of the ClientHello at the start of the bytes. */
  #collect(bytes: Buffer): Buffer | 'more' | 'malformed' | 'too long' {
    for (;;) {
      if (bytes.length - this.#collected < RECORD_HEADER) return 'more';
      const { type, major, length } = recordAt(bytes, this.#collected);
      if (type !== HANDSHAKE || major !== 3 || length === 0 || length > MOST_RECORD) return 'malformed';
      const start = this.#collected + RECORD_HEADER;
      if (bytes.length < start + length) return 'more';
      this.#collected = start + length;
      this.#message.push(bytes.subarray(start, this.#collected));
      this.#message.keep();
      if (this.#collected > MOST_HELD) return 'too long';
      const message = this.#message.bytes;
      if (message.length < MESSAGE_HEADER) continue;
      const end = MESSAGE_HEADER + message.readUIntBE(1, 3);
      if (message[0] !== CLIENT_HELLO || message.length > end) return 'malformed';
      if (end > MOST_HELLO) return 'too long';
      if (message.length === end) return message.subarray(MESSAGE_HEADER);
    }
  }

  #compare(body: Buffer): Refusal | undefined {
    const hello = parseClientHello(body);
    if (hello === undefined) return this.#malformed();
    const { name, ech } = this.#expected;
    const { serverNames } = hello;
    if (hello.ech && ech !== 'allow') {
      return this.#refuse(
        'encrypted-name',
        `The ClientHello for ${name} may have another name that is encrypted (ECH), and cannot be compared`,
      );
    }
    if (serverNames === undefined) {
      return this.#refuse(
        'no-name',
        `The egress policy allows this connection for ${name} alone, but its ClientHello names no server (SNI)`,
      );
    }
    const [first = ''] = serverNames;
    if (serverNames.length === 1 && first.toLowerCase().replace(/\.$/, '') === name) return undefined;
    const names = serverNames.map(quoted).slice(0, 3).join(' and ');
    return this.#refuse(
      'other-name',
      `The egress policy allows this connection for ${name} alone, but its ClientHello names ${names}`,
    );
  }

  #malformed(): Refusal {
    return this.#refuse('malformed', 'The ClientHello is malformed');
  }

  #refuse(cause: RefusalCause, sentence: string): Refusal {
    return { protocol: 'tls', cause, sentence: `${sentence}.`, headOnly: false };
  }
}

function recordAt(bytes: Buffer, at: number): { type: number; major: number; length: number } {
  return { type: bytes.readUInt8(at), major: bytes.readUInt8(at + 1), length: bytes.readUInt16BE(at + 3) };
}

/** The state after the answer of the server; undefined while too little of it is there. */
function stateAfter(answer: Buffer): 'answered' | 'second' | 'deaf' | undefined {
  if (answer.length === 0) return undefined;
  if (answer[0] === ALERT) return 'answered';
  if (answer[0] !== HANDSHAKE) return 'deaf';
  if (answer.length < ANSWER_BYTES) return undefined;
  const isHello = answer[RECORD_HEADER] === SERVER_HELLO && answer.readUInt16BE(3) >= ANSWER_BYTES - RECORD_HEADER;
  if (!isHello) return 'deaf';
  return answer.subarray(ANSWER_BYTES - RETRY.length).equals(RETRY) ? 'second' : 'answered';
}
