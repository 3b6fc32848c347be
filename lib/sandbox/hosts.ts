/** The /etc/hosts of a sandbox: hosts(5). */
import { isIP } from 'node:net';
import { type Check, list, string } from '../errors/schema';
import { invalidValue, validateObject } from '../errors/validate';
import { type CheckedEntry, parseEntry } from './entries';

const HOSTS = '/etc/hosts';

/** The lines that every system has in this file. */
const LOOPBACK = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback'];

/**
 * The names of hosts that are allowed: those of hostname(7), and the underscores that some names have. A space or a #
 * would end a name in that file.
 */
const NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/;

/** Checks the names, and the addresses of each. */
export const namesOfHosts: Check<ReadonlyMap<string, readonly string[]>> = (name, hosts) => {
  validateObject(name, hosts);
  return new Map(
    Object.entries(hosts).map(([host, addresses]: [string, unknown]) => {
      if (!NAME.test(host))
        throw invalidValue(name, host, "must have the names of hosts: letters, digits, '.', '-' and '_'");
      const of = `${name}['${host}']`;
      return [host, typeof addresses === 'string' ? [address(of, addresses)] : list(address)(of, addresses)];
    }),
  );
};

const address: Check<string> = (name, value) => {
  const text = string(name, value);
  if (isIP(text) !== 0 && !text.includes('%')) return text;
  throw invalidValue(name, value, 'must be an IP address, without a zone');
};

/**
 * The entry for a file that has these names and the name of the sandbox itself. It is mounted, so that no file of the
 * host changes.
 */
export function hostsEntry(hosts: ReadonlyMap<string, readonly string[]>, hostname: string | undefined): CheckedEntry {
  const own = hostname === undefined || !NAME.test(hostname) || hosts.has(hostname) ? [] : [`127.0.1.1\t${hostname}`];
  const lines = [...hosts].flatMap(([host, addresses]) => addresses.map((each) => `${each}\t${host}`));
  const data = [...LOOPBACK, ...own, ...lines].map((line) => `${line}\n`).join('');
  const entry = parseEntry('spec.hosts', { type: 'file', target: HOSTS, data, mounted: true });
  return { ...entry, piece: { ...entry.piece, label: `hosts: mount file ${HOSTS}` } };
}
