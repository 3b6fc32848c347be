/** One connection that a program inside makes: decided about, made outside, and passed on. */
import type { Socket } from 'node:net';
import { join } from '../sockets/join';
import type { Incoming } from './intake/listener';
import type { Policy, Verdict } from './policy/policy';
import type { Destination } from './policy/rule-index';

/** Connects to where an allowed connection leads. */
export type Dial = (to: Destination, signal: AbortSignal) => Promise<Socket>;

/** A connection between a program inside and a server outside, from its first packet to its end. */
export class Relay {
  readonly to: Destination;
  readonly #client: Socket;
  readonly #policy: Policy;
  readonly #dial: Dial;
  readonly #over = new AbortController();
  #server: Socket | undefined;

  constructor({ socket, address, port }: Incoming, policy: Policy, dial: Dial) {
    this.to = { name: undefined, address, port };
    this.#client = socket;
    this.#policy = policy;
    this.#dial = dial;
    socket.on('error', () => undefined); // 'close' says what is needed
    socket.once('close', () => {
      if (this.#server === undefined) this.#over.abort();
    });
  }

  /** Resolves when the connection is over. It never rejects. */
  async run(): Promise<void> {
    try {
      const verdict = await this.#policy.settle(this.to, () => Promise.resolve(undefined));
      if (verdict.decision === 'allow') await this.#connect();
      else this.#refuse(verdict);
    } catch {
      this.cut();
    }
    await this.#closed();
  }

  /** Breaks the connection off if the policy no longer allows it. */
  reconsider(): void {
    if (this.#server !== undefined && this.#policy.decide(this.to).decision !== 'allow') this.cut();
  }

  /** Breaks the connection off, on both sides. */
  cut(): void {
    this.#client.resetAndDestroy();
    this.#server?.resetAndDestroy();
    this.#over.abort();
  }

  async #connect(): Promise<void> {
    const { signal } = this.#over;
    const server = await this.#dial(this.to, signal);
    server.on('error', () => undefined);
    this.#server = server;
    if (signal.aborted) this.cut();
    this.reconsider(); // the policy may have changed while it was being made
    if (!signal.aborted) join(this.#client, server);
  }

  #refuse(_: Verdict): void {
    this.#client.resetAndDestroy();
  }

  async #closed(): Promise<void> {
    if (!this.#client.closed) await new Promise((resolve) => this.#client.once('close', resolve));
  }
}
