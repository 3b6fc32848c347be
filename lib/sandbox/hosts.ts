/** The /etc/hosts of a sandbox: hosts(5). */
import { isIP } from 'node:net';
import { invalidValue, validateArray, validateObject, validateString } from '../errors/validate';
import { type CheckedEntry, parseEntries } from './entries';

const HOSTS = '/etc/hosts';

/** What every system has there. */
const LOOPBACK = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback'];

/** Of the names of hosts, and what is found beside: no space or #, which end a name in that file. hostname(7) */
const NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/;

/**
 * The file that has these names, and that of the sandbox itself: mounted, so that nothing of the host changes.
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
