import { isIP } from 'node:net';
import type { Resolve, Server } from './resolve-options';

/** The settings of resolv.conf(5), with its defaults. */
export interface ResolvConf {
  readonly servers: readonly Server[];
  readonly search: readonly string[];
  readonly ndots: number;
  /** Milliseconds for one server. */
  readonly timeout: number;
  readonly attempts: number;
}

const DEFAULTS = { ndots: 1, timeout: 5, attempts: 2 };

/** The largest values that glibc takes: RES_MAXNDOTS, RES_MAXRETRANS, RES_MAXRETRY. */
const LARGEST = { ndots: 15, timeout: 30, attempts: 5 };

/** The most servers that glibc uses: MAXNS. */
const MOST_SERVERS = 3;

/** The server that is asked where the file names none: resolv.conf(5). */
const LOCAL_SERVER: Server = { address: '127.0.0.1', port: 53 };

/** The text of a resolv.conf; null where there is no such file. */
export function parseResolvConf(text: string | null): ResolvConf {
  const servers: Server[] = [];
  let search: string[] = [];
  const numbers = { ...DEFAULTS };
  for (const line of (text ?? '').split('\n')) {
    const [keyword = '', ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    const [value = ''] = values;
    // A link-local server has its interface in the address: fe80::1%eth0.
    if (keyword === 'nameserver' && isIP(value) !== 0) servers.push({ address: value, port: LOCAL_SERVER.port });
    if (keyword === 'search') search = values;
    if (keyword === 'domain') search = [value].filter(Boolean);
    if (keyword === 'options') Object.assign(numbers, numbersOf(values));
  }
  return {
    servers: servers.length === 0 ? [LOCAL_SERVER] : servers.slice(0, MOST_SERVERS),
    search,
    ndots: numbers.ndots,
    timeout: numbers.timeout * 1000,
    attempts: numbers.attempts,
  };
}

/** The settings, with those that the caller gives in place of the file's. */
export function override(conf: ResolvConf, options: Resolve): ResolvConf {
  return {
    servers: options.servers ?? conf.servers,
    search: options.search ?? conf.search,
    ndots: options.ndots ?? conf.ndots,
    timeout: options.timeout ?? conf.timeout,
    attempts: options.attempts ?? conf.attempts,
  };
}

/** The names to ask for, in order: the name itself, and the name in each domain of the search list. */
export function candidates(name: string, { search, ndots }: ResolvConf): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const inDomains = search.map((domain) => `${name}.${domain.replace(/\.$/, '')}`.replace(/\.$/, ''));
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...inDomains] : [...inDomains, name];
}

/** The options that have a meaning here: `ndots:2`, `timeout:1`, `attempts:3`. */
function numbersOf(options: readonly string[]): Partial<typeof DEFAULTS> {
  const found: Partial<typeof DEFAULTS> = {};
  for (const option of options) {
    const [, key, digits] = /^(ndots|timeout|attempts):(\d+)$/.exec(option) ?? [];
    if (key === undefined) continue;
    const name = key as keyof typeof DEFAULTS;
    const least = name === 'ndots' ? 0 : 1;
    found[name] = Math.max(least, Math.min(Number(digits), LARGEST[name]));
  }
  return found;
}
