/** Ping and traceroute between the hosts of a lab, without their programs. */
import { isIP } from 'node:net';
import { type Parsed, MOST_MS, integer, milliseconds, oneOf, schema } from '../../errors/schema';
import { inspectAs } from '../../handle/inspect';
import type { Network } from '../../network/network';
import { type Outcome, Pingers, type Request } from './pinger';

/** Options of {@link Lab.ping} and {@link Lab.pingAll}. Unknown ones are errors. */
export interface PingOptions {
  /** The number of requests. Default: 1. */
  count?: number | undefined;
  /** Milliseconds between two requests. Default: 100. */
  interval?: number | undefined;
  /** Milliseconds to wait for each answer. Default: 1000. */
  timeout?: number | undefined;
  /** Bytes in each request, without headers. Default: 56. */
  size?: number | undefined;
  /** The family of the addresses of hosts. Default: 4, or 6 for a host that has no IPv4 address. */
  family?: 4 | 6 | undefined;
}

/** Options of {@link Lab.trace}. Unknown ones are errors. */
export interface TraceOptions {
  /** The most routers on the way. Default: 16. */
  hops?: number | undefined;
  /** Milliseconds to wait for answers. Default: 1000. */
  timeout?: number | undefined;
  /** The family of the addresses of hosts. Default: 4, or 6 for a host that has no IPv4 address. */
  family?: 4 | 6 | undefined;
}

export const PING = schema<PingOptions>()({
  count: integer(1, 65_536),
  interval: milliseconds,
  timeout: integer(1, MOST_MS),
  size: integer(8, 65_000),
  family: oneOf([4, 6]),
});

export const TRACE = schema<TraceOptions>()({
  hops: integer(1, 255),
  timeout: integer(1, MOST_MS),
  family: oneOf([4, 6]),
});

export type ParsedPing = Parsed<typeof PING>;

const DEFAULTS = { count: 1, interval: 100, timeout: 1000, size: 56, hops: 64 };
const MOST_HOPS = 16;

/** A host as its own name, its network and its addresses. */
export interface PingHost {
  readonly name: string;
  readonly network: Network;
  readonly interfaces: readonly { readonly network: string; readonly addresses: readonly string[] }[];
}

/** The result of {@link Lab.ping}. */
export class PingResult {
  static {
    inspectAs(this, (result) => ({ [result.toString()]: true }));
  }

  /** The name of the host that has asked. */
  readonly from: string;
  /** The name or the address of the one that was asked. */
  readonly to: string;
  /** The address that was asked; undefined where there is none of that family. */
  readonly address: string | undefined;
  /** Milliseconds until each answer, as the kernel has measured them; null for a request without one. */
  readonly times: readonly (number | null)[];
  /** The reason why an answer is missing; undefined where none is. */
  readonly reason: string | undefined;

  /** @internal */
  constructor(from: string, to: string, address: string | undefined, outcomes: readonly Outcome[]) {
    this.from = from;
    this.to = to;
    this.address = address;
    this.times = outcomes.map(({ kind, time }) => (kind === 'reply' && time !== undefined ? time : null));
    const failed = outcomes.find(({ kind }) => kind !== 'reply');
    this.reason = address === undefined ? `${to} has no address` : failed && reasonOf(failed);
  }

  /** True where each request was answered. */
  get ok(): boolean {
    return this.reason === undefined;
  }

  /** The number of answers. */
  get received(): number {
    return this.times.filter((time) => time !== null).length;
  }

  /** The part of the requests that were not answered: 0 to 1. */
  get loss(): number {
    return this.times.length === 0 ? 1 : 1 - this.received / this.times.length;
  }

  /** The middle of the times, in milliseconds; NaN where nothing has answered. */
  get median(): number {
    const sorted = this.times.filter((time) => time !== null).sort((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
  }

  /** One line: `a → b (10.0.0.2): 10 of 10, 0.05 ms`. */
  toString(): string {
    const { from, to, address, received, times, reason } = this;
    const where = address === undefined || address === to ? to : `${to} (${address})`;
    const found = received === 0 ? [] : [`${received} of ${times.length}`, timeText(this.median)];
    return `${from} → ${where}: ${[...found, ...(reason === undefined ? [] : [reason])].join(', ')}`;
  }
}

/** The result of {@link Lab.pingAll}: the hosts that reach each other. It prints as a table. */
export class PingMatrix {
  static {
    inspectAs(this, (matrix) => ({ hosts: matrix.hosts.length, ok: matrix.ok, [`\n${matrix.toString()}\n`]: true }));
  }

  /** The names of the hosts. */
  readonly hosts: readonly string[];
  /** Each pair once in each direction. */
  readonly results: readonly PingResult[];
  readonly #byPair: ReadonlyMap<string, PingResult>;

  /** @internal */
  constructor(hosts: readonly string[], results: readonly PingResult[]) {
    this.hosts = hosts;
    this.results = results;
    this.#byPair = new Map(results.map((result) => [`${result.from} ${result.to}`, result]));
  }

  /** True where everybody reaches everybody. */
  get ok(): boolean {
    return this.results.every(({ ok }) => ok);
  }

  /** The result of one pair; undefined for names that are no hosts, and for a host with itself. */
  get(from: string, to: string): PingResult | undefined {
    return this.#byPair.get(`${from} ${to}`);
  }

  /** True where each request of the first host was answered by the second. */
  reaches(from: string, to: string): boolean {
    return this.get(from, to)?.ok === true;
  }

  /** A table: a line for each host that asks, with the milliseconds to each that is asked, and ✗ for no answer. */
  toString(): string {
    const cell = (from: string, to: string): string => {
      const result = this.get(from, to);
      if (result === undefined) return '·';
      if (result.received === 0) return '✗';
      return `${result.median.toFixed(2)}${result.loss > 0 ? ` (${Math.round(result.loss * 100)} % lost)` : ''}`;
    };
    const rows = [['', ...this.hosts], ...this.hosts.map((from) => [from, ...this.hosts.map((to) => cell(from, to))])];
    const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
    const line = (row: readonly string[]): string =>
      row
        .map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)))
        .join('  ');
    const reached = this.results.filter(({ received }) => received > 0).length;
    return [...rows.map(line), `${reached} of ${this.results.length} reached, in ms`].join('\n');
  }
}

/** One step on the way of {@link Lab.trace}. */
export interface TraceHop {
  /** The number of the step, from 1 on. */
  hop: number;
  /** The address that has answered; null where nobody did. */
  address: string | null;
  /** The name of the host with that address. */
  host: string | null;
  /** Milliseconds; null where nobody has answered. */
  time: number | null;
}

/** The way from one host to another, as {@link Lab.trace} has found it. */
export class Trace {
  static {
    inspectAs(this, (trace) => ({ [`\n${trace.toString()}\n`]: true }));
  }

  /** The name of the host that the way begins at. */
  readonly from: string;
  /** The name or the address of its end. */
  readonly to: string;
  /** The steps, the last of which is the end where it was reached. */
  readonly hops: readonly TraceHop[];
  /** True where the end has answered. */
  readonly reached: boolean;

  /** @internal */
  constructor(from: string, to: string, hops: readonly TraceHop[], reached: boolean) {
    this.from = from;
    this.to = to;
    this.hops = hops;
    this.reached = reached;
  }

  /** A line for each step, as traceroute has it. */
  toString(): string {
    const lines = this.hops.map(({ hop, address, host, time }) => {
      const who = address === null ? '*' : host === null ? address : `${host} (${address})`;
      return `${String(hop).padStart(2)}  ${who}${time === null ? '' : `  ${timeText(time)}`}`;
    });
    return [`${this.from} → ${this.to}${this.reached ? '' : ': not reached'}`, ...lines].join('\n');
  }
}

/** Pings one host from another. */
export async function ping(from: PingHost, to: PingHost | string, options: ParsedPing): Promise<PingResult> {
  const pingers = new Pingers(from.network);
  try {
    return await pingWith(pingers, from, to, options);
  } finally {
    await pingers.close();
  }
}

/** Pings all from all, at once. */
export async function pingAll(hosts: readonly PingHost[], options: ParsedPing): Promise<PingMatrix> {
  const results = hosts.map(async (from) => {
    const pingers = new Pingers(from.network);
    try {
      const others = hosts.filter((to) => to !== from);
      return await Promise.all(others.map((to) => pingWith(pingers, from, to, options)));
    } finally {
      await pingers.close();
    }
  });
  return new PingMatrix(
    hosts.map(({ name }) => name),
    (await Promise.all(results)).flat(),
  );
}

async function pingWith(
  pingers: Pingers,
  from: PingHost,
  to: PingHost | string,
  options: ParsedPing,
): Promise<PingResult> {
  const { count = DEFAULTS.count, interval = DEFAULTS.interval, timeout = DEFAULTS.timeout } = options;
  const { size = DEFAULTS.size, family } = options;
  const name = typeof to === 'string' ? to : to.name;
  const address = await addressOf(from, to, family);
  if (address === undefined) return new PingResult(from.name, name, undefined, []);
  const request: Request = { address, hops: DEFAULTS.hops, size, timeout };
  const pinger = await pingers.find(address);
  const answers: Promise<Outcome>[] = [];
  for (let sent = 0; sent < count; sent++) {
    if (sent > 0 && interval > 0) await sleep(interval);
    answers.push(pinger.send(request));
  }
  return new PingResult(from.name, name, address, await Promise.all(answers));
}

/** Finds the way, by requests that may pass one router, two, and so on, all at once. */
export async function trace(
  from: PingHost,
  to: PingHost | string,
  options: Parsed<typeof TRACE>,
  nameOf: (address: string) => string | undefined,
): Promise<Trace> {
  const { hops: most = MOST_HOPS, timeout = DEFAULTS.timeout, family } = options;
  const name = typeof to === 'string' ? to : to.name;
  const address = await addressOf(from, to, family);
  if (address === undefined) return new Trace(from.name, name, [], false);
  const pingers = new Pingers(from.network);
  try {
    const pinger = await pingers.find(address);
    const request = { address, size: DEFAULTS.size, timeout };
    const answers = Array.from({ length: most }, (_, index) => pinger.send({ ...request, hops: index + 1 }));
    const outcomes = await untilReached(answers);
    const hops = outcomes.map(({ from: who = null, time = null }, index) => {
      return { hop: index + 1, address: who, host: who === null ? null : (nameOf(who) ?? null), time };
    });
    return new Trace(from.name, name, hops, outcomes.at(-1)?.kind === 'reply');
  } finally {
    await pingers.close();
  }
}

/**
 * The outcomes up to the end of the way: a reply, or a host that knows of no way on. Where there is no end, of the steps
 * without an answer one is enough.
 */
async function untilReached(answers: readonly Promise<Outcome>[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const answer of answers) {
    const outcome = await answer;
    outcomes.push(outcome);
    if (outcome.kind === 'reply' || outcome.kind === 'unreachable') return outcomes;
  }
  while (outcomes.length > 1 && [-1, -2].every((at) => outcomes.at(at)?.from === undefined)) outcomes.pop();
  return outcomes;
}

/** The address to ask: one on a network of both, where there is one. */
async function addressOf(
  from: PingHost,
  to: PingHost | string,
  family: 4 | 6 | undefined,
): Promise<string | undefined> {
  if (typeof to === 'string') {
    if (isIP(to) !== 0) return to;
    return (await from.network.lookup(to, { family: family ?? 0 }))[0]?.address;
  }
  const near = new Set(from.interfaces.map(({ network }) => network));
  const [shared, others] = [true, false].map((isNear) =>
    to.interfaces.filter(({ network }) => near.has(network) === isNear).flatMap(({ addresses }) => addresses),
  );
  const all = [...(shared ?? []), ...(others ?? [])];
  if (family !== undefined) return all.find((address) => isIP(address) === family);
  return all.find((address) => isIP(address) === 4) ?? all[0];
}

function reasonOf({ kind, from, code }: Outcome): string {
  if (kind === 'refused') return `not sent: ${code}`;
  if (kind === 'silence') return 'no answer';
  return `${kind === 'exceeded' ? 'too many hops' : 'unreachable'}, says ${from}`;
}

function timeText(time: number): string {
  return `${time.toFixed(time < 10 ? 2 : 1)} ms`;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
