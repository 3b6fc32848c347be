/** Links as a list has them, given back: to create one like it, or as the one that is meant. */
import { plain } from '../../errors/plain';
import { validateObject } from '../../errors/validate';
import { type LinkDetails, KINDS, type LinkReference } from './kinds';
import { ADDRESS_GENERATION, type Link } from './link';
import { validateLink } from './lookup';
import type { LinkChange, LinkSpec } from './link-spec';
import { TUN_KEYS } from './tun';

/** A link to create, and what it can be given only afterwards. */
export interface GivenLink {
  spec: LinkSpec;
  later: LinkChange;
}

/** Whether that is a link of a list, and no spec: those have no flags. */
export function isListed(spec: unknown): spec is Link {
  return spec !== null && typeof spec === 'object' && Array.isArray((spec as Partial<Link>).flags);
}

/** The link that is meant, and what errors call it. By its index: it may have been renamed since. */
export function meant(link: LinkReference | Link): { reference: LinkReference; called: LinkReference } {
  const given = plain(link);
  if (!isListed(given)) return { reference: given, called: given };
  validateLink('link.name', given.name);
  return { reference: given.index, called: given.name };
}

/** What creates a link like one of a list, as far as it can be said: not its index, nor what the kernel counts. */
export function givenLink(listed: Link): GivenLink {
  if (listed.info !== undefined) validateObject('spec.info', listed.info);
  if (listed.port !== undefined) validateObject('spec.port', listed.port);
  const { name, mtu, address, broadcast, txQueueLength = 0, group, master, alias, flags, up, info = {} } = listed;
  const kind = (listed.kind === 'tun' ? info.type : listed.kind) as LinkSpec['kind'];
  const generation = ADDRESS_GENERATION.find((each) => each === listed.addressGeneration);
  const common = {
    ...{ name, kind, up, mtu, broadcast, txQueueLength, group, master, alias },
    address: kind === 'ipvlan' ? undefined : address, // that of the link below
    addressGeneration: generation,
    arp: !flags.includes('NOARP'),
    multicast: flags.includes('MULTICAST'),
    allMulticast: flags.includes('ALLMULTI'),
    promiscuous: flags.includes('PROMISC'),
  };
  const spec = { ...common, ...optionsOf(kind, listed, info) } as unknown as LinkSpec;
  return { spec, later: { addNames: listed.alternativeNames, port: portOf(listed.port) } };
}

function optionsOf(kind: LinkSpec['kind'], { link }: Link, info: LinkDetails): object {
  if (kind === 'tun' || kind === 'tap') return pick(info, TUN_KEYS);
  if (kind === 'veth') return link === undefined ? {} : { peer: { name: link } };
  if (!Object.keys(KINDS).includes(kind)) return {};
  const { keys } = KINDS[kind];
  const below = keys.some((key) => key === 'link') ? { link } : {};
  return {
    ...below,
    ...pick(
      info,
      keys.filter((key) => !isUnsaid(key, info)),
    ),
  };
}

/** A vxlan that is external has no id, and the kernel shows 0; one without VLANs of bridges shows that, and takes it not. */
function isUnsaid(key: string, info: LinkDetails): boolean {
  return (key === 'id' && info.external === true) || (key === 'vlanFiltering' && info[key] === false);
}

/** The state of a port is what the bridge makes of it. */
function portOf(port: LinkDetails | undefined): LinkChange['port'] {
  return port === undefined
    ? undefined
    : pick(
        port,
        Object.keys(port).filter((key) => key !== 'state'),
      );
}

function pick(details: LinkDetails, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(details).filter(([key]) => keys.includes(key)));
}
