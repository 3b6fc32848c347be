/** One connection that a program inside makes: decided about, made outside, and passed on. */
import type { Socket } from 'node:net';
import type { Refused } from '../inspect/refusal';
import type { Incoming } from '../intake/listener';
import type { Names } from '../names/names';
import { dial } from '../outside/dial';
import { Undialled } from '../outside/undialled';
import type { Policy } from '../policy/policy';
import type { Destination } from '../policy/rule-index';
import { passOn, tell } from './pass-on';

/** A connection between a program inside and a server outside, from its first packet to its end. */
export class Relay {
  readonly to: Destination;
  readonly #client: Socket;
  readonly #policy: Policy;
  readonly #letGo: () => void;
  readonly #over = new AbortController();
  #server: Socket | undefined;

  constructor({ socket, address, port }: Incoming, policy: Policy, names: Names) {
    const name = names.nameOf(address);
    this.to = { name, address, port };
    this.#client = socket;
    this.#policy = policy;
    this.#letGo = name === undefined ? () => undefined : names.hold(name);
    socket.on('error', () => undefined); // 'close' says what is needed
    socket.once('close', () => {
      if (this.#server === undefined) this.#over.abort();
    });
  }

  /** Resolves when the connection is over. It never rejects. */
  async run(): Promise<void> {
    try {
      const { decision, reason } = await this.#policy.settle(this.to, () => Promise.resolve(undefined));
      if (decision === 'allow') await this.#connect();
      else this.#refuse({ cause: 'policy', sentence: reason });
    } catch (error) {
      if (error instanceof Undialled) this.#refuse(error.refused);
      else this.cut();
    }
    await closed(this.#client);
    if (this.#server !== undefined) await closed(this.#server);
    this.#letGo();
  }

  /** Breaks the connection off if the policy no longer allows it. */
  reconsider(): void {
    if (this.#server !== undefined && !this.#isAllowed(this.#server)) this.cut();
  }

  /** Breaks the connection off, on both sides. */
  cut(): void {
    this.#client.resetAndDestroy();
    this.#server?.resetAndDestroy();
    this.#over.abort();
  }

  async #connect(): Promise<void> {
    const { signal } = this.#over;
    const { outside, via, ech } = this.#policy;
    const server = await dial({ ...this.to, policy: this.#policy, outside, via, signal });
    this.#server = server;
    server.on('error', () => undefined);
    // Meanwhile the client may have gone, or the policy may have changed.
    if (signal.aborted) this.cut();
    else this.reconsider();
    if (signal.aborted) return;
    passOn(this.#client, server, { ...this.to, ech }, () => undefined);
  }

  #isAllowed({ remoteAddress = '' }: Socket): boolean {
    const { via } = this.#policy;
    if (this.#policy.decide(this.to).decision !== 'allow') return false;
    return via !== undefined || this.#policy.deniesAddress(remoteAddress, this.to.port) === undefined;
  }

  #refuse(refused: Refused): void {
    if (this.#over.signal.aborted) this.cut();
    else tell(this.#client, refused, this.to);
  }
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}
