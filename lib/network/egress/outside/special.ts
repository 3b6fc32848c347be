/** Addresses that are not of the public internet: those of the registries of RFC 6890, and those of metadata services. */
import { isIP } from 'node:net';
import { type IpAddress, type Range, addressText, ipAddress, isIn, range } from '../policy/range';

/**
 * The kinds by their networks. The first network that has an address counts. What is deprecated is here as well: nothing
 * that is wanted has such an address.
 */
const SPECIAL: readonly (readonly [kind: string, ...networks: string[]])[] = [
  // Services of clouds that give credentials to whoever can connect. Most are link-local, or private.
  ['of a metadata service', '169.254.169.254', '169.254.170.2', '168.63.129.16', '100.100.100.200', '192.0.0.192'],
  ['of a metadata service', 'fd00:ec2::254', 'fd20:ce::254'],
  ['unspecified', '0.0.0.0/8', '::'],
  ['loopback', '127.0.0.0/8', '::1'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10', '64:ff9b:1::/48'],
  ['shared by customers of a provider', '100.64.0.0/10'],
  ['link-local', '169.254.0.0/16', 'fe80::/10'],
  ['multicast', '224.0.0.0/4', 'ff00::/8'],
  ['for documentation', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'],
  ['for benchmarks', '198.18.0.0/15', '2001:2::/48'],
  ['a tunnel', '2001::/32', '2002::/16', '192.88.99.0/24'],
  ['reserved', '192.0.0.0/24', '240.0.0.0/4', '2001::/23', '5f00::/16'],
];

/** Networks whose addresses have an IPv4 address in their last 32 bits, and lead to it: NAT64, RFC 6052. */
const EMBEDDING = '64:ff9b::/96';
/** Global unicast: nothing else of IPv6 has been given to anybody. */
const GLOBAL = '2000::/3';

interface Table {
  special: [kind: string, network: Range][];
  embedding: Range;
  global: Range;
}

let table: Table | undefined;

/** An address as a check sees it. */
export interface Checked {
  /** Its text, and that of the IPv4 address that it leads to, if it is another. */
  readonly texts: readonly string[];
  /** The kind of a special address; undefined for one of the public internet. */
  readonly special: string | undefined;
}

/** Reads an address; undefined for what is none, as one with a zone (`fe80::1%eth0`). */
export function checkedAddress(text: string): Checked | undefined {
  const address = isIP(text) === 0 ? undefined : ipAddress(text);
  if (address === undefined) return undefined;
  const inner = embedded(address);
  const texts = inner === undefined ? [addressText(address)] : [addressText(address), addressText(inner)];
  return { texts, special: kindOf(inner ?? address) };
}

function kindOf(address: IpAddress): string | undefined {
  const { special, global } = networks();
  const known = special.find(([, network]) => isIn(address, network));
  if (known !== undefined) return known[0];
  return address.family === 6 && !isIn(address, global) ? 'reserved' : undefined;
}

function embedded(address: IpAddress): IpAddress | undefined {
  return isIn(address, networks().embedding) ? { family: 4, bits: address.bits & 0xffffffffn } : undefined;
}

function networks(): Table {
  return (table ??= {
    special: SPECIAL.flatMap(([kind, ...texts]) => texts.map((text): [string, Range] => [kind, network(text)])),
    embedding: network(EMBEDDING),
    global: network(GLOBAL),
  });
}

function network(text: string): Range {
  const found = range(text);
  if (found === undefined) throw new Error(`${text} is no network`);
  return found;
}
