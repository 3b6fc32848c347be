import { isIP } from 'node:net';
import {
  invalidValue,
  validateArray,
  validateInteger,
  validateKnownKeys,
  validateObject,
  validateOneOf,
  validateString,
} from '../../errors/validate';

/** Settings for the lookup of names, in place of those of resolv.conf(5). Unknown options are errors. */
export interface ResolveOptions {
  /**
   * The addresses of name servers, seen from inside the namespace: `'10.0.0.53'`, `'[fd00::53]:5353'`. Default: those
   * of the file.
   */
  servers?: readonly string[] | undefined;
  /** Domains that are tried for names with few dots. Default: those of the file. */
  search?: readonly string[] | undefined;
  /** Names with fewer dots are tried in the {@link search} domains first. Default: that of the file, or 1. */
  ndots?: number | undefined;
  /** Milliseconds to wait for the answer of one server. Default: that of the file, or 5000. */
  timeout?: number | undefined;
  /** The number of times that all servers are asked. Default: that of the file, or 2. */
  attempts?: number | undefined;
}

const KNOWN: Record<keyof ResolveOptions, true> = {
  servers: true,
  search: true,
  ndots: true,
  timeout: true,
  attempts: true,
};

/** A name server. */
export interface Server {
  readonly address: string;
  readonly port: number;
}

const DNS_PORT = 53;

export function validateFamily(name: string, family: unknown): asserts family is 0 | 4 | 6 | undefined {
  if (family !== undefined) validateOneOf(name, family, [0, 4, 6]);
}

export function validateResolve(name: string, value: unknown): asserts value is ResolveOptions {
  validateObject(name, value);
  validateKnownKeys(name, value, Object.keys(KNOWN));
  const { servers, search, ndots, timeout, attempts } = value as ResolveOptions;
  if (servers !== undefined) {
    validateArray(`${name}.servers`, servers);
    servers.forEach((server, index) => {
      validateString(`${name}.servers[${index}]`, server);
      if (parseServer(server) !== undefined) return;
      throw invalidValue(`${name}.servers[${index}]`, server, 'must be an IP address, or one with a port');
    });
  }
  if (search !== undefined) {
    validateArray(`${name}.search`, search);
    search.forEach((domain, index) => validateString(`${name}.search[${index}]`, domain));
  }
  if (ndots !== undefined) validateInteger(`${name}.ndots`, ndots, 0, 15);
  if (timeout !== undefined) validateInteger(`${name}.timeout`, timeout, 1, 2 ** 31 - 1);
  if (attempts !== undefined) validateInteger(`${name}.attempts`, attempts, 1, 10);
}

/**
 * Reads the address of a server: `10.0.0.53`, `10.0.0.53:5353`, `fd00::53`, `[fd00::53]:5353`, as `dns.setServers()`
 * takes it.
 */
export function parseServer(text: string): Server | undefined {
  if (isIP(text) !== 0) return { address: text, port: DNS_PORT };
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d+))?$/.exec(text) ?? [];
  const address = v6 ?? v4 ?? '';
  const number = Number(port ?? DNS_PORT);
  if (isIP(address) !== (v6 === undefined ? 4 : 6) || number < 1 || number > 65535) return undefined;
  return { address, port: number };
}
