/** Finds the programs behind connections, beside the connections, which never wait for it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../../launch/launch';
import { Connection } from '../../netlink/connection';
import type { Place } from '../../place';
import type { EgressProgram } from './egress-request';
import { type ProcessFacts, Owners, factsOf } from './owner';
import { type End, NETLINK_SOCK_DIAG, inodeOfSocket } from './socket-inode';

/** The most searches that wait. Whoever connects more often than that is not found. */
const MOST_WAITING = 1024;

/** The most searches that are made together. */
const MOST_TOGETHER = 256;

/** The share of the time that searches leave to others: after each they rest for so many times as long as it took. */
const REST = 4;

/** The longest rest, in milliseconds. */
const LONGEST_REST = 200;

/** The most programs that are remembered. */
const MOST_KNOWN = 256;

/** Milliseconds for the arguments of a program. */
const ARGUMENTS_MS = 500;

const MOST_ARGUMENT_BYTES = 4096;
const MOST_READ_BYTES = 1 << 21;

const ANSWER_BYTES = 1 << 18;

interface Search {
  readonly own: End;
  readonly other: End;
  readonly done: (program: EgressProgram | undefined) => void;
}

export class Programs {
  readonly #place: Place;
  readonly #owners: Owners;
  readonly #known = new Map<string, EgressProgram>();
  readonly #waiting: Search[] = [];
  #sockets: Promise<Connection> | undefined;
  #isSearching = false;
  #isReading = false;
  #closed = false;

  /** @param place - the network of the programs; whoever has it closes it */
  constructor(place: Place) {
    this.#place = place;
    this.#owners = new Owners(place.net.id);
  }

  /**
   * Finds the program that has one end of a connection. It never rejects.
   *
   * @param own - the program's end
   * @returns undefined where the program has closed it meanwhile, or hides it
   */
  find(own: End, other: End): Promise<EgressProgram | undefined> {
    if (this.#closed || this.#waiting.length >= MOST_WAITING) return Promise.resolve(undefined);
    return new Promise((done) => {
      this.#waiting.push({ own, other, done });
      if (!this.#isSearching) void this.#search();
    });
  }

  close(): void {
    this.#closed = true;
    for (const { done } of this.#waiting.splice(0)) done(undefined);
    this.#sockets?.then((connection) => connection.close()).catch(() => undefined);
  }

  async #search(): Promise<void> {
    this.#isSearching = true;
    while (this.#waiting.length > 0) {
      const searches = this.#waiting.splice(0, MOST_TOGETHER);
      const began = performance.now();
      await this.#findAll(searches).catch(() => undefined);
      for (const { done } of searches) done(undefined); // those that have been found know more already
      const rest = Math.min(LONGEST_REST, REST * (performance.now() - began));
      if (this.#waiting.length > 0) await sleep(rest, undefined, { ref: false });
    }
    this.#isSearching = false;
  }

  async #findAll(searches: readonly Search[]): Promise<void> {
    const connection = await this.#opened();
    const inodes = await Promise.all(
      searches.map(({ own, other }) => inodeOfSocket(connection, own, other).catch(() => undefined)),
    );
    const owners = await this.#owners.find(new Set(inodes.filter((inode) => inode !== undefined)));
    for (const [index, { done }] of searches.entries()) {
      const pid = owners.get(inodes[index] ?? 0);
      if (pid !== undefined) done(await this.#describe(pid));
    }
  }

  /** The socket for questions about sockets. Where it cannot be opened, the next search tries again. */
  async #opened(): Promise<Connection> {
    try {
      return await (this.#sockets ??= this.#open());
    } catch (error) {
      this.#sockets = undefined;
      throw error;
    }
  }

  async #open(): Promise<Connection> {
    const another = async (): Promise<number> => this.#place.socket('netlink', 'raw', NETLINK_SOCK_DIAG);
    return new Connection(await another(), { receiveBuffer: ANSWER_BYTES, another });
  }

  async #describe(pid: number): Promise<EgressProgram | undefined> {
    const facts = factsOf(pid);
    if (facts === undefined) return undefined;
    const known = this.#known.get(facts.identity);
    if (known !== undefined) return known;
    const program = { pid, pidInside: facts.pidInside, file: facts.file, argv: await this.#argumentsOf(pid) };
    if (factsOf(pid)?.identity !== facts.identity) return undefined;
    this.#remember(facts, program);
    return program;
  }

  #remember({ identity }: ProcessFacts, program: EgressProgram): void {
    this.#known.set(identity, program);
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size > MOST_KNOWN) this.#known.delete(oldest);
  }

  /**
   * Reads them in a task of its own, one at a time: they lie in the memory of the program, which can have a file system of its
   * own answer for that memory, and let each reader wait for as long as it likes.
   */
  async #argumentsOf(pid: number): Promise<string[]> {
    if (this.#isReading) return [];
    this.#isReading = true;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), ARGUMENTS_MS).unref();
    const read = run({}, [['read_file', `/proc/${pid}/cmdline`, MOST_READ_BYTES]], late.signal).then(
      ({ data }) => argumentsIn(data),
      () => [],
    );
    void read.then(() => {
      clearTimeout(timer);
      this.#isReading = false;
    });
    const givenUp = new Promise<string[]>((resolve) => late.signal.addEventListener('abort', () => resolve([])));
    return Promise.race([read, givenUp]);
  }
}

/** Each ends with a NUL; a program that has written over them may have left it out. */
function argumentsIn(data: Buffer): string[] {
  const text = data.toString('utf8', 0, MOST_ARGUMENT_BYTES);
  return (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0');
}
