/** Rules, found by the host and the port that they name. The number of rules hardly matters for the time that takes. */
import { type IpAddress, firstOf, ipAddress } from './range';
import { type Ports, covers, includes, united } from './ports';
import type { Pattern, Rule } from './rule';

/** Where a connection leads: to a name, or to an address as such. */
export interface Destination {
  /** In the form of `canonicalName()`; undefined for a connection to an address. */
  readonly name: string | undefined;
  readonly address: string;
  readonly port: number;
}

const EVERY = '*';

/** Rules by the keys of what they name. A host has few keys, the most special first: `=a.b.c`, `.b.c`, `.c`, `*`. */
export class RuleIndex {
  readonly #rules = new Map<string, Rule>();
  readonly #tables = new Map<string, PortTable>();
  /** The lengths of ranges that rules have, the longest first, and the number of rules with each. */
  readonly #lengths = { 4: new Map<number, number>(), 6: new Map<number, number>() };

  get rules(): Iterable<Rule> {
    return this.#rules.values();
  }

  has(text: string): boolean {
    return this.#rules.has(text);
  }

  add(rule: Rule): void {
    if (this.#rules.has(rule.text)) return;
    this.#rules.set(rule.text, rule);
    for (const pattern of rule.patterns) {
      if (pattern.kind === 'range') this.#count(pattern.range.family, pattern.range.length, 1);
      const key = keyOf(pattern);
      const table = this.#tables.get(key) ?? new PortTable();
      table.add(rule);
      this.#tables.set(key, table);
    }
  }

  /** @returns true where there was such a rule */
  delete(text: string): boolean {
    const rule = this.#rules.get(text);
    if (rule === undefined) return false;
    this.#rules.delete(text);
    for (const pattern of rule.patterns) {
      if (pattern.kind === 'range') this.#count(pattern.range.family, pattern.range.length, -1);
      const key = keyOf(pattern);
      const table = this.#tables.get(key);
      table?.delete(rule);
      if (table?.size === 0) this.#tables.delete(key);
    }
    return true;
  }

  /** The most special rule for that destination. */
  find({ name, address, port }: Destination): Rule | undefined {
    if (name !== undefined) return this.#first([...keysOfName(name), EVERY], port);
    return this.#first([...this.#keysOfAddress(address), EVERY], port);
  }

  /** The most special rule that gives this address, or its network. */
  findAddress(address: string, port: number): Rule | undefined {
    return this.#first(this.#keysOfAddress(address), port);
  }

  /** True where some port of that name is in a rule. */
  hasName(name: string): boolean {
    return this.#tables.has(EVERY) || keysOfName(name).some((key) => this.#tables.has(key));
  }

  /** The rules that together name all that this one names; undefined where something of it is in none. */
  covering({ patterns, ports }: Rule): Rule[] | undefined {
    const parts = patterns.map((pattern) => {
      const rules = this.#keysAround(pattern).flatMap((key) => this.#tables.get(key)?.rules ?? []);
      return { rules, all: united(rules.flatMap((rule) => rule.ports)) };
    });
    return parts.every(({ all }) => covers(all, ports)) ? parts.flatMap(({ rules }) => rules) : undefined;
  }

  #first(keys: readonly string[], port: number): Rule | undefined {
    for (const key of keys) {
      const rule = this.#tables.get(key)?.find(port);
      if (rule !== undefined) return rule;
    }
    return undefined;
  }

  #keysOfAddress(text: string): string[] {
    if (this.#lengths[4].size === 0 && this.#lengths[6].size === 0) return []; // most policies have no ranges
    const address = ipAddress(text);
    return address === undefined ? [] : this.#keysOfRange(address, Infinity);
  }

  #keysOfRange(address: IpAddress, longest: number): string[] {
    const lengths = [...this.#lengths[address.family].keys()].filter((length) => length <= longest);
    return lengths.map((length) => rangeKey(address, length));
  }

  /** The keys of all that is as large as the pattern, or larger. */
  #keysAround(pattern: Pattern): string[] {
    if (pattern.kind === 'every') return [EVERY];
    if (pattern.kind === 'range') return [...this.#keysOfRange(pattern.range, pattern.range.length), EVERY];
    if (pattern.kind === 'name') return [...keysOfName(pattern.name), EVERY];
    return [`.${pattern.name}`, ...keysOfName(pattern.name).slice(1), EVERY];
  }

  #count(family: 4 | 6, length: number, by: number): void {
    const counts = this.#lengths[family];
    const count = (counts.get(length) ?? 0) + by;
    if (count === 0) counts.delete(length);
    else counts.set(length, count);
    if (by < 0 || count > 1) return;
    const sorted = [...counts].sort(([a], [b]) => b - a);
    counts.clear();
    for (const [each, number] of sorted) counts.set(each, number);
  }
}

/** The rules with one key, by their ports. */
class PortTable {
  /** Those with a single port. Two may have the same: `a.test:443` and `.a.test:443` both name `a.test`. */
  readonly #single = new Map<number, Set<Rule>>();
  readonly #others = new Set<Rule>();

  get size(): number {
    return this.#single.size + this.#others.size;
  }

  get rules(): Rule[] {
    return [...this.#single.values(), this.#others].flatMap((rules) => [...rules]);
  }

  add(rule: Rule): void {
    const port = singlePort(rule.ports);
    if (port === undefined) {
      this.#others.add(rule);
      return;
    }
    const rules = this.#single.get(port) ?? new Set();
    this.#single.set(port, rules.add(rule));
  }

  delete(rule: Rule): void {
    this.#others.delete(rule);
    const port = singlePort(rule.ports) ?? 0;
    const rules = this.#single.get(port);
    rules?.delete(rule);
    if (rules?.size === 0) this.#single.delete(port);
  }

  find(port: number): Rule | undefined {
    const [single] = this.#single.get(port) ?? [];
    if (single !== undefined) return single;
    for (const rule of this.#others) if (includes(rule.ports, port)) return rule;
    return undefined;
  }
}

function singlePort([first, ...more]: Ports): number | undefined {
  return first !== undefined && more.length === 0 && first.from === first.to ? first.from : undefined;
}

function keyOf(pattern: Pattern): string {
  if (pattern.kind === 'every') return EVERY;
  if (pattern.kind === 'range') return rangeKey(pattern.range, pattern.range.length);
  return pattern.kind === 'name' ? `=${pattern.name}` : `.${pattern.name}`;
}

function rangeKey(address: IpAddress, length: number): string {
  return `${address.family}/${length}/${firstOf(address, length).toString(16)}`;
}

/** The name itself, and what each name above it has below. */
function keysOfName(name: string): string[] {
  const keys = [`=${name}`];
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) keys.push(name.slice(dot));
  return keys;
}
