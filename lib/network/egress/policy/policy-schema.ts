import {
  type Check,
  MOST_MS,
  type Parsed,
  callback,
  integer,
  list,
  oneOf,
  orNull,
  schema,
} from '../../../errors/schema';
import { invalidType, invalidValue } from '../../../errors/validate';
import type { EgressOutside, EgressPolicy } from './egress-policy';
import { intercepted } from './ports';
import { rule } from './rule';

const PROXIES: readonly string[] = ['http:', 'https:', 'socks5:'];

/** The URL of a proxy. What is wrong with one is said without showing it, as it may have a password. */
const proxy: Check<URL> = (name, value) => {
  const text = typeof value === 'object' && value !== null && 'href' in value ? value.href : value;
  if (typeof text !== 'string') throw invalidType(name, 'of type string or an instance of URL', typeof value);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isProxy = url !== undefined && PROXIES.includes(url.protocol) && url.hostname !== '';
  const hasMore = url !== undefined && (!['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '');
  if (isProxy && !hasMore) return url;
  const shown = url === undefined ? 'no URL' : `${url.protocol}//${url.host}${url.pathname}`;
  throw invalidValue(name, shown, 'must be an http:, https: or socks5: URL of a host, without a path');
};

const outside: Check<EgressOutside> = (name, value) => {
  const { lookup, connect } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (typeof lookup === 'function' && typeof connect === 'function') return value as EgressOutside;
  throw invalidType(name, 'a Network, or an object with the methods lookup() and connect()', value);
};

export const parsePolicy = schema<EgressPolicy>()({
  allow: orNull(list(rule)),
  deny: orNull(list(rule)),
  ask: orNull(callback<NonNullable<EgressPolicy['ask']>>()),
  askTimeout: integer(1, MOST_MS),
  ports: intercepted,
  via: orNull(proxy),
  outside: orNull(outside),
  ech: oneOf(['refuse', 'allow']),
});

/** {@link EgressPolicy}, checked. */
export type CheckedPolicy = Parsed<typeof parsePolicy>;
