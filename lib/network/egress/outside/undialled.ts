import type { Refused } from '../inspect/refusal';

/** The reason why there is no connection to the outside. */
export type UndialledCode =
  /** The name has no address. */
  | 'no-address'
  /** All of its addresses are special, and no rule names them. */
  | 'special-address'
  /** All of its addresses are denied by a rule. */
  | 'denied-address'
  /** No address has accepted the connection. */
  | 'refused'
  /** The time to connect was over. */
  | 'timed-out'
  /** The upstream proxy cannot be reached, or does not do what it is asked for. */
  | 'proxy';

/** There is no connection to the outside. Its message may be told inside. */
export class Undialled extends Error {
  readonly code: UndialledCode;

  constructor(code: UndialledCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Undialled';
    this.code = code;
  }

  /** The refusal to tell the program that has tried to connect. */
  get refused(): Refused {
    const isPolicy = this.code === 'special-address' || this.code === 'denied-address';
    return { cause: isPolicy ? 'policy' : 'unreachable', sentence: this.message };
  }
}
