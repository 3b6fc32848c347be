/**
 * Compares the name in each HTTP/1 request of a connection with the name that the connection was made for, before a byte
 * of the request goes on.
 */
import type { Expected, Guard, Look } from './guard';
import type { Held } from './held';
import { Body } from './http-body';
import { MalformedHead, type RequestHead, parseHead, withoutUpgrade } from './http-head';
import { Lines, TooLong } from './lines';
import { type Refusal, type RefusalCause, quoted } from './refusal';

/** The longest head. Servers take 8 to 64 kilobytes. */
const MOST_HEAD = 1 << 16;
/** Empty lines that some clients send after a body, and that servers skip (RFC 9112, 2.2). */
const MOST_EMPTY_LINES = 4;
/** The most bytes of an answer that are kept until it is known what it says. */
const MOST_ANSWER = 1 << 14;
/** The most bytes of a client that wait for an answer. */
const MOST_WAITING = 1 << 18;

/** Milliseconds for a whole head to come. */
const HEAD_TIME = 30_000;

/** An answer that is not the last to its request: 100 to 199, without 101. */
const INTERIM = /^HTTP\/1\.[01] 1\d\d[^\n]*\r\n(?:[^\r\n]+\r\n)*\r\n/;
const SWITCHED = /^HTTP\/1\.[01] 101[ \r]/;

/**
 * Requests follow each other on a connection, each with a head and a body. A request with an Upgrade header may change
 * the protocol: then the client's next bytes wait for the server's answer. That this answer can be told from others needs
 * the request to be the first of its connection, as it is with all clients of WebSocket.
 */
export class HttpGuard implements Guard {
  readonly #expected: Expected;
  readonly #lines = new Lines(MOST_HEAD);
  #requests = 0;
  #emptyLines = 0;
  #body: Body | undefined;
  #switching: 'no' | 'asked' | 'switched' = 'no';
  #answer = '';

  constructor(expected: Expected) {
    this.#expected = expected;
  }

  get patience(): number | undefined {
    return this.holds ? undefined : HEAD_TIME;
  }

  get holds(): boolean {
    return this.#switching === 'asked' && this.#body === undefined;
  }

  get listens(): boolean {
    return this.#switching === 'asked';
  }

  /** Only the first request may ask for an upgrade. */
  get isDeaf(): boolean {
    return this.#requests > 0 && this.#switching === 'no';
  }

  look(held: Held, pass: Buffer[]): Look {
    try {
      return this.#look(held, pass);
    } catch (error) {
      if (!(error instanceof MalformedHead)) throw error;
      const cause = error instanceof TooLong ? 'too-long' : 'malformed';
      return this.#expected.denied === undefined ? this.#refuse(cause, error.message) : this.#denied('');
    }
  }

  hear(chunk: Buffer): void {
    this.#answer += chunk.toString('latin1', 0, MOST_ANSWER);
    for (let interim; (interim = INTERIM.exec(this.#answer)) !== null && !SWITCHED.test(this.#answer);) {
      this.#answer = this.#answer.slice(interim[0].length);
    }
    if (SWITCHED.test(this.#answer)) this.#switching = 'switched';
    else if (!mayBecomeSwitched(this.#answer) || this.#answer.length > MOST_ANSWER) this.#switching = 'no';
  }

  late(): Refusal {
    return this.#refuse('too-slow', 'The head of a request has not come to its end in time');
  }

  #look(held: Held, pass: Buffer[]): Look {
    for (;;) {
      if (this.#switching === 'switched') return 'settled';
      if (this.#body !== undefined) {
        if (!this.#body.take(held, pass)) return 'more';
        this.#body = undefined;
      }
      if (this.holds) {
        return held.length > MOST_WAITING
          ? this.#refuse('too-long', 'Too much came before the answer to an upgrade')
          : 'more';
      }
      if (held.length === 0) return 'more';
      const refusal = this.#head(held, pass);
      if (refusal !== undefined) return refusal;
    }
  }

  /** Takes the next head, or the empty line before it. Undefined where it may go on. */
  #head(held: Held, pass: Buffer[]): Refusal | 'more' | undefined {
    const text = this.#lines.block(held.bytes);
    if (text === undefined) return 'more';
    if (text === '') {
      if (++this.#emptyLines > MOST_EMPTY_LINES) throw new MalformedHead('There are empty lines before a request');
      pass.push(held.take(2));
      return undefined;
    }
    if (this.#expected.denied !== undefined) return this.#denied(text);
    const unwatchable = whyUnwatchable(text);
    if (unwatchable !== undefined) return this.#refuse('unwatchable', unwatchable);
    const head = parseHead(text);
    return this.#compare(head) ?? this.#start(head, text, held, pass);
  }

  /** Lets a request go on, and its body after it. */
  #start(head: RequestHead, text: string, held: Held, pass: Buffer[]): Refusal | undefined {
    const asksForHttp2 = head.upgrade.length === 1 && head.upgrade[0] === 'h2c';
    const asks = head.upgrade.length > 0 && !asksForHttp2;
    if (asks && (this.#requests > 0 || head.upgrade.some(isUnwatchable))) {
      return this.#refuse('unwatchable', `An upgrade to ${quoted(head.upgrade.join(', '))} is not possible here`, head);
    }
    const bytes = held.take(text.length + 4);
    pass.push(asksForHttp2 ? Buffer.from(`${withoutUpgrade(text)}\r\n\r\n`, 'latin1') : bytes);
    if (asks) this.#switching = 'asked';
    this.#body = new Body(head.body);
    this.#requests++;
    this.#emptyLines = 0;
    return undefined;
  }

  /** A refusal where a request names another host than that of the connection, or none. */
  #compare(head: RequestHead): Refusal | undefined {
    const { authority, host } = head;
    const { name } = this.#expected;
    if (host === undefined) {
      return this.#refuse(
        'no-name',
        `The egress policy allows this connection for ${name} alone, but its request has no Host header`,
        head,
      );
    }
    const other = [authority, host].find((each) => each !== undefined && !this.#isExpected(each));
    if (other === undefined) return undefined;
    return this.#refuse(
      'other-name',
      `The egress policy allows this connection for ${name} alone, but its request is for ${quoted(other)}`,
      head,
    );
  }

  /** True for the name of the connection, with or without its port. */
  #isExpected(authority: string): boolean {
    const { name, port } = this.#expected;
    const [, host = '', , written = String(port)] = /^([^:]*?)\.?(:(\d+))?$/.exec(authority.toLowerCase()) ?? [];
    return host === name && written === String(port);
  }

  #denied(text: string): Refusal {
    const { cause, sentence } = this.#expected.denied ?? { cause: 'policy', sentence: '' };
    return { protocol: 'http', cause, sentence, headOnly: text.startsWith('HEAD ') };
  }

  #refuse(cause: RefusalCause, sentence: string, head?: RequestHead): Refusal {
    return { protocol: 'http', cause, sentence: `${sentence}.`, headOnly: head?.method === 'HEAD' };
  }
}

/** The reason why the requests of a connection cannot be watched from here on; undefined where they can. */
function whyUnwatchable(text: string): string | undefined {
  if (text.startsWith('CONNECT ')) return 'CONNECT would lead to another host than that of the connection';
  if (text.startsWith('PRI * HTTP/2')) return 'HTTP/2 without TLS cannot be watched: use HTTP/1.1, or https';
  return undefined;
}

/** True for protocols with names of their own. */
function isUnwatchable(protocol: string): boolean {
  return /^(?:h2c?|http|tls)(?:$|\/)/.test(protocol);
}

/** True while an answer may turn out to be 101, or has only interim ones so far. */
function mayBecomeSwitched(answer: string): boolean {
  return answer.length < 13 ? 'HTTP/1.'.startsWith(answer.slice(0, 7)) : /^HTTP\/1\.[01] 1\d\d/.test(answer);
}
