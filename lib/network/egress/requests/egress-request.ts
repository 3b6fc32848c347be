/** A program that connects, as far as this host can see. The program itself may lie in `argv`. */
export interface EgressProgram {
  /** The process id that this process knows it by. */
  readonly pid: number;
  /** The process id in the innermost pid namespace that it is in. */
  readonly pidInside: number;
  /** The path of its executable, as proc_pid_exe(5) has it; undefined where that may not be read. */
  readonly file: string | undefined;
  /** Its arguments, of which the first is its own name: the first 4096 bytes of them. */
  readonly argv: readonly string[];
}

/** A connection that a program inside has tried to make, and what came of it. The numbers grow while it is open. */
export interface EgressRequest {
  /** The time when it was made. */
  readonly at: Date;
  /** The name that the program has looked up, in the form of DNS; undefined where it connects to an address as such. */
  readonly name: string | undefined;
  /** The address that the program connects to. For a name it is the one that the name has inside. */
  readonly address: string;
  /** The port that the program connects to. */
  readonly port: number;
  /** The program; undefined where that cannot be told, as for one that has ended already. */
  readonly program: EgressProgram | undefined;
  /**
   * The decision. It becomes `'deny'` for a connection that is refused later, for what the program has sent or for the
   * addresses that the name has. A connection that is cut because the policy has changed was allowed.
   */
  readonly decision: 'allow' | 'deny';
  /** The rule that has decided; undefined where no rule names it, or an answer of `ask` has decided. */
  readonly rule: string | undefined;
  /** The decision in a sentence; or what has ended the connection, if that was neither of its ends. */
  readonly reason: string;
  /** The bytes that the program has sent to the outside. */
  readonly bytesSent: number;
  /** The bytes that have come from the outside. */
  readonly bytesReceived: number;
  /** Milliseconds since it was made; from its end on, those that it took. */
  readonly duration: number;
  /** Resolves when the connection is over. It never rejects. */
  readonly finished: Promise<void>;
  /** The request as JSON has it: as it is now, and without {@link finished}. */
  toJSON(): EgressRecord;
}

/** A request as data, which JSON keeps: a line of a report. */
export interface EgressRecord extends Omit<EgressRequest, 'at' | 'finished' | 'toJSON'> {
  /** The time when it was made, as ISO 8601 has it. */
  readonly at: string;
}

/**
 * The requests of an egress: the last ones as a list, and those that come in a loop.
 *
 * @example
 * ```ts
 * for await (const { decision, name, address, port, program } of egress.requests) {
 *   console.log(decision, name ?? address, port, program?.argv.join(' '));
 * }
 * ```
 */
export interface EgressRequests extends AsyncIterable<EgressRequest> {
  /** The last requests, at most 1024. Programs are looked for only while a loop or a listener waits for requests. */
  readonly recent: readonly EgressRequest[];
  /** The number of requests that loops have missed because they were slower than programs: 1024 wait for each. */
  readonly lost: number;
  /** Begins a loop, which gets the requests that are made from now on. It ends when the egress is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<EgressRequest, undefined>;
}
