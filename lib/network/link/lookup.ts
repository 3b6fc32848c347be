import { Errno } from '../../kernel/errno';
import type { NamespaceError } from '../../errors/namespace-error';
import { invalidType, invalidValue, validateInteger, validateString } from '../../errors/validate';
import { type Connection, only } from '../netlink/connection';
import { MOST_ATTEMPTS, interrupted } from '../netlink/interrupted';
import { dump } from '../netlink/dump';
import { NlmFlag, decode, encode } from '../netlink/netlink-message';
import type { LinkReference } from './kinds';
import {
  ANY_LINK,
  ANY_STATS,
  IFLA_STATS_AF_SPEC,
  LINK,
  LINK_STATS,
  type LinkAttributes,
  type LinkMessage,
  RTEXT_FILTER_MRP,
  RTEXT_FILTER_SKIP_STATS,
  RTM_GETLINK,
  RTM_GETSTATS,
} from './link-message';

/** IFNAMSIZ without the NUL that ends it. */
const LONGEST_NAME = 15;

/** ALTIFNAMSIZ without the NUL. */
const LONGEST_ALTERNATIVE = 127;

/** So many single links are asked for; where there are more, for all. */
const MOST_SINGLE = 32;

const LIST = NlmFlag.REQUEST | NlmFlag.DUMP;

/** Names of links by their indexes. One that has gone meanwhile has the name that `ip` gives it: `if7`. */
export type NameOf = (index: number) => string;

/** Checks what a caller calls a link by: its name, an alternative one, or its index. */
export function validateLink(name: string, value: unknown): asserts value is LinkReference {
  if (typeof value === 'number') {
    validateInteger(name, value, 1, 2 ** 31 - 1);
    return;
  }
  if (typeof value !== 'string') throw invalidType(name, 'of type string or number', value);
  validateText(name, value, LONGEST_ALTERNATIVE);
}

/** Checks a name that a link is to have: what `dev_valid_name` of the kernel asks for. */
export function validateLinkName(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value);
  validateText(name, value, LONGEST_NAME);
  if (/[\s/:]/.test(value) || value === '.' || value === '..') {
    throw invalidValue(name, value, "must have no white space, no '/' and no ':', and not be '.' or '..'");
  }
  if (Buffer.from(value).includes(KERNEL_SPACE)) {
    const letter = Array.from(value).find((each) => Buffer.from(each).includes(KERNEL_SPACE));
    throw invalidValue(name, value, `must not have '${letter}': the kernel takes a byte of it, 0xa0, for white space`);
  }
}

/** Checks one more name for a link. Of such a name the kernel asks nothing but that it is not too long. */
export function validateAlternativeName(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value);
  validateText(name, value, LONGEST_ALTERNATIVE);
}

/** isspace() of the kernel, which knows ISO 8859-1, and does not know UTF-8. */
const KERNEL_SPACE = 0xa0;

function validateText(name: string, value: string, longest: number): void {
  validateString(name, value);
  const length = Buffer.byteLength(value);
  if (length === 0 || length > longest) throw invalidValue(name, value, `must have 1 to ${longest} bytes`);
  if (/\p{Surrogate}/u.test(value)) throw invalidValue(name, value, 'must be text that UTF-8 can write');
}

/** How a message says which link it is about. */
export function addressed(link: LinkReference): { index: number; attributes: LinkAttributes } {
  if (typeof link === 'number') return { index: link, attributes: {} };
  const isShort = Buffer.byteLength(link) <= LONGEST_NAME;
  return { index: 0, attributes: isShort ? { IFNAME: link } : { ALT_IFNAME: link } };
}

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
 * Asks for all links.
 *
 * The kernel makes room in its messages for the longest name list of a link only where IFLA_EXT_MASK is given
 * (rtnl_calcit), and that of when the list begins. A link that does not fit ends the list, and since Linux 6.10 without an
 * error (rtnl_dumpit): it and those after it would be missing. So a list of small messages, of all indexes, has to agree.
 *
 * @param stats - with counters
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

/** The indexes of all links, where the kernel has them in a list of their own. */
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
