/** Names as a program in the namespace would resolve them: by its files, and by name servers that it can reach. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { NamespaceError } from '../../errors/namespace-error';
import { plainOptions } from '../../errors/plain';
import { validateAbortSignal, validateOneOf, validateString } from '../../errors/validate';
import { explain } from '../../hints/explain';
import { throwIfAborted } from '../../errors/abort';
import type { Place } from '../place';
import { readEtc } from './files';
import { addressesInHosts } from './hosts';
import { type ResolveOptions, validateFamily, validateResolve } from './resolve-options';
import { Unanswered, ask } from './query';
import { type ResolvConf, candidates, override, parseResolvConf } from './resolv-conf';

/** Options of {@link Network.lookup}. Unknown ones are errors. */
export interface LookupOptions extends ResolveOptions {
  /** Addresses of this family only. Default: 0, for both. */
  family?: 0 | 4 | 6 | undefined;
  /** Which addresses come first. Default: `'ipv4first'`. */
  order?: 'ipv4first' | 'ipv6first' | undefined;
  /** Gives up. */
  signal?: AbortSignal | undefined;
}

/** One of the addresses of a name, as `dns.lookup()` has it. */
export interface LookupAddress {
  /** As text. */
  address: string;
  /** Of IPv4, or of IPv6. */
  family: 4 | 6;
}

const KEYS = ['family', 'order', 'signal', 'servers', 'search', 'ndots', 'timeout', 'attempts'];

/** {@link Network.lookup} */
export async function lookup(place: Place, hostname: string, options: LookupOptions = {}): Promise<LookupAddress[]> {
  validateString('hostname', hostname);
  const { family = 0, order = 'ipv4first', signal, ...dns } = plainOptions('options', options, KEYS);
  validateFamily('options.family', family);
  validateOneOf('options.order', order, ['ipv4first', 'ipv6first']);
  validateResolve('options', dns);
  if (signal !== undefined) validateAbortSignal('options.signal', signal);
  throwIfAborted(signal);
  const found = await addressesOf(place, hostname, family, dns, signal);
  const sorted = [...found.filter(isIPv4), ...found.filter(isIPv6)];
  if (order === 'ipv6first') sorted.sort((a, b) => isIP(b) - isIP(a));
  return sorted.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
}

async function addressesOf(
  place: Place,
  hostname: string,
  family: 0 | 4 | 6,
  dns: ResolveOptions,
  signal?: AbortSignal,
): Promise<string[]> {
  const wanted = (address: string): boolean => family === 0 || isIP(address) === family;
  if (isIP(hostname) !== 0) return [hostname].filter(wanted);
  if (isLocalhost(hostname)) return ['127.0.0.1', '::1'].filter(wanted);
  const local = (await addressesInHosts(await readEtc(place, 'hosts'), hostname)).filter(wanted);
  if (local.length > 0) return local;
  const conf = override(parseResolvConf(dns.servers === undefined ? await readEtc(place, 'resolv.conf') : null), dns);
  let failed: Unanswered | undefined;
  for (const name of candidates(hostname, conf)) {
    const addresses = await askBoth(place, conf, name, family, signal).catch((error: unknown) => {
      if (!(error instanceof Unanswered)) throw error;
      failed ??= error;
      return [];
    });
    if (addresses.length > 0) return addresses;
    // As glibc: a domain that its server cannot tell of is not the last, but silence is not waited for again.
    if (failed?.heard === false) break;
  }
  throw failed === undefined ? notFound(hostname) : unanswered(hostname, conf, failed);
}

/** RFC 6761: the loopback, whatever files and servers say. */
function isLocalhost(name: string): boolean {
  return /(^|\.)localhost\.?$/i.test(name);
}

/** Addresses of one family are better than the error of the other. */
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

/** With the codes of `dns.lookup()`, which callers know. */
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

function unanswered(hostname: string, { servers }: ResolvConf, { reasons }: Unanswered): NamespaceError {
  const step = `look up ${hostname}`;
  const message = `EAI_AGAIN: no name server has answered (${reasons.join('; ')})`;
  const detail = servers.map(({ address }) => address).join(' ');
  const hint = explain({ operation: 'look-up', errno: 0, syscall: 'getaddrinfo', kind: 'net', detail });
  return new NamespaceError({ code: 'EAI_AGAIN', message, syscall: 'getaddrinfo', step, kind: 'net', hint });
}
