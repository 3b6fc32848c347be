/** Partitions of hosts. */
import { outOfRange, validateArray } from '../../errors/validate';
import { inspectAs } from '../../handle/inspect';
import type { CutRule } from './cut-rule';
import type { Cut } from './faults';

/**
 * Groups for {@link Lab.partition}, made of a list of hosts. Hosts that have a group in common can talk. The same list
 * gives the same groups.
 *
 * @example
 * ```ts
 * await lab.partition(partition.halves([...lab.hosts.values()]));
 * ```
 */
export const partition = {
  /** Two halves; with an odd number of hosts the second has one more, and so the majority. */
  halves<T>(hosts: readonly T[]): T[][] {
    const list = checked(hosts, 2);
    const middle = Math.floor(list.length / 2);
    return [list.slice(0, middle), list.slice(middle)];
  },

  /** Two halves, and one host that is in both: the one in the middle of the list. */
  bridge<T>(hosts: readonly T[]): T[][] {
    const list = checked(hosts, 3);
    const middle = Math.floor(list.length / 2);
    return [list.slice(0, middle + 1), list.slice(middle)];
  },

  /** Every host can talk to the one before it and the one after it in the list, which is a ring. */
  ring<T>(hosts: readonly T[]): T[][] {
    return windows(checked(hosts, 4), 2);
  },

  /** Every host can talk to a majority, itself counted, and no two to the same one. */
  majorities<T>(hosts: readonly T[]): T[][] {
    const list = checked(hosts, 4);
    const others = Math.floor(list.length / 2);
    return windows(list, Math.ceil(others / 2) + 1);
  },
} as const;

/** Each run of so many hosts of a ring. */
function windows<T>(list: readonly T[], size: number): T[][] {
  return list.map((_, start) =>
    Array.from({ length: size }, (_item, offset) => list[(start + offset) % list.length] as T),
  );
}

function checked<T>(hosts: readonly T[], least: number): T[] {
  validateArray('hosts', hosts);
  if (hosts.length < least) throw outOfRange('hosts.length', `>= ${least}`, hosts.length);
  return [...hosts];
}

/**
 * A partition that is in force, by {@link Lab.partition}, {@link Lab.isolate} or {@link Lab.cut}. It is healed by its own
 * `heal()`, by that of the lab, or at the end of its scope when it is declared with `await using`.
 */
export class Partition implements AsyncDisposable {
  static {
    inspectAs(this, ({ rule: { kind, ...what } }) => ({ [kind]: true, ...what }));
  }

  /** The hosts that are cut off from each other, by their names. */
  readonly rule: CutRule;
  readonly #cut: Cut;

  /** @internal */
  constructor(rule: CutRule, cut: Cut) {
    this.rule = rule;
    this.#cut = cut;
  }

  /**
   * Counts the packets that the partitions of the lab have dropped while this one is in force; when it is healed, until
   * then. Where several were in force at once, those of all count.
   */
  async dropped(): Promise<number> {
    return this.#cut.dropped();
  }

  /**
   * Ends this partition; others stay. The log of events tells how many packets were dropped. Calling it again changes
   * nothing.
   */
  async heal(): Promise<void> {
    await this.#cut.heal();
  }

  /** Calls {@link Partition.heal}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.heal();
  }
}
