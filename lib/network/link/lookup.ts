import { Errno } from '../../kernel/errno';
import type { NamespaceError } from '../../errors/namespace-error';
import { type Connection, only } from '../netlink/connection';
import { MOST_ATTEMPTS, interrupted } from '../netlink/interrupted';
import { dump } from '../netlink/dump';
import { NlmFlag, decode, encode } from '../netlink/netlink-message';
import { ANY_LINK } from './ifinfo';
import {
  ANY_STATS,
  IFLA_STATS_AF_SPEC,
  LINK,
  LINK_STATS,
  type LinkMessage,
  RTEXT_FILTER_MRP,
  RTEXT_FILTER_SKIP_STATS,
  RTM_GETLINK,
  RTM_GETSTATS,
} from './link-message';
import { type LinkReference, type NameOf, addressed } from './link-name';

/** The most links that are requested one by one; for more, all are requested. */
const MOST_SINGLE = 32;

const LIST = NlmFlag.REQUEST | NlmFlag.DUMP;

/** Asks for one link. */
export async function findLink(connection: Connection, link: LinkReference): Promise<LinkMessage> {
  const { index, attributes } = addressed(link);
  const answers = await connection.request({
    bytes: encode(LINK, RTM_GETLINK, NlmFlag.REQUEST | NlmFlag.ACK, {
      header: { ...ANY_LINK, index },
      attributes,
    }),
    type: LINK,
    step: `get link ${link}`,
    operation: 'link-get',
    object: String(link),
  });
  return decode(LINK, only(answers));
}

/**
 * Requests all links.
 *
 * The kernel makes its messages large enough for the longest list of names of a link only where IFLA_EXT_MASK is given
 * (rtnl_calcit), and it measures when the list begins. A link that does not fit ends the list, since Linux 6.10 without
 * an error (rtnl_dumpit), so that it and those after it would be missing. So the result is compared with a list of
 * small messages, which has all indexes.
 *
 * @param stats - true for counters
 */
export async function dumpLinks(connection: Connection, stats = false): Promise<LinkMessage[]> {
  const mask = stats ? RTEXT_FILTER_MRP : RTEXT_FILTER_SKIP_STATS;
  const step = 'list links';
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const [links, indexes] = await Promise.all([
      dump(connection, {
        bytes: encode(LINK, RTM_GETLINK, LIST, { header: ANY_LINK, attributes: { EXT_MASK: mask } }),
        type: LINK,
        step,
        operation: 'link-list',
      }),
      dumpIndexes(connection, step),
    ]);
    const found = new Set(links.map(({ header }) => header.index));
    if (indexes.every((index) => found.has(index))) return links;
  }
  throw interrupted(step);
}

/** The indexes of all links, where the kernel can list them separately. */
async function dumpIndexes(connection: Connection, step: string): Promise<number[]> {
  try {
    const messages = await dump(connection, {
      bytes: encode(LINK_STATS, RTM_GETSTATS, LIST, {
        header: { ...ANY_STATS, mask: IFLA_STATS_AF_SPEC },
        attributes: {},
      }),
      type: LINK_STATS,
      step,
      operation: 'link-list',
    });
    return messages.map(({ header }) => header.index);
  } catch (error) {
    if ((error as NamespaceError).errno === -Errno.EOPNOTSUPP) return []; // an emulated kernel
    throw error;
  }
}

/** The index of a link. @throws NamespaceError `ENODEV` when there is none of that name */
export async function indexOf(connection: Connection, link: LinkReference): Promise<number> {
  return typeof link === 'number' ? link : (await findLink(connection, link)).header.index;
}

/** The names of some links. */
export async function namesOf(connection: Connection, indexes: Iterable<number>): Promise<NameOf> {
  const wanted = [...new Set(indexes)].filter((index) => index > 0);
  const links =
    wanted.length <= MOST_SINGLE
      ? await Promise.all(wanted.map((index) => findLink(connection, index).catch(() => undefined)))
      : await dumpLinks(connection);
  return nameTable(links.filter((link) => link !== undefined));
}

/** The names in a dump. */
export function nameTable(links: readonly LinkMessage[]): NameOf {
  const names = new Map(links.map(({ header, attributes }) => [header.index, attributes.IFNAME]));
  return (index) => names.get(index) ?? `if${index}`;
}
