/** The /etc/hosts of a sandbox: hosts(5). */
import { isIP } from 'node:net';
import { invalidValue, validateArray, validateObject, validateString } from '../errors/validate';
import { type CheckedEntry, parseEntries } from './entries';

const HOSTS = '/etc/hosts';

/** The lines that every system has in this file. */
const LOOPBACK = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback'];

/**
 * The names of hosts that are allowed: those of hostname(7), and the underscores that some names have. A space or a #
 * would end a name in that file.
 */
const NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/;

/**
 * The entry for a file that has these names and the name of the sandbox itself. It is mounted, so that no file of the
 * host changes.
 *
 * @throws TypeError with Node's codes
 */
export function parseHosts(name: string, hosts: unknown, hostname: string | undefined): CheckedEntry[] {
  if (hosts === undefined) return [];
  validateObject(name, hosts);
  const own = hostname === undefined || !NAME.test(hostname) || hostname in hosts ? [] : [`127.0.1.1\t${hostname}`];
  const lines = Object.entries(hosts).flatMap(([host, addresses]) => {
    if (!NAME.test(host))
      throw invalidValue(name, host, "must have the names of hosts: letters, digits, '.', '-' and '_'");
    return addressesOf(`${name}['${host}']`, addresses).map((address) => `${address}\t${host}`);
  });
  const data = [...LOOPBACK, ...own, ...lines].map((line) => `${line}\n`).join('');
  const [entry] = parseEntries(name, [{ type: 'file', target: HOSTS, data, mounted: true }]);
  return entry === undefined ? [] : [{ ...entry, piece: { ...entry.piece, label: `hosts: mount file ${HOSTS}` } }];
}

function addressesOf(name: string, value: unknown): string[] {
  const list = typeof value === 'string' ? [value] : value;
  validateArray(name, list);
  return list.map((address) => {
    validateString(name, address);
    if (isIP(address) !== 0 && !address.includes('%')) return address;
    throw invalidValue(name, address, 'must be an IP address, without a zone');
  });
}
