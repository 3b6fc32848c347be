import { inspectAs } from '../../../handle/inspect';
import type { Verdict } from '../policy/policy';
import type { Destination } from '../policy/rule-index';
import type { EgressProgram, EgressRecord, EgressRequest } from './egress-request';

/** A request, as those see it who decide about it and carry it out. */
export class Recorded implements EgressRequest {
  static {
    inspectAs(this, ({ decision, name, address, port, rule, program }) => ({
      decision,
      host: name ?? address,
      port,
      rule,
      program: program?.argv[0],
    }));
  }

  readonly at = new Date();
  readonly name: string | undefined;
  readonly address: string;
  readonly port: number;
  readonly decision: 'allow' | 'deny';
  readonly rule: string | undefined;
  readonly finished: Promise<void>;
  program: EgressProgram | undefined;
  bytesSent = 0;
  bytesReceived = 0;
  #reason: string;
  readonly #began = performance.now();
  #took: number | undefined;
  #onEnd: () => void = () => undefined;

  constructor({ name, address, port }: Destination, { decision, rule, reason }: Verdict) {
    this.name = name;
    this.address = address;
    this.port = port;
    this.decision = decision;
    this.rule = rule;
    this.#reason = reason;
    this.finished = new Promise((resolve) => (this.#onEnd = resolve));
  }

  get reason(): string {
    return this.#reason;
  }

  get duration(): number {
    return this.#took ?? performance.now() - this.#began;
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
    this.#onEnd();
  }

  toJSON(): EgressRecord {
    const { name, address, port, decision, rule, reason, program, bytesSent, bytesReceived } = this;
    const duration = Math.round(this.duration * 1000) / 1000;
    const at = this.at.toISOString();
    return { at, decision, name, address, port, rule, reason, program, bytesSent, bytesReceived, duration };
  }
}
