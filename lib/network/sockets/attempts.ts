/** Attempts to connect to each address of a host, until one succeeds. */
import { getDefaultAutoSelectFamily, getDefaultAutoSelectFamilyAttemptTimeout, isIP } from 'node:net';
import { withoutPrototype } from '../../errors/plain';
import { NamespaceError } from '../../errors/namespace-error';
import { attempt } from '../descriptors/attempt';
import { inetEndpoint } from '../descriptors/endpoint';
import type { Place } from '../place';
import { resolveHost } from '../resolve/host';
import type { Connection } from './connect-options';

/** Connects to the first address that accepts the connection. The result is a descriptor. */
export function connectAny(place: Place, options: Connection, signal?: AbortSignal): Promise<number> {
  const { path, host = 'localhost', port = 0 } = options;
  if (path !== undefined) return attempt(place, { domain: 'unix', path }, options, signal);
  if (isIP(host) !== 0) return attempt(place, inetEndpoint(host, port), options, signal);
  return connectByName(place, options, signal);
}

async function connectByName(place: Place, options: Connection, signal?: AbortSignal): Promise<number> {
  const { host = 'localhost', port = 0 } = options;
  const addresses = await resolveHost(place, host, withoutPrototype(options, { signal }));
  const several = options.autoSelectFamily ?? getDefaultAutoSelectFamily();
  const endpoints = (several ? alternating(addresses) : addresses.slice(0, 1)).map((text) => inetEndpoint(text, port));
  const patience = options.autoSelectFamilyAttemptTimeout ?? getDefaultAutoSelectFamilyAttemptTimeout();
  const errors: unknown[] = [];
  for (const [index, endpoint] of endpoints.entries()) {
    const isLast = index === endpoints.length - 1;
    try {
      return await attempt(place, endpoint, options, signal, isLast ? 0 : patience);
    } catch (error) {
      // An error that is not about an address would be the same with the next address.
      if ((error as NamespaceError).address === undefined) throw error;
      errors.push(error);
    }
  }
  throw errors.length === 1 ? errors[0] : allFailed(host, port, errors);
}

/**
 * Sorts addresses so that the families alternate, as RFC 8305 wants it. The family of the first address comes first.
 */
function alternating(addresses: readonly string[]): string[] {
  const first = addresses.filter((address) => isIP(address) === isIP(addresses[0] ?? ''));
  const second = addresses.filter((address) => !first.includes(address));
  const turns = Array.from({ length: Math.max(first.length, second.length) }, (_, index) => [
    first[index],
    second[index],
  ]);
  return turns.flat().filter((address) => address !== undefined);
}

/** The first error, as it would be for that address alone. Its cause has all errors. */
function allFailed(host: string, port: number, errors: readonly unknown[]): NamespaceError {
  const { errno, syscall, hint } = errors[0] as NamespaceError;
  const cause = new AggregateError(errors, `none of the ${errors.length} addresses of ${host} could be connected to`);
  return new NamespaceError({ errno, syscall, kind: 'net', step: `connect ${host}:${port}`, hint, cause });
}
