/**
 * Finds the addresses of names as a program in the namespace would: by its files, and by name servers that it can
 * reach.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { NamespaceError } from '../../errors/namespace-error';
import { type Parsed, abortSignal, oneOf, schema } from '../../errors/schema';
import { validateString } from '../../errors/validate';
import { explain } from '../../hints/explain';
import { throwIfAborted } from '../../errors/abort';
import type { Place } from '../place';
import { readEtc } from './files';
import { addressesInHosts } from './hosts';
import { RESOLVE, type ResolveOptions, familyOfName } from './resolve-options';
import { Unanswered, ask } from './query';
import { type ResolvConf, candidates, override, parseResolvConf } from './resolv-conf';

/** Options of {@link Network.lookup}. Unknown ones are errors. */
export interface LookupOptions extends ResolveOptions {
  /** The family of the addresses. Default: 0, for both. */
  family?: 0 | 4 | 6 | undefined;
  /** The family whose addresses come first. Default: `'ipv4first'`. */
  order?: 'ipv4first' | 'ipv6first' | undefined;
  /** Aborts the call, which then rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/** One of the addresses of a name, as `dns.lookup()` has it. */
export interface LookupAddress {
  /** The address, as text. */
  address: string;
  /** The family of the address: 4 for IPv4, 6 for IPv6. */
  family: 4 | 6;
}

const LOOKUP = schema<LookupOptions>()({
  ...RESOLVE.checks,
  family: familyOfName,
  order: oneOf(['ipv4first', 'ipv6first']),
  signal: abortSignal,
});

/** {@link LookupOptions}, checked. */
type Lookup = Parsed<typeof LOOKUP>;

/** {@link Network.lookup} */
export async function lookup(place: Place, hostname: string, options: LookupOptions = {}): Promise<LookupAddress[]> {
  validateString('hostname', hostname);
  return find(place, hostname, LOOKUP('options', options));
}

/** Does what {@link lookup} does, with options that have been checked. */
export async function find(place: Place, hostname: string, options: Lookup): Promise<LookupAddress[]> {
  throwIfAborted(options.signal);
  const found = await addressesOf(place, hostname, options);
  const sorted = [...found.filter(isIPv4), ...found.filter(isIPv6)];
  if (options.order === 'ipv6first') sorted.sort((a, b) => isIP(b) - isIP(a));
  return sorted.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
}

async function addressesOf(place: Place, hostname: string, options: Lookup): Promise<string[]> {
  const { family = 0, servers, signal } = options;
  const wanted = (address: string): boolean => family === 0 || isIP(address) === family;
  if (isIP(hostname) !== 0) return [hostname].filter(wanted);
  if (isLocalhost(hostname)) return ['127.0.0.1', '::1'].filter(wanted);
  const local = (await addressesInHosts(await readEtc(place, 'hosts'), hostname)).filter(wanted);
  if (local.length > 0) return local;
  const conf = override(parseResolvConf(servers === undefined ? await readEtc(place, 'resolv.conf') : null), options);
  let failed: Unanswered | undefined;
  for (const name of candidates(hostname, conf)) {
    const addresses = await askBoth(place, conf, name, family, signal).catch((error: unknown) => {
      if (!(error instanceof Unanswered)) throw error;
      failed ??= error;
      return [];
    });
    if (addresses.length > 0) return addresses;
    // glibc does the same: where a server fails for one domain the next domain is tried, but where no server answers
    // there is no second wait.
    if (failed?.heard === false) break;
  }
  throw failed === undefined ? notFound(hostname) : unanswered(place, hostname, conf, failed);
}

/** True for names that RFC 6761 gives to the loopback, without regard to files and servers. */
function isLocalhost(name: string): boolean {
  return /(^|\.)localhost\.?$/i.test(name);
}

/** Asks for the addresses of both families. Where one family has addresses, an error of the other is ignored. */
async function askBoth(
  place: Place,
  conf: ResolvConf,
  name: string,
  family: 0 | 4 | 6,
  signal?: AbortSignal,
): Promise<string[]> {
  const types = ([family === 6 ? [] : ['A'], family === 4 ? [] : ['AAAA']] as ('A' | 'AAAA')[][]).flat();
  const results = await Promise.allSettled(types.map((type) => ask(place, conf, name, type, signal)));
  const addresses = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (addresses.length > 0 || failed === undefined) return addresses;
  throw failed.reason;
}

/** The error for a name without an address, with the code of `dns.lookup()`, which callers know. */
function notFound(hostname: string): NamespaceError {
  const message = `ENOTFOUND: ${hostname} has no address`;
  return new NamespaceError({
    code: 'ENOTFOUND',
    message,
    syscall: 'getaddrinfo',
    step: `look up ${hostname}`,
    kind: 'net',
  });
}

function unanswered(
  { knownFiles }: Place,
  hostname: string,
  { servers }: ResolvConf,
  { reasons, heard }: Unanswered,
): NamespaceError {
  const step = `look up ${hostname}`;
  const message = `EAI_AGAIN: no name server has ${heard ? 'an answer' : 'answered'} (${reasons.join('; ')})`;
  const detail = servers.map(({ address }) => address).join(' ');
  // A server that was heard can be reached. Whoever has written resolv.conf for the namespaces has put a server there.
  const hint =
    heard || knownFiles !== undefined
      ? undefined
      : explain({ operation: 'look-up', errno: 0, syscall: 'getaddrinfo', kind: 'net', detail });
  return new NamespaceError({ code: 'EAI_AGAIN', message, syscall: 'getaddrinfo', step, kind: 'net', hint });
}
