import { type LookupFunction, isIP } from 'node:net';
import { NO_OPTIONS, withoutPrototype } from '../../errors/plain';
import { NamespaceError } from '../../errors/namespace-error';
import type { Place } from '../place';
import { find } from './lookup';
import type { Resolve } from './resolve-options';

export interface HostOptions {
  family?: 0 | 4 | 6 | undefined;
  /** The lookup function of the caller. */
  lookup?: LookupFunction | undefined;
  dns?: Resolve | undefined;
  signal?: AbortSignal | undefined;
}

/** The addresses of a host. There is at least one. */
export async function resolveHost(place: Place, host: string, options: HostOptions): Promise<string[]> {
  const { family = 0, lookup: own, dns = NO_OPTIONS, signal } = options;
  if (own !== undefined) return askFunction(own, host, family);
  const found = await find(place, host, withoutPrototype(dns, { family, signal }));
  return found.map(({ address }) => address);
}

/** A function for Node's `lookup` option, which `net.connect()` and `dgram.createSocket()` call. */
export function lookupFunction(place: Place, dns: Resolve = NO_OPTIONS): LookupFunction {
  return (hostname, options, callback) => {
    // dgram gives the family alone, and it also asks for a host that is an address, with each datagram.
    const { family: asked, all } = typeof options === 'number' ? { family: options, all: false } : options;
    if (isIP(hostname) !== 0 && all !== true) {
      process.nextTick(callback, null, hostname, isIP(hostname));
      return;
    }
    const family = asked === 4 || asked === 6 ? asked : 0;
    find(place, hostname, withoutPrototype(dns, { family })).then(
      (found) => {
        if (all === true) callback(null, found);
        else callback(null, found[0]?.address ?? '', found[0]?.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, ''),
    );
  };
}

function askFunction(lookup: LookupFunction, host: string, family: 0 | 4 | 6): Promise<string[]> {
  return new Promise((resolve, reject) => {
    lookup(host, { family, all: true, hints: 0 }, (error, answer) => {
      // Some functions do not know `all`, and answer with one address.
      const list = Array.isArray(answer) ? answer.map(({ address }) => address) : [answer];
      const addresses = list.filter((address) => isIP(address) !== 0);
      if (error !== null) reject(error);
      else if (addresses.length > 0) resolve(addresses);
      else reject(noAddress(host));
    });
  });
}

function noAddress(host: string): NamespaceError {
  const message = `ENOTFOUND: options.lookup has found no address for ${host}`;
  return new NamespaceError({ code: 'ENOTFOUND', message, syscall: 'getaddrinfo', kind: 'net' });
}
