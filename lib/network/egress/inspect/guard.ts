import type { Held } from './held';
import type { Refusal, Refused } from './refusal';

/** What a connection was made for, and so what its bytes may name. */
export interface Expected {
  /**
   * The name, in lower case, as A-labels, without a dot at its end; undefined for a connection to an address that a rule
   * names, whose bytes are not looked at.
   */
  readonly name: string | undefined;
  readonly port: number;
  /** `'allow'` lets a ClientHello have an encrypted name, which cannot be compared. Default: `'refuse'`. */
  readonly ech?: 'refuse' | 'allow' | undefined;
  /** The refusal of the connection itself: its bytes are looked at only for the protocol to tell that in. */
  readonly denied?: Refused | undefined;
}

/** The outcome of a look: a refusal, another guard that goes on, the end of all looking, or a wait for more bytes. */
export type Look = Refusal | Guard | 'settled' | 'more';

/** Looks at the bytes of one protocol. */
export interface Guard {
  /** Milliseconds that the bytes which are held may wait for those that are missing; undefined for any time. */
  readonly patience: number | undefined;
  /** True while the client's bytes have to wait for an answer of the server. */
  readonly holds: boolean;
  /** True while the server's bytes have to be heard. */
  readonly listens: boolean;
  /** True once the server's bytes will never have to be heard again. */
  readonly isDeaf: boolean;
  /** Takes the bytes that may go on out of those that are held. */
  look(held: Held, pass: Buffer[]): Look;
  /** Hears what the server sends, in guards that listen. */
  hear?(chunk: Buffer): void;
  /**
   * The missing bytes have not come in time. A refusal, or undefined where the held bytes may go on because no server
   * can act on them.
   */
  late(): Refusal | undefined;
}
