import { isIP } from 'node:net';
import { type Check, type Parsed, integer, list, oneOf, schema, string } from '../../errors/schema';
import { invalidValue } from '../../errors/validate';

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

/** A name server. */
export interface Server {
  readonly address: string;
  readonly port: number;
}

const DNS_PORT = 53;

const server: Check<Server> = (name, value) => {
  const found = parseServer(string(name, value));
  if (found !== undefined) return found;
  throw invalidValue(name, value, 'must be an IP address, or one with a port');
};

/** The family of the addresses of a name; 0 for both. */
export const familyOfName = oneOf([0, 4, 6]);

export const RESOLVE = schema<ResolveOptions>()({
  servers: list(server),
  search: list(string),
  ndots: integer(0, 15),
  timeout: integer(1, 2 ** 31 - 1),
  attempts: integer(1, 10),
});

/** {@link ResolveOptions}, checked. */
export type Resolve = Parsed<typeof RESOLVE>;

/**
 * Reads the address of a server: `10.0.0.53`, `10.0.0.53:5353`, `fd00::53`, `[fd00::53]:5353`, as `dns.setServers()`
 * takes it.
 */
function parseServer(text: string): Server | undefined {
  if (isIP(text) !== 0) return { address: text, port: DNS_PORT };
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d+))?$/.exec(text) ?? [];
  const address = v6 ?? v4 ?? '';
  const number = Number(port ?? DNS_PORT);
  if (isIP(address) !== (v6 === undefined ? 4 : 6) || number < 1 || number > 65535) return undefined;
  return { address, port: number };
}
