/** Recognizes the protocol of a connection by the first bytes of its client. */
import type { Expected, Guard, Look } from './guard';
import type { Held } from './held';
import { HttpGuard } from './http';
import type { Protocol, Refusal, RefusalCause } from './refusal';
import { TlsGuard } from './tls';

/** ContentType handshake and the major version: the first bytes of TLS. */
const HANDSHAKE = 22;
const MAJOR = 3;
const ALERT = 21;
/** The size of an alert. */
const ALERT_BYTES = 2;
/** HandshakeType. */
const CLIENT_HELLO = 1;
/** The header of a record, and the first byte after it. */
const RECORD_START = 6;
/** The version of SSL 2. */
const SSL_2 = 0x0002;

const LF = 10;

/** The longest first line. Servers take request lines of up to 64 kilobytes. */
const MOST_LINE = 1 << 16;

/** Milliseconds for what may be the method of a request. Some protocols begin with one word that nothing follows. */
const WORD_TIME = 250;
/** Milliseconds for the line after it. */
const LINE_TIME = 30_000;

/**
 * A method, as some server may take it: a token (RFC 9110, 5.6.2) with a letter, and the blank after it. The first line of
 * git's own protocol, with its length in four digits, is none: gitprotocol-pack(5).
 */
// eslint-disable-next-line no-control-regex
const METHOD = /^(?![\da-f]{4}git-)[!#$%&'*+.^_`|~\d-]*[A-Za-z][!#$%&'*+.^_`|~\w-]*[\s\x1c-\x1f\x85]/;
// eslint-disable-next-line no-control-regex
const VERSION = /[\s\x1c-\x1f\x85]http\s*\//i;
/** A request of HTTP/0.9, which has no version and no fields. */
const OLD_REQUEST = /^[A-Za-z]+[\t ]+(?:\/|[A-Za-z][A-Za-z0-9+.-]*:\/\/)[^\t ]*[\t ]*$/;
/** The line that a proxy puts before a connection, to name another client. */
const PROXY_LINE = 'PROXY ';

/**
 * Takes for TLS or HTTP what any server may take for it, with all that servers are lenient about: empty lines and blanks
 * before the method, other blanks than spaces, lower case. All else follows the name that the connection was made for.
 */
export class FirstBytes implements Guard {
  readonly holds = false;
  readonly listens = false;
  readonly isDeaf = false;
  readonly #expected: Expected;
  /** The bytes before this one have been looked at. They are empty lines, then a word, then the rest of its line. */
  #at = 0;
  #part: 'blanks' | 'word' | 'line' = 'blanks';
  #wordAt = 0;

  constructor(expected: Expected) {
    this.#expected = expected;
  }

  get patience(): number {
    return this.#part === 'line' ? LINE_TIME : WORD_TIME;
  }

  look(held: Held): Look {
    const { bytes } = held;
    const [first = 0, second] = bytes;
    if (first === HANDSHAKE && second === MAJOR) return new TlsGuard(this.#expected);
    if (first === HANDSHAKE || first === ALERT) return this.#record(bytes);
    return first < 0x80 ? this.#text(bytes) : this.#binary(bytes);
  }

  late(): Refusal | undefined {
    const { denied } = this.#expected;
    if (denied !== undefined) return this.#refuse('other', denied.cause, denied.sentence);
    if (this.#part !== 'line') return undefined;
    return this.#refuse('http', 'too-slow', 'The first line has not come to its end in time.');
  }

  /**
   * Java and Go take a first record of another version for TLS, and skip a warning before the ClientHello. No client
   * sends either.
   */
  #record(bytes: Buffer): Look {
    if (bytes.length < RECORD_START) return 'more';
    const [type, , , , , content] = bytes;
    const length = bytes.readUInt16BE(3);
    const isOfTls = type === ALERT ? length === ALERT_BYTES : length === 0 || content === CLIENT_HELLO;
    return isOfTls
      ? this.#refuse('tls', 'malformed', 'The first record of TLS is no ClientHello of version 3.')
      : 'settled';
  }

  /** A record of SSL 2 may have a ClientHello, which OpenSSL still takes. It names no server. */
  #binary(bytes: Buffer): Look {
    if (bytes.length >= 3 && bytes[2] !== 1) return 'settled';
    if (bytes.length < 5) return 'more';
    if (bytes[3] !== MAJOR && bytes.readUInt16BE(3) !== SSL_2) return 'settled';
    return this.#refuse('tls', 'no-name', 'A ClientHello of SSL 2 names no server.');
  }

  #text(bytes: Buffer): Look {
    for (; this.#at < bytes.length; this.#at++) {
      if (this.#at >= MOST_LINE) return this.#refuse('http', 'too-long', 'The first line is too long.');
      const look = this.#byte(bytes, bytes[this.#at] ?? 0);
      if (look !== undefined) return look;
    }
    return 'more';
  }

  #byte(bytes: Buffer, byte: number): Look | undefined {
    if (this.#part === 'blanks') return this.#blank(bytes, byte);
    if (this.#part === 'word') {
      if (isOfToken(byte)) return undefined;
      if (byte === LF || !isBlank(byte)) return 'settled';
      this.#part = 'line';
      return undefined;
    }
    if (byte === LF) return this.#line(bytes.toString('latin1', this.#wordAt, this.#at).replace(/\r$/, ''));
    if (!isControl(byte)) return undefined;
    const isMethod = METHOD.test(bytes.toString('latin1', this.#wordAt, this.#at));
    return isMethod ? this.#refuse('http', 'malformed', 'There is a control character in the first line.') : 'settled';
  }

  #blank(bytes: Buffer, byte: number): Look | undefined {
    if (isBlank(byte)) return undefined;
    if (isOfToken(byte)) {
      [this.#part, this.#wordAt] = ['word', this.#at];
      return undefined;
    }
    // Empty lines before what is no text: the second form of the PROXY protocol.
    const hasLines = bytes.subarray(0, this.#at).includes(LF);
    return hasLines ? this.#refuse('other', 'malformed', 'There are empty lines before the first bytes.') : 'settled';
  }

  #line(line: string): Look {
    if (VERSION.test(line)) return new HttpGuard(this.#expected);
    if (OLD_REQUEST.test(line)) return this.#refuse('http', 'no-name', 'A request of HTTP/0.9 names no host.');
    if (line.startsWith(PROXY_LINE))
      return this.#refuse('other', 'unwatchable', 'The PROXY protocol is not passed on.');
    return 'settled';
  }

  #refuse(protocol: Protocol, cause: RefusalCause, sentence: string): Refusal {
    return { protocol, cause, sentence, headOnly: false };
  }
}

/** HT, LF, VT, FF, CR, the space, and what Python takes for one. */
function isBlank(byte: number): boolean {
  return (byte >= 9 && byte <= 13) || (byte >= 28 && byte <= 32) || byte === 0x85 || byte === 0xa0;
}

function isControl(byte: number): boolean {
  return byte === 127 || (byte < 32 && !isBlank(byte));
}

/** A character of a method: RFC 9110, 5.6.2. */
function isOfToken(byte: number): boolean {
  return byte > 32 && byte < 127 && !'"(),/:;<=>?@[\\]{}'.includes(String.fromCharCode(byte));
}
