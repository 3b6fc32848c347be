/** The kinds of queueing disciplines, each with its options: tc(8). They are declared as kinds of links are. */
import { invalidValue } from '../../errors/validate';
import { type Check, number } from '../../errors/schema';
import type { NoOptions } from '../link/kinds/dummy';
import {
  type AnyKind,
  type KindOption,
  type Value,
  attribute,
  bit,
  integer,
  linkKind,
  needed,
} from '../link/kinds/kind';
import { attributes } from '../netlink/attributes';
import { type ValueOf, pad, struct, u16, u32, u64, u8 } from '../netlink/types';
import { rate } from './rate';
import { startsWith } from './starts-with';

/** A netem: what a bad network does to packets that leave, tc-netem(8). Times are in milliseconds. Needs CONFIG_NET_SCH_NETEM. */
export interface NetemOptions {
  /** The time that each packet waits; fractions are allowed. Default: 0. */
  delay?: number | undefined;
  /** How far the delay varies, at most; packets then overtake each other. Default: 0. */
  jitter?: number | undefined;
  /** The share of packets that are lost, from 0 to 1. Default: 0. */
  loss?: number | undefined;
  /** The share of packets that are sent twice, from 0 to 1. Default: 0. */
  duplicate?: number | undefined;
  /** The share of packets that do not wait for the delay, from 0 to 1. It needs `delay`. Default: 0. */
  reorder?: number | undefined;
  /** The share of packets in which one bit is wrong, from 0 to 1. Default: 0. */
  corrupt?: number | undefined;
  /** The most that is sent, in bits per second: a number, or a text such as `'10mbit'`. Default: no limit. */
  rate?: number | string | undefined;
  /** The most packets that wait; others are dropped. Default: 1000. */
  limit?: number | undefined;
}

/** A tbf: a limit to the rate, tc-tbf(8). Needs CONFIG_NET_SCH_TBF. */
export interface TbfOptions {
  /** The most that is sent, in bits per second: a number, or a text such as `'10mbit'`. */
  rate: number | string;
  /** The bytes that may be sent at once after a pause. It must be as large as the largest packet. */
  burst: number;
  /** The longest time that a packet waits, in milliseconds; it limits the queue in place of `limit`. Default: 50. */
  latency?: number | undefined;
  /** The most bytes that wait or are sent at once; others are dropped. */
  limit?: number | undefined;
}

/** An htb: classes that share a rate, tc-htb(8). Needs CONFIG_NET_SCH_HTB. */
export interface HtbOptions {
  /** The number of the class of packets that no filter has given one. 0 sends them without a limit. Default: 0. */
  default?: number | undefined;
  /** The divisor by which the quantum of a class follows from its rate. Default: 10. */
  r2q?: number | undefined;
  /** The most packets that wait which have no class. Default: the length of the link's queue. */
  directQueueLength?: number | undefined;
}

/** An fq_codel: fair queues without long delays, tc-fq_codel(8). Times are in milliseconds. Needs CONFIG_NET_SCH_FQ_CODEL. */
export interface FqCodelOptions {
  /** The most packets that wait in all queues. Kernel's default: 10240. */
  limit?: number | undefined;
  /** The most bytes that wait in all queues. Kernel's default: 32 MiB. */
  memoryLimit?: number | undefined;
  /** The number of queues, which a new one has for good. Kernel's default: 1024. */
  flows?: number | undefined;
  /** The delay that is accepted. Kernel's default: 5. */
  target?: number | undefined;
  /** The time for which the delay may be longer before packets are dropped. Kernel's default: 100. */
  interval?: number | undefined;
  /** The bytes that a queue sends in its turn. Kernel's default: the largest packet of the link. */
  quantum?: number | undefined;
  /** Marks packets of senders that understand it, instead of dropping them. Kernel's default: true. */
  ecn?: boolean | undefined;
}

const share = number(0, 1);

/** A share in units of 2 ** -32. */
const PROBABILITY: Value<number, number> = {
  check: share,
  encode: (value) => Math.round(value * 0xffffffff),
  show: (wire) => wire / 0xffffffff,
};

/** One hour. */
const LONGEST = 3_600_000;

/** A time in milliseconds, of which a message has a number of parts. */
function time(parts: number): Value<number, number> {
  return {
    check: number(0, LONGEST),
    encode: (value) => Math.round(value * parts),
    show: (wire) => wire / parts,
  };
}

const anyNumber = integer(0, 0xffffffff);

/** `struct tc_netem_qopt`. Its two times are in ticks; the attributes with nanoseconds take their places. */
const NETEM_QOPT = struct({ latency: u32, limit: u32, loss: u32, gap: u32, duplicate: u32, jitter: u32 });
const DEFAULT_LIMIT = 1000;

type Qopt = { QOPT?: ValueOf<typeof NETEM_QOPT> | undefined };

/** An option that is a field of the struct, which is made of all of them together. */
function field(key: 'loss' | 'duplicate' | 'limit', { check, show }: Value<number, number>): KindOption<number, Qopt> {
  return { check, encode: () => ({}), describe: ({ QOPT }) => (QOPT === undefined ? undefined : show(QOPT[key])) };
}

/** A probability, and how far it depends on the one before, which stays zero. */
const CHANCE = struct({ probability: u32, pad: pad(4) });

type Chance = ValueOf<typeof CHANCE>;

function chance<K extends string>(key: K): KindOption<number, Partial<Record<K, Chance | undefined>>> {
  return {
    check: share,
    encode: (value) => ({ [key]: { probability: PROBABILITY.encode(value), pad: undefined } }) as Record<K, Chance>,
    describe: (data) => (data[key] === undefined ? undefined : PROBABILITY.show(data[key].probability)),
  };
}

/** Bits per second, of which a message has bytes per second. */
const RATE: Value<number, number> = { check: rate, encode: (bits) => Math.round(bits / 8), show: (bytes) => bytes * 8 };

const MOST_U32 = 0xffffffff;

/** `struct tc_netem_rate`: the rate, and sizes of headers and cells, which stay zero. */
const NETEM_RATE = struct({ rate: u32, pad: pad(12) });

interface NetemRate {
  RATE?: ValueOf<typeof NETEM_RATE> | undefined;
  RATE64?: number | undefined;
}

const netemRate: KindOption<number | string, NetemRate> = {
  check: rate,
  encode: (bits) => {
    const bytes = RATE.encode(Number(bits));
    return {
      RATE: { rate: Math.min(bytes, MOST_U32), pad: undefined },
      RATE64: bytes > MOST_U32 ? bytes : undefined,
    };
  },
  describe: ({ RATE: small, RATE64 }) =>
    small === undefined || small.rate === 0 ? undefined : RATE.show(RATE64 ?? small.rate),
};

const netem = linkKind<NetemOptions>()({
  attributes: startsWith(
    'QOPT',
    NETEM_QOPT,
    attributes('TCA_NETEM_', {
      REORDER: [3, CHANCE],
      CORRUPT: [4, CHANCE],
      RATE: [6, NETEM_RATE],
      RATE64: [8, u64],
      LATENCY64: [10, u64],
      JITTER64: [11, u64],
    }),
  ),
  options: {
    delay: attribute('LATENCY64', time(1e6)),
    jitter: attribute('JITTER64', time(1e6)),
    loss: field('loss', PROBABILITY),
    duplicate: field('duplicate', PROBABILITY),
    reorder: chance('REORDER'),
    corrupt: chance('CORRUPT'),
    rate: netemRate,
    limit: field('limit', anyNumber),
  },
  together: ({ limit = DEFAULT_LIMIT, loss = 0, duplicate = 0, reorder }) => ({
    QOPT: {
      ...{ latency: 0, jitter: 0, limit, loss: PROBABILITY.encode(loss), duplicate: PROBABILITY.encode(duplicate) },
      gap: reorder === undefined || reorder === 0 ? 0 : 1, // without it nothing is reordered
    },
  }),
  fixed: [],
  validate(name, { reorder, delay }) {
    if (reorder === undefined || delay !== undefined) return;
    throw invalidValue(`${name}.reorder`, reorder, "does nothing without 'delay'");
  },
});

/** `struct tc_ratespec`. */
const RATESPEC = struct({ cellLog: u8, linkLayer: u8, overhead: u16, cellAlign: u16, mpu: u16, rate: u32 });
const NO_RATE = { cellLog: 0, linkLayer: 0, overhead: 0, cellAlign: 0, mpu: 0, rate: 0 };

/** TC_LINKLAYER_ETHERNET: for another one the kernel wants a table of times. */
const ETHERNET = 1;

/** `struct tc_tbf_qopt`. */
const TBF_QOPT = struct({ rate: RATESPEC, peakRate: RATESPEC, limit: u32, buffer: u32, mtu: u32 });

/** The kernel tells a burst as the time that it takes, in ticks of 64 nanoseconds: PSCHED_SHIFT. */
const TICKS_PER_SECOND = 1e9 / 64;
const DEFAULT_LATENCY = 50;

interface TbfData {
  PARMS?: ValueOf<typeof TBF_QOPT> | undefined;
  RATE64?: number | undefined;
  BURST?: number | undefined;
}

function bytesPerSecond({ PARMS, RATE64 }: TbfData): number {
  return RATE64 ?? PARMS?.rate.rate ?? 0;
}

const tbf = linkKind<TbfOptions>()({
  attributes: attributes('TCA_TBF_', { PARMS: [1, TBF_QOPT], RATE64: [4, u64], BURST: [6, u32] }),
  options: {
    rate: needed<KindOption<number, TbfData>>({
      check: RATE.check,
      encode: () => ({}),
      describe: (data) => RATE.show(bytesPerSecond(data)),
    }),
    burst: needed<KindOption<number, TbfData>>({
      check: integer(1, MOST_U32).check,
      encode: (bytes) => ({ BURST: bytes }),
      describe: (data) => Math.round(((data.PARMS?.buffer ?? 0) / TICKS_PER_SECOND) * bytesPerSecond(data)),
    }),
    latency: { check: number(0, LONGEST), encode: () => ({}), describe: () => undefined },
    limit: { check: anyNumber.check, encode: () => ({}), describe: ({ PARMS }: TbfData) => PARMS?.limit },
  },
  together(options): TbfData {
    const { rate: bits, burst, latency = DEFAULT_LATENCY, limit } = options as TbfOptions & { rate: number };
    const bytes = RATE.encode(bits);
    const spec = { ...NO_RATE, linkLayer: ETHERNET, rate: Math.min(bytes, MOST_U32) };
    const queue = limit ?? Math.min(MOST_U32, Math.round((bytes * latency) / 1000) + burst);
    return {
      PARMS: { rate: spec, peakRate: NO_RATE, limit: queue, buffer: 0, mtu: 0 },
      RATE64: bytes > MOST_U32 ? bytes : undefined,
    };
  },
  fixed: [],
  validate(name, { latency, limit }) {
    if (latency === undefined || limit === undefined) return;
    throw invalidValue(`${name}.limit`, limit, "must not be given together with 'latency'");
  },
});

/** `struct tc_htb_glob`. */
const HTB_GLOB = struct({ version: u32, r2q: u32, default: u32, debug: u32, directPackets: u32 });
const HTB_VERSION = 3;
const DEFAULT_R2Q = 10;

type HtbData = { INIT?: ValueOf<typeof HTB_GLOB> | undefined };

function global(key: 'r2q' | 'default'): KindOption<number, HtbData> {
  return { check: anyNumber.check, encode: () => ({}), describe: ({ INIT }) => INIT?.[key] };
}

const htb = linkKind<HtbOptions>()({
  attributes: attributes('TCA_HTB_', { INIT: [2, HTB_GLOB], DIRECT_QLEN: [5, u32] }),
  options: { default: global('default'), r2q: global('r2q'), directQueueLength: attribute('DIRECT_QLEN', anyNumber) },
  together: ({ default: number = 0, r2q = DEFAULT_R2Q }) => ({
    INIT: { version: HTB_VERSION, r2q, default: number, debug: 0, directPackets: 0 },
  }),
  fixed: 'all',
});

const fqCodel = linkKind<FqCodelOptions>()({
  attributes: attributes('TCA_FQ_CODEL_', {
    ...{ TARGET: [1, u32], LIMIT: [2, u32], INTERVAL: [3, u32], ECN: [4, u32], FLOWS: [5, u32], QUANTUM: [6, u32] },
    MEMORY_LIMIT: [9, u32],
  } as const),
  options: {
    limit: attribute('LIMIT', anyNumber),
    memoryLimit: attribute('MEMORY_LIMIT', anyNumber),
    flows: attribute('FLOWS', integer(1, 65536)),
    target: attribute('TARGET', time(1000)),
    interval: attribute('INTERVAL', time(1000)),
    quantum: attribute('QUANTUM', integer(1, 2 ** 20)),
    ecn: attribute('ECN', bit),
  },
  fixed: ['flows'],
});

const without = linkKind<NoOptions>()({ options: {}, fixed: 'all' });

/** The options of each kind of queueing discipline that can be added. */
export interface QdiscKindOptions {
  /** What a bad network does to packets. */
  netem: NetemOptions;
  /** A limit to the rate. */
  tbf: TbfOptions;
  /** Classes that share a rate. */
  htb: HtbOptions;
  /** Fair queues without long delays. */
  fq_codel: FqCodelOptions;
  /** The place for filters of packets that come in. */
  ingress: NoOptions;
  /** The places for filters of packets in both directions. */
  clsact: NoOptions;
}

/** A kind of queueing discipline that can be added. */
export type QdiscKind = keyof QdiscKindOptions;

export const QDISCS: Readonly<Record<QdiscKind, AnyKind>> = {
  netem,
  tbf,
  htb,
  fq_codel: fqCodel,
  ingress: without,
  clsact: without,
};

export const QDISC_KINDS = Object.keys(QDISCS) as QdiscKind[];

/** The declaration of a kind, also of one that only the kernel knows. */
export function qdiscNamed(name: string): AnyKind | undefined {
  return Object.hasOwn(QDISCS, name) ? QDISCS[name as QdiscKind] : undefined;
}

/** The handle of a class or qdisc: `'1:'`, `'1:10'`, in hexadecimal digits. */
export const handle: Check<number> = (name, value) => {
  const [, major = '', minor = ''] = /^([0-9a-f]{1,4}):([0-9a-f]{0,4})$/.exec(String(value)) ?? [];
  if (typeof value === 'string' && major !== '') return parseInt(major, 16) * 0x10000 + parseInt(`0${minor}`, 16);
  throw invalidValue(name, value, "must be a handle such as '1:' or '1:10', in hexadecimal digits");
};

export function handleText(number: number): string {
  const minor = number & 0xffff;
  return `${(number >>> 16).toString(16)}:${minor === 0 ? '' : minor.toString(16)}`;
}
