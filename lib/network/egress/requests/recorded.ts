import { inspectAs } from '../../../handle/inspect';
import type { Verdict } from '../policy/policy';
import type { Destination } from '../policy/rule-index';
import type { EgressProgram, EgressRecord, EgressRequest } from './egress-request';

/** Counts of one socket of Node: what it has received, and what it was given to send. */
export interface Traffic {
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

const NO_TRAFFIC: Traffic = { bytesRead: 0, bytesWritten: 0 };

/** A request, as those see it who decide about it and carry it out. */
export class Recorded implements EgressRequest {
  static {
    inspectAs(
      { prototype: this.prototype, name: 'EgressRequest' },
      ({ decision, name, address, port, rule, program }) => ({
        decision,
        host: name ?? address,
        port,
        rule,
        program: program?.argv[0],
      }),
    );
  }

  readonly at = new Date();
  readonly name: string | undefined;
  readonly address: string;
  readonly port: number;
  readonly rule: string | undefined;
  readonly finished: Promise<void>;
  program: EgressProgram | undefined;
  /** Resolves when its program has been looked for, which must not take long; undefined where nobody asks for that. */
  looked: Promise<void> | undefined;
  #decision: 'allow' | 'deny';
  #reason: string;
  /** The side of the server, and what it had sent and received before it belonged to this request. */
  #traffic = NO_TRAFFIC;
  #before = NO_TRAFFIC;
  readonly #began = performance.now();
  #took: number | undefined;
  #onEnd: () => void = () => undefined;

  constructor({ name, address, port }: Destination, { decision, rule, reason }: Verdict) {
    this.name = name;
    this.address = address;
    this.port = port;
    this.#decision = decision;
    this.rule = rule;
    this.#reason = reason;
    this.finished = new Promise((resolve) => (this.#onEnd = resolve));
  }

  get decision(): 'allow' | 'deny' {
    return this.#decision;
  }

  get bytesSent(): number {
    return this.#traffic.bytesWritten - this.#before.bytesWritten;
  }

  get bytesReceived(): number {
    return this.#traffic.bytesRead - this.#before.bytesRead;
  }

  get reason(): string {
    return this.#reason;
  }

  get duration(): number {
    return this.#took ?? performance.now() - this.#began;
  }

  /** Counts from now on what a socket outside sends and receives. */
  count(outside: Traffic): void {
    this.#traffic = outside;
    this.#before = traffic(outside);
  }

  /** Says that it was refused after all: for what the program has sent, or for the addresses of the name. */
  deny(reason: string): void {
    this.#decision = 'deny';
    this.#reason = reason;
  }

  /**
   * Says that it is over. To call it again changes nothing.
   *
   * @param reason - what has ended it, if that was neither of its ends
   */
  end(reason: string = this.#reason): void {
    if (this.#took !== undefined) return;
    this.#took = this.duration;
    this.#reason = reason;
    this.#traffic = traffic(this.#traffic);
    this.#onEnd();
  }

  toJSON(): EgressRecord {
    const { name, address, port, decision, rule, reason, program, bytesSent, bytesReceived } = this;
    const duration = Math.round(this.duration * 1000) / 1000;
    const at = this.at.toISOString();
    return { at, decision, name, address, port, rule, reason, program, bytesSent, bytesReceived, duration };
  }
}

function traffic({ bytesRead, bytesWritten }: Traffic): Traffic {
  return { bytesRead, bytesWritten };
}
