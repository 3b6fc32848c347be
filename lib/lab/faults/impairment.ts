/** Impairments of links: their options, and what they are to the native wire. */
import { type Parsed, integer, number, oneOf, schema } from '../../errors/schema';
import { invalidValue, outOfRange } from '../../errors/validate';
import { rate } from '../../network/qdisc/rate';

/**
 * The things that a link does to frames. A property that is not given does nothing.
 *
 * Chance follows from the seed of the lab: a frame has the same fate again if it is the same in number
 * among those of its protocol between the same two addresses, in the same direction of the same interface. ARP and
 * neighbor discovery are delayed, and nothing else happens to them.
 */
export interface Impairment {
  /** The time that a frame takes, in milliseconds; fractions are allowed. */
  delay?: number | undefined;
  /**
   * How far the delay varies, in milliseconds. For `'uniform'` it is the largest deviation, for others the standard
   * deviation. Frames stay in their order: one that could overtake waits for the one before it.
   */
  jitter?: number | undefined;
  /** How the delay varies: `'pareto'` has few frames that are very late. Default: `'uniform'`. */
  distribution?: 'uniform' | 'normal' | 'pareto' | undefined;
  /** The share of frames that are lost, from 0 to 1. */
  loss?: number | undefined;
  /** How many frames are lost together on average, for `loss`. Default: 1, which makes each loss independent. */
  burst?: number | undefined;
  /** The share of frames that arrive twice, from 0 to 1. */
  duplicate?: number | undefined;
  /** The share of frames, from 0 to 1, that do not wait for the delay, and so overtake those that do. */
  reorder?: number | undefined;
  /** The share of frames, from 0 to 1, in which one bit is wrong. Receivers see that by checksums, and drop them. */
  corrupt?: number | undefined;
  /** The most that the link carries, in bits per second: a number, or a text such as `'10mbit'`, `'512kbit'`, `'1gbit'`. */
  rate?: number | string | undefined;
  /** The most frames that wait for their turn where there is a `rate`; one that finds more is dropped. Default: 1000. */
  queue?: number | undefined;
  /** The largest packet that passes, in bytes, from its IP header on. Larger ones are dropped, and nobody is told. */
  mtu?: number | undefined;
}

/** One hour. */
const LONGEST_DELAY = 3_600_000;
const DISTRIBUTIONS = ['uniform', 'normal', 'pareto'] as const;
const DEFAULT_QUEUE = 1000;

const time = number(0, LONGEST_DELAY);
const share = number(0, 1);

const OPTIONS = schema<Impairment>()({
  delay: time,
  jitter: time,
  distribution: oneOf(DISTRIBUTIONS),
  loss: share,
  burst: number(1, 1e6),
  duplicate: share,
  reorder: share,
  corrupt: share,
  rate,
  queue: integer(0, 1e6),
  mtu: integer(68, 65535),
});

export type CheckedImpairment = Parsed<typeof OPTIONS>;

/** An option, and the one without which it would do nothing. */
const NEEDS = [
  ['burst', 'loss'],
  ['distribution', 'jitter'],
  ['reorder', 'delay'],
  ['queue', 'rate'],
] as const;

/** @throws TypeError, RangeError with Node's codes */
export function parseImpairment(name: string, value: unknown): CheckedImpairment {
  const checked = OPTIONS(name, value);
  for (const [option, needed] of NEEDS) {
    if (checked[option] !== undefined && checked[needed] === undefined)
      throw invalidValue(`${name}.${option}`, checked[option], `does nothing without '${needed}'`);
  }
  const { loss = 0, burst = 1 } = checked;
  // Otherwise there would not be enough frames between two bursts.
  if (burst > 1 && loss > burst / (burst + 1))
    throw outOfRange(`${name}.loss`, `<= ${burst / (burst + 1)} with a burst of ${burst}`, loss);
  return checked;
}

/** True where it matters what a frame is: the kernel then has to send each packet as a frame of its own. */
export function countsFrames(impairment: CheckedImpairment): boolean {
  const { loss, duplicate, reorder, corrupt, rate: limit, mtu } = impairment;
  return [loss, duplicate, reorder, corrupt, limit, mtu].some((value) => value !== undefined && value > 0);
}

/** The numbers of `NativeWires.setRule`. */
export function numbersOf(impairment: CheckedImpairment): Float64Array {
  const { delay = 0, jitter = 0, distribution = 'uniform', loss = 0, burst = 1, duplicate = 0 } = impairment;
  const { reorder = 0, corrupt = 0, rate: bits = 0, queue = DEFAULT_QUEUE, mtu = 0 } = impairment;
  const times = [delay * 1e6, jitter * 1e6, DISTRIBUTIONS.indexOf(distribution)];
  return Float64Array.of(...times, loss, burst, duplicate, reorder, corrupt, bits / 8, queue, mtu);
}
