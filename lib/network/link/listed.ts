/** Links of a list that callers give back, to create a link like it or to refer to it. */
import { plain } from '../../errors/plain';
import { without } from '../../errors/schema';
import { validateObject } from '../../errors/validate';
import { ADDRESS_GENERATION } from './ifinfo';
import { bridgePort } from './kinds/bridge';
import { kindNamed } from './kinds/index';
import type { LinkDetails } from './kinds/kind';
import type { Link } from './link';
import { type LinkReference, validateLink } from './link-name';
import type { LinkChange, LinkSpec } from './link-spec';

/** A link to create, and the settings that it can be given only afterwards. */
export interface GivenLink {
  spec: LinkSpec;
  later: LinkChange;
}

/** Distinguishes a link of a list from a spec, which has no flags. */
export function isListed(spec: unknown): spec is Link {
  return spec !== null && typeof spec === 'object' && Array.isArray((spec as Partial<Link>).flags);
}

/**
 * The reference to a link, and its name in errors. A link of a list is found by its index, because it may have been
 * renamed since.
 */
export function meant(link: LinkReference | Link): { reference: LinkReference; called: LinkReference } {
  const given = plain(link);
  if (!isListed(given)) return { reference: given, called: given };
  validateLink('link.name', given.name);
  return { reference: given.index, called: given.name };
}

/** The spec of a link like one of a list. Its index and the facts that the kernel counts are left out. */
export function givenLink(listed: Link): GivenLink {
  if (listed.info !== undefined) validateObject('spec.info', listed.info);
  if (listed.port !== undefined) validateObject('spec.port', listed.port);
  const { name, mtu, type, address, broadcast, txQueueLength = 0, group, master, alias, flags, up, info = {} } = listed;
  const kind = (listed.kind === 'tun' ? info.type : listed.kind) as LinkSpec['kind'];
  const generation = ADDRESS_GENERATION.find((each) => each === listed.addressGeneration);
  const common = {
    ...{ name, kind, up, mtu, txQueueLength, group, master, alias },
    // An ipvlan has that of the link below; that of a tunnel is an IP address, and one of its options.
    ...(kind === 'ipvlan' || type !== 'ether' ? {} : { address, broadcast }),
    addressGeneration: generation,
    arp: !flags.includes('NOARP'),
    multicast: flags.includes('MULTICAST'),
    allMulticast: flags.includes('ALLMULTI'),
    promiscuous: flags.includes('PROMISC'),
  };
  const spec = { ...common, ...optionsOf(kind, listed, info) } as unknown as LinkSpec;
  return { spec, later: { addNames: listed.alternativeNames, port: portOf(listed.port) } };
}

function optionsOf(name: LinkSpec['kind'], { link }: Link, info: LinkDetails): object {
  if (name === 'veth') return link === undefined ? {} : { peer: { name: link } };
  const kind = kindNamed(name);
  if (kind === undefined) return {};
  const details = pick(kind.again?.(info) ?? info, Object.keys(kind.options));
  return 'link' in kind.options ? { link, ...details } : details;
}

/** The settings of a port of a bridge, as they are given to a link. Its state is left out, because the bridge decides it. */
function portOf(port: LinkDetails | undefined): LinkChange['port'] {
  const given = pick(port ?? {}, Object.keys(without(bridgePort.options, 'state')));
  return Object.keys(given).length === 0 ? undefined : given;
}

function pick(details: LinkDetails, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(details).filter(([key]) => keys.includes(key)));
}
