import type { Place } from '../place';

/** One end of a forward: a port at an address of a network. */
export interface End {
  readonly place: Place;
  readonly address: string;
  readonly port: number;
}

/** From where to where a forward leads. It listens at `from`. */
export interface Way {
  readonly from: End;
  readonly to: End;
  /** The most connections at a time; for UDP, the most senders. */
  readonly most: number;
}

/** A forward at work. */
export interface Leg {
  /** The port that it listens on. */
  readonly port: number;
  /** The number of connections that are open; for UDP, of senders that are remembered. */
  count(): number;
  /** Ends all connections, and resolves when nothing listens any more. */
  close(): Promise<void>;
}
