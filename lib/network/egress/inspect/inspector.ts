import { firstByteTime } from './client-ports';
import { FirstBytes } from './first-bytes';
import type { Expected, Guard, Look } from './guard';
import { Held } from './held';
import type { Refusal } from './refusal';

/** The outcome of a chunk. */
export interface Inspected {
  /** The bytes of the client that may go on now, in their order. They are before what is refused. */
  readonly pass: readonly Buffer[];
  /** The connection ends, with this answer: {@link refuse}. Nothing passes after it. */
  readonly refusal: Refusal | undefined;
}

/**
 * Looks at what a client sends before it goes on, and compares the names in it with the one that the connection was made
 * for. Most connections are settled after their first bytes, and can then be relayed without another look. Those of HTTP/1
 * never are: each request is looked at, but the bytes of bodies are passed on unseen.
 *
 * The verdict does not depend on how the bytes are cut into chunks.
 */
export class Inspector {
  readonly #expected: Expected;
  readonly #late: (inspected: Inspected) => void;
  readonly #held = new Held();
  /** Held bytes that have gone on already. */
  #ahead = 0;
  #guard: Guard | undefined;
  #refusal: Refusal | undefined;
  /** The moment since which held bytes wait, and the one at which they are late, by performance.now(). */
  #since: number | undefined;
  #due: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param late - called when bytes that are missing have not come in time */
  constructor(expected: Expected, late: (inspected: Inspected) => void) {
    this.#expected = expected;
    this.#late = late;
    const isLookedAt = expected.name !== undefined || expected.denied !== undefined;
    this.#guard = isLookedAt ? new FirstBytes(expected) : undefined;
    if (expected.denied !== undefined) this.#waitFor(firstByteTime(expected.port));
  }

  /** True when there is nothing more to look at: all bytes may go on. */
  get settled(): boolean {
    return this.#guard === undefined && this.#refusal === undefined;
  }

  /** True while the client's bytes wait for an answer of the server. It is not to be read until then. */
  get holds(): boolean {
    return this.#guard?.holds ?? false;
  }

  /** True while the server's bytes have to come to {@link Inspector.fromServer}, before they go on to the client. */
  get listens(): boolean {
    return this.#guard?.listens ?? false;
  }

  /** True once the server's bytes will never have to be heard again. */
  get isDeaf(): boolean {
    return this.#guard?.isDeaf ?? true;
  }

  /** The number of the client's bytes that have come, and may not go on yet. */
  get waiting(): number {
    return this.#held.length - this.#ahead;
  }

  /** Takes what the client has sent. The chunk is the caller's again afterwards, but for what is in `pass`. */
  fromClient(chunk: Buffer): Inspected {
    if (this.#refusal !== undefined) return { pass: [], refusal: this.#refusal };
    if (this.#guard === undefined) return { pass: [chunk], refusal: undefined };
    this.#held.push(chunk);
    return this.#look();
  }

  /** Takes what the server has sent, while it {@link Inspector.listens}. The result is about the client's bytes. */
  fromServer(chunk: Buffer): Inspected {
    if (!this.listens) return { pass: [], refusal: this.#refusal };
    this.#guard?.hear?.(chunk);
    return this.#look();
  }

  /** The client has ended: what is missing will not come. The result is what would come of it if it was late. */
  end(): Inspected {
    if (this.#refusal !== undefined || this.#held.length === this.#ahead) return { pass: [], refusal: this.#refusal };
    return this.#giveUp();
  }

  /** Waits for nothing any more. */
  close(): void {
    this.#waitFor(undefined);
  }

  #look(): Inspected {
    const taken: Buffer[] = [];
    const look = this.#lookWithGuards(taken);
    if (look === 'settled') this.#settle(taken);
    else if (look !== 'more') this.#refusal = look;
    this.#held.keep();
    const pass = this.#notYetGone(taken);
    if (pass.length > 0) this.#since = undefined;
    this.#watch();
    return { pass, refusal: this.#refusal };
  }

  #lookWithGuards(taken: Buffer[]): Exclude<Look, Guard> {
    for (;;) {
      const look = this.#guard?.look(this.#held, taken) ?? 'settled';
      if (!isGuard(look)) return look;
      this.#guard = look;
    }
  }

  /** Nothing more is looked at. What speaks neither TLS nor HTTP can still be denied. */
  #settle(taken: Buffer[]): void {
    this.#guard = undefined;
    const { denied } = this.#expected;
    if (denied !== undefined) this.#refusal = { ...denied, protocol: 'other', headOnly: false };
    else taken.push(this.#held.take(this.#held.length));
  }

  #notYetGone(taken: readonly Buffer[]): Buffer[] {
    const left = taken.map((bytes) => {
      const gone = Math.min(this.#ahead, bytes.length);
      this.#ahead -= gone;
      return bytes.subarray(gone);
    });
    return left.filter((bytes) => bytes.length > 0);
  }

  /** Sets the timer for the bytes that wait, if there are any. */
  #watch(): void {
    const isWaiting = this.waiting > 0 && this.#refusal === undefined;
    this.#waitFor(isWaiting ? this.#guard?.patience : undefined);
  }

  /** Waits so many milliseconds in all, or for nothing. */
  #waitFor(patience: number | undefined): void {
    if (patience === undefined) this.#since = undefined;
    else this.#since ??= performance.now();
    const due = this.#since === undefined || patience === undefined ? undefined : this.#since + patience;
    if (due === this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    if (due === undefined) return;
    const late = (): void => {
      if (this.#due === due) this.#late(this.#giveUp());
    };
    // Bytes that have come by then are read first, however long this turn of the event loop takes.
    this.#timer = setTimeout(() => void setImmediate(late), due - performance.now()).unref();
  }

  #giveUp(): Inspected {
    clearTimeout(this.#timer);
    this.#refusal = this.#guard?.late();
    const pass = this.#refusal === undefined ? [this.#held.bytes.subarray(this.#ahead)] : [];
    this.#ahead = this.#held.length;
    this.#since = this.#due = undefined;
    return { pass, refusal: this.#refusal };
  }
}

function isGuard(look: Look): look is Guard {
  return typeof look === 'object' && 'look' in look;
}
