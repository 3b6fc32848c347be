import { inspectAs } from '../../handle/inspect';
import { isIP } from 'node:net';
import { CODE, type Query, type RecordType, reverseName } from '../../network/resolve/dns-message';
import type { Response } from '../../network/resolve/name-server';
import { DOMAIN } from '../files';
import { type DnsAnswer, type Rule, keyOf, nameOf, ruleOf } from './records';

/**
 * All that the name servers of a lab know. It does not refer to the lab, which is closed when it is forgotten: name servers
 * are open until then.
 */
export class DnsTable {
  /** The addresses of hosts, by their names in lower case. */
  readonly hosts = new Map<string, readonly string[]>();
  /** The settings for names, by their keys. */
  readonly rules = new Map<string, Rule>();

  /** The answer of a name server of the lab. */
  respond({ name, type, code }: Query): Response {
    if (code !== CODE.NOERROR) return { reply: { code, values: [], ttl: 0 }, delay: 0 };
    const key = keyOf(name);
    const rule = this.rules.get(key);
    const { silent = false, delay = 0, ttl = 0 } = rule ?? {};
    if (silent) return { reply: undefined, delay };
    if (rule !== undefined && rule.code !== CODE.NOERROR) return { reply: { code: rule.code, values: [], ttl }, delay };
    const values = type === 'PTR' ? this.#namesOf(key) : this.#addressesOf(key, rule);
    if (values === undefined) return { reply: { code: CODE.NXDOMAIN, values: [], ttl }, delay };
    return { reply: { code: CODE.NOERROR, values: ofType(type, values), ttl }, delay };
  }

  #addressesOf(key: string, rule: Rule | undefined): readonly string[] | undefined {
    const own = this.hosts.get(key);
    return rule === undefined ? own : (rule.addresses ?? own ?? []);
  }

  /** The names of the address that a name below in-addr.arpa or ip6.arpa stands for. */
  #namesOf(reverse: string): string[] | undefined {
    if (!reverse.endsWith('.arpa')) return this.#addressesOf(reverse, this.rules.get(reverse)) && [];
    const found: string[] = [];
    for (const [name, addresses] of this.hosts) {
      const { addresses: given = addresses } = this.rules.get(name) ?? {};
      if (given.some((address) => reverseName(address) === reverse)) found.push(fullName(name));
    }
    for (const [name, { addresses = [] }] of this.rules) {
      const isOther = !this.hosts.has(name);
      if (isOther && addresses.some((address) => reverseName(address) === reverse)) found.push(fullName(name));
    }
    return found.length === 0 ? undefined : found;
  }
}

/**
 * The name server of a lab. Every host of it has this server at 127.0.0.53, whatever the topology and the faults are, and
 * finds there the names of all hosts, with and without the domain `lab`: A, AAAA and PTR records. Programs in hosts ask it,
 * and so do `host.lookup()`, `host.connect()` and `host.fetch()` in this process.
 *
 * A test adds names, changes those of hosts, and makes them fail. Names are not case-sensitive. All other names do not
 * exist (NXDOMAIN).
 *
 * @example
 * ```ts
 * lab.dns.set('api.example.org', '10.0.0.7');
 * lab.dns.set('db', 'SERVFAIL');            // a host, whose name cannot be found for now
 * lab.dns.set('web', { delay: 300 });       // its own addresses, after 300 ms
 * lab.dns.delete('db');                     // as before
 * ```
 */
export class LabDns {
  static {
    inspectAs(this, (dns) => ({ changed: dns.changed }));
  }

  readonly #table: DnsTable;
  readonly #onChange: (words: string) => void;

  /** @internal */
  constructor(table: DnsTable, onChange: (words: string) => void) {
    this.#table = table;
    this.#onChange = onChange;
  }

  /**
   * Says what the answer for a name is from now on, in place of what was said before. Who has asked already and waits for a
   * delayed answer gets the old one.
   *
   * @param name - a host's, or any other; a name like `7.0.0.10.in-addr.arpa` is that of an address
   * @param answer - an address, several, `'NXDOMAIN'`, `'SERVFAIL'`, `'REFUSED'`, or settings
   * @throws TypeError, RangeError for what is no name or no answer
   */
  set(name: string, answer: DnsAnswer): void {
    const key = nameOf('name', name);
    this.#table.rules.set(key, ruleOf('answer', answer));
    this.#onChange(`${key}: ${describe(answer)}`);
  }

  /**
   * Takes back what was set for a name: a host has its own addresses again, any other name does not exist.
   *
   * @returns true where something was set
   */
  delete(name: string): boolean {
    const key = nameOf('name', name);
    const had = this.#table.rules.delete(key);
    if (had) this.#onChange(`${key}: as before`);
    return had;
  }

  /** The names for which something is set. */
  get changed(): string[] {
    return [...this.#table.rules.keys()];
  }
}

/** A name without dots is one of the lab's domain. */
function fullName(key: string): string {
  return key.includes('.') ? key : `${key}.${DOMAIN}`;
}

function ofType(type: RecordType | undefined, values: readonly string[]): readonly string[] {
  if (type === 'PTR') return values;
  const family = type === 'A' ? 4 : type === 'AAAA' ? 6 : undefined;
  return values.filter((value) => isIP(value) === family);
}

function describe(answer: DnsAnswer): string {
  return typeof answer === 'string' ? answer : JSON.stringify(answer);
}
