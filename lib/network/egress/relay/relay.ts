/** One connection that a program inside makes: decided about, made outside, and passed on. */
import type { Socket } from 'node:net';
import type { Refused } from '../inspect/refusal';
import type { Incoming } from '../intake/listener';
import type { Names } from '../names/names';
import { type Reached, dial } from '../outside/dial';
import { checkedAddress } from '../outside/special';
import { breakOff } from '../../sockets/break-off';
import { Undialled } from '../outside/undialled';
import { type Policy, type Undecided, type Verdict, destinationText } from '../policy/policy';
import type { Destination } from '../policy/rule-index';
import type { EgressProgram } from '../requests/egress-request';
import type { Programs } from '../requests/programs';
import type { Recorded } from '../requests/recorded';
import type { Requests } from '../requests/requests';
import type { Room } from '../room';
import { Passage } from './passage';
import { tell } from './tell';

/** What the relays of an egress share. */
export interface Shared {
  readonly policy: Policy;
  readonly names: Names;
  readonly requests: Requests;
  readonly programs: Pick<Programs, 'find'>;
  readonly room: Pick<Room, 'enter' | 'leave'>;
}

/** A connection between a program inside and a server outside, from its first packet to its end. */
export class Relay {
  readonly to: Destination;
  readonly #incoming: Incoming;
  readonly #shared: Shared;
  readonly #policy: Policy;
  readonly #program: () => Promise<EgressProgram | undefined>;
  readonly #letGo: () => void;
  #isOver = false;
  /** Gives up what is being connected to. */
  #giveUp: AbortController | undefined;
  #opened: Socket | undefined;
  #server: Socket | undefined;
  #passage: Passage | undefined;
  /** The address outside, as far as it is known. */
  #reached: Reached | undefined;
  #request: Recorded | undefined;

  constructor(incoming: Incoming, shared: Shared) {
    const { names, policy, programs } = shared;
    const { address, port } = incoming.to;
    const name = names.nameOf(address);
    this.to = { name, address, port };
    this.#incoming = incoming;
    this.#shared = shared;
    this.#policy = policy;
    this.#program = once(() => programs.find(incoming.from, incoming.to));
    this.#letGo = name === undefined ? () => undefined : names.hold(name);
  }

  /** Resolves when the connection is over. It never rejects. */
  async run(): Promise<void> {
    try {
      const { changes } = this.#policy;
      const decided = this.#decide();
      const verdict = decided.decision === 'ask' ? await this.#policy.settle(this.to, this.#program) : decided;
      const { decision, reason } = verdict;
      this.#request = this.#shared.requests.record(this.to, verdict, this.#program);
      if (decision === 'allow') await this.#connect(changes);
      else await this.#refuse({ cause: 'policy', sentence: reason });
    } catch (error) {
      if (error instanceof Undialled) await this.#refuse(error.refused);
      else this.cut();
    }
    if (this.#passage === undefined) await closed(this.#client);
    else await this.#passage.over;
    this.#letGo();
    this.#request?.end();
  }

  /** Breaks the connection off if the policy no longer allows it. */
  reconsider(): void {
    if (this.#server === undefined || this.#isAllowed()) return;
    this.#request?.end(`The egress policy has changed, and allows ${destinationText(this.to)} no longer.`);
    this.cut();
  }

  /** Breaks the connection off, on both sides. */
  cut(): void {
    this.#end();
    if (this.#passage !== undefined) {
      this.#passage.cut();
      return;
    }
    breakOff(this.#client);
    if (this.#server !== undefined) breakOff(this.#server);
  }

  /** Nothing is read from the program before this is asked for. */
  get #client(): Socket {
    return (this.#opened ??= this.#open());
  }

  #open(): Socket {
    const { socket } = this.#incoming;
    socket.on('error', () => undefined); // 'close' says what is needed
    return socket.once('close', () => {
      if (this.#server === undefined) this.#end();
    });
  }

  /** Cuts what is over. */
  #isCut(): boolean {
    if (this.#isOver) this.cut();
    return this.#isOver;
  }

  #end(): void {
    this.#isOver = true;
    this.#giveUp?.abort();
  }

  #decide(): Verdict | Undecided {
    if (this.to.name !== undefined || !this.#shared.names.isInside(this.to.address))
      return this.#policy.decide(this.to);
    const reason = `The egress does not know any more which name had the address ${this.to.address}: look it up again.`;
    return { decision: 'deny', rule: undefined, reason };
  }

  /** @param changes - those of the policy when it was decided */
  async #connect(changes: number): Promise<void> {
    if (this.#isCut()) return;
    const policy = this.#policy;
    const { outside, via, ech } = policy;
    const reached = (address: Reached): void => void (this.#reached = address);
    this.#giveUp = new AbortController();
    const server = await dial({ ...this.to, policy, outside, via, giveUp: this.#giveUp, reached });
    this.#giveUp = undefined;
    this.#server = server;
    server.on('error', () => undefined);
    // Meanwhile the client may have gone, or the policy may have changed.
    if (policy.changes !== changes) this.reconsider();
    if (this.#isCut()) return;
    const refused = ({ sentence }: Refused): void => this.#request?.deny(sentence);
    const { room } = this.#shared;
    this.#passage = new Passage({ client: this.#client, server, room }, { ...this.to, ech }, refused);
    this.#request?.count(this.#passage);
  }

  /** The name, the address and, if that is a special one, the rule that names it. */
  #isAllowed(): boolean {
    const [policy, reached, { port }] = [this.#policy, this.#reached, this.to];
    if (policy.decide(this.to).decision !== 'allow') return false;
    if (reached === undefined) return true;
    const { address, isSpecial } = reached;
    const { texts } = checkedAddress(address) ?? { texts: [address] };
    if (texts.some((text) => policy.deniesAddress(text, port) !== undefined)) return false;
    return !isSpecial || policy.namesAddress(address, port);
  }

  /** The program is looked for first, as it may end with the answer. */
  async #refuse(refused: Refused): Promise<void> {
    if (refused.cause === 'policy') this.#request?.deny(refused.sentence);
    else this.#request?.end(refused.sentence);
    await this.#request?.looked;
    if (!this.#isCut()) tell(this.#client, refused, this.to);
  }
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
