/** The members of a pool. Nothing here refers to the `Pool`, so that a pool can be forgotten. */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { abortError, throwIfAborted } from '../errors/abort';
import { closedError } from '../errors/namespace-error';
import { NamespaceProcess } from '../process/namespace-process';
import type { CheckedPool, PoolStats, Poolable, Pooled } from './pool-options';

/** The way to make members. */
export interface Source<Member> {
  make(signal: AbortSignal): Promise<Member>;
  /** False if the member has ended by itself. */
  isAlive(member: Member): boolean;
}

interface Ready<Member, Warmed> {
  readonly member: Pooled<Member, Warmed>;
  /** The time when it was ready, in milliseconds. */
  readonly since: number;
}

/** Somebody who waits. */
interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** The number of failures in a row after which no more members are made. */
const TRIES = 3;
/** The milliseconds between a failure and the next try; twice as many after the second. */
const AFTER_FAILURE = 100;
/** The most milliseconds between two members that are made while nobody waits. */
const LONGEST_REST = 1000;

export class Stock<Member extends Poolable, Warmed> {
  readonly #source: Source<Member>;
  readonly #options: CheckedPool<Member, Warmed>;
  /** The oldest comes first. */
  readonly #ready: Ready<Member, Warmed>[] = [];
  readonly #takers = new Set<Waiter<Pooled<Member, Warmed>>>();
  /** Members that are being made or prepared. */
  readonly #starting = new Set<Promise<void>>();
  /** Members that are being closed. */
  readonly #leaving = new Set<Promise<void>>();
  /** Members that are used here: see {@link use}. */
  readonly #used = new Set<Member>();
  readonly #uses = new Set<Promise<unknown>>();
  /** Members that exist and are being prepared. */
  readonly #warming = new Set<Member>();
  readonly #givenUp = new AbortController();
  readonly #counts = { taken: 0, discarded: 0, failed: 0 };
  /** Waits for the first members. */
  #beginner: Waiter<void> | undefined;
  #failuresInRow = 0;
  /** The error for which no more members are made. */
  #failure: { readonly error: unknown } | undefined;
  /** Runs while no member may be made. */
  #rest: NodeJS.Timeout | undefined;
  /** Runs until the oldest member is too old. */
  #ageing: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(source: Source<Member>, options: CheckedPool<Member, Warmed>) {
    this.#source = source;
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  stats(): PoolStats {
    return {
      ready: this.#ready.length,
      starting: this.#starting.size,
      waiting: this.#takers.size,
      ...this.#counts,
    };
  }

  /** Makes members until the least number of them is ready. If that fails, nothing is left. */
  async begin(): Promise<void> {
    if (this.#options.min === 0) {
      this.#fill();
      return;
    }
    try {
      await new Promise<void>((resolve, reject) => {
        this.#beginner = { resolve, reject };
        this.#fill();
      });
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      this.#beginner = undefined;
    }
  }

  async take(signal: AbortSignal | undefined): Promise<Pooled<Member, Warmed>> {
    throwIfAborted(signal);
    if (this.closed) throw closedError('This pool');
    const member = this.#next();
    if (member === undefined && this.#failure !== undefined) throw this.#failure.error;
    // Whoever takes a member goes on with it first.
    if (member !== undefined) setImmediate(() => this.#fill()).unref();
    return member ?? this.#wait(signal);
  }

  /** Takes a member, does something with it, and closes it. Who waits for the result does not wait for that. */
  async use<T>(signal: AbortSignal | undefined, work: (member: Member) => Promise<T>): Promise<T> {
    const using = this.take(signal).then(async (member) => {
      this.#used.add(member);
      try {
        if (this.closed) throw closedError('This pool');
        return await work(member);
      } finally {
        this.#used.delete(member);
        this.#letGo(member);
      }
    });
    this.#uses.add(using);
    try {
      return await using;
    } finally {
      this.#uses.delete(using);
    }
  }

  /** Closes a member that nobody waits for. */
  #letGo(member: Member): void {
    const leaving = member
      .close()
      .catch((error: unknown) => this.#tell(error))
      .finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#ageing);
    this.#refuseAll(closedError('This pool'));
    this.#givenUp.abort();
    const ready = this.#ready.splice(0).map(({ member }) => member);
    for (const member of [...ready, ...this.#warming, ...this.#used]) this.#letGo(member);
    for (let all = this.#all(); all.length > 0; all = this.#all()) await Promise.allSettled(all);
  }

  /** All that has to come to its end. */
  #all(): Promise<unknown>[] {
    return [...this.#starting, ...this.#leaving, ...this.#uses];
  }

  /** The oldest member that can still be used; undefined if there is none. */
  #next(): Pooled<Member, Warmed> | undefined {
    this.#discardOld();
    for (let ready = this.#ready.shift(); ready !== undefined; ready = this.#ready.shift()) {
      const { member } = ready;
      if (this.#source.isAlive(member) && !hasEnded(member.warmed)) {
        this.#counts.taken++;
        return member;
      }
      this.#discard(member);
    }
    return undefined;
  }

  async #wait(signal: AbortSignal | undefined): Promise<Pooled<Member, Warmed>> {
    let stop: (() => void) | undefined;
    try {
      return await new Promise((resolve, reject) => {
        const taker = { resolve, reject };
        this.#takers.add(taker);
        stop = () => {
          this.#takers.delete(taker);
          if (signal !== undefined) reject(abortError(signal));
        };
        signal?.addEventListener('abort', stop, { once: true });
        this.#rest?.ref();
        this.#fill();
      });
    } finally {
      if (stop !== undefined) signal?.removeEventListener('abort', stop);
    }
  }

  /** Begins to make as many members as are missing, as far as that may be done now. */
  #fill(): void {
    if (this.#isOver()) return;
    if (this.#rest !== undefined && !this.#isAwaited()) return;
    const missing = this.#options.size - this.#ready.length + this.#takers.size;
    // While nobody waits for a member, one at a time is made, and programs have the rest of the machine.
    const most = this.#isAwaited() ? Math.min(missing, availableParallelism()) : Math.min(missing, 1);
    while (this.#starting.size < most) this.#start();
  }

  /** True if no more members are made. */
  #isOver(): boolean {
    return this.closed || this.#failure !== undefined;
  }

  #isAwaited(): boolean {
    return this.#failuresInRow === 0 && (this.#takers.size > 0 || this.#beginner !== undefined);
  }

  #start(): void {
    const began = performance.now();
    const starting = this.#make()
      .then(
        (member) => this.#put(member),
        (error: unknown) => this.#fail(error),
      )
      .finally(() => {
        this.#starting.delete(starting);
        if (this.#isOver()) return;
        this.#pauseFor(this.#failuresInRow > 0 ? AFTER_FAILURE * this.#failuresInRow : performance.now() - began);
        this.#fill();
      });
    this.#starting.add(starting);
  }

  async #make(): Promise<Pooled<Member, Warmed>> {
    const member = await this.#source.make(this.#givenUp.signal);
    this.#warming.add(member);
    try {
      const warmed = await this.#options.warm?.(member);
      return Object.assign(member, { warmed: warmed as Warmed });
    } catch (error) {
      if (!this.closed) this.#letGo(member);
      throw error;
    } finally {
      this.#warming.delete(member);
    }
  }

  #put(member: Pooled<Member, Warmed>): void {
    this.#failuresInRow = 0;
    if (this.closed) {
      this.#letGo(member);
      return;
    }
    const [taker] = this.#takers;
    if (taker === undefined) {
      this.#ready.push({ member, since: performance.now() });
      this.#watchAge();
      if (this.#ready.length >= this.#options.min) this.#beginner?.resolve();
      return;
    }
    this.#takers.delete(taker);
    this.#counts.taken++;
    taker.resolve(member);
  }

  #fail(error: unknown): void {
    if (this.closed) return;
    this.#tell(error);
    if (++this.#failuresInRow < TRIES) return;
    this.#failure = { error };
    this.#refuseAll(error);
  }

  #refuseAll(error: unknown): void {
    clearTimeout(this.#rest);
    this.#beginner?.reject(error);
    for (const { reject } of this.#takers) reject(error);
    this.#takers.clear();
  }

  #tell(error: unknown): void {
    this.#counts.failed++;
    // What it throws is nobody's error here, and is uncaught, as in the listener of an event.
    queueMicrotask(() => this.#options.onError?.(error));
  }

  #pauseFor(milliseconds: number): void {
    clearTimeout(this.#rest);
    const end = (): void => {
      this.#rest = undefined;
      this.#fill();
    };
    this.#rest = setTimeout(end, Math.min(milliseconds, LONGEST_REST));
    // Where nobody waits, it keeps nothing running.
    if (this.#takers.size === 0 && this.#beginner === undefined) this.#rest.unref();
  }

  #discard(member: Member): void {
    this.#counts.discarded++;
    this.#letGo(member);
  }

  #discardOld(): void {
    const { maxAge = Infinity } = this.#options;
    const tooOld = performance.now() - maxAge;
    while ((this.#ready[0]?.since ?? Infinity) <= tooOld) {
      const [old] = this.#ready.splice(0, 1);
      if (old !== undefined) this.#discard(old.member);
    }
  }

  /** Replaces the oldest member when its time comes. */
  #watchAge(): void {
    const { maxAge } = this.#options;
    const [oldest] = this.#ready;
    if (maxAge === undefined || oldest === undefined || this.#ageing !== undefined) return;
    const due = (): void => {
      this.#ageing = undefined;
      this.#discardOld();
      this.#watchAge();
      this.#fill();
    };
    this.#ageing = setTimeout(due, Math.max(1, oldest.since + maxAge - performance.now())).unref();
  }
}

/** True for a program that does not run any more. */
function hasEnded(warmed: unknown): boolean {
  return warmed instanceof NamespaceProcess && (warmed.exitCode !== null || warmed.signalCode !== null);
}
