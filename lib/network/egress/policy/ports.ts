/** Sets of ports: ranges in ascending order, none of which touches the next. */
import type { Check } from '../../../errors/schema';
import { invalidType, invalidValue, outOfRange, validateArray } from '../../../errors/validate';

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export type Ports = readonly PortRange[];

const MOST_PORT = 65535;

export const EVERY_PORT: Ports = [{ from: 1, to: MOST_PORT }];

/** The ports of a rule: a number, a text such as `'80,443,8000-8100'`, or several of these. */
export const ports: Check<Ports> = (name, value) => {
  if (!Array.isArray(value)) return united(rangesOf(name, value));
  validateArray(name, value);
  if (value.length === 0) throw invalidValue(name, value, 'has no ports, so that nothing can ever match');
  return united(value.flatMap((each, index) => rangesOf(`${name}[${index}]`, each)));
};

/** The ports that are intercepted, one by one; undefined for all. */
export const intercepted: Check<readonly number[] | undefined> = (name, value) => {
  if (value === 'all') return undefined;
  validateArray(name, value);
  const given = ports(name, value);
  return covers(given, EVERY_PORT) ? undefined : eachPort(given);
};

/** The text of a set, as {@link ports} reads it. */
export function textOf(set: Ports): string {
  return set.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

export function includes(set: Ports, port: number): boolean {
  return set.some(({ from, to }) => from <= port && port <= to);
}

/** True where each port of the other set is in this one. */
export function covers(set: Ports, other: Ports): boolean {
  return other.every(({ from, to }) => set.some((range) => range.from <= from && to <= range.to));
}

export function overlap(set: Ports, other: Ports): boolean {
  return set.some(({ from, to }) => other.some((range) => range.from <= to && from <= range.to));
}

/** All ports that are in one of the ranges. */
export function united(ranges: Ports): Ports {
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}

export function eachPort(set: Ports): number[] {
  return set.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
}

function rangesOf(name: string, value: unknown): PortRange[] {
  if (typeof value === 'number') return [{ from: port(name, value, value), to: value }];
  if (typeof value !== 'string') throw invalidType(name, 'of type number or string', value);
  return value.split(',').map((text) => {
    const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text.trim()) ?? [];
    if (from === undefined || to === undefined) {
      throw invalidValue(name, value, "must be a port, a range like '8000-8100', or several with commas between them");
    }
    const range = { from: port(name, Number(from), value), to: port(name, Number(to), value) };
    if (range.from <= range.to) return range;
    throw invalidValue(name, value, `has the range '${text.trim()}', which is empty: it ends before it begins`);
  });
}

/** Port 0 stands for a free port, and nothing can connect to it. */
function port(name: string, number: number, value: unknown): number {
  if (Number.isInteger(number) && number >= 1 && number <= MOST_PORT) return number;
  throw outOfRange(name, `a port >= 1 && <= ${MOST_PORT}`, value);
}
