/** Names of links: how callers and messages refer to a link, and which names the kernel takes. */
import { invalidType, invalidValue, validateInteger, validateString } from '../../errors/validate';

/** A link, by its name or its index. */
export type LinkReference = string | number;

/** Names of links by their indexes. A link that has gone meanwhile has the name that `ip` gives it: `if7`. */
export type NameOf = (index: number) => string;

/** IFNAMSIZ without the NUL that ends it. */
const LONGEST_NAME = 15;

/** ALTIFNAMSIZ without the NUL. */
const LONGEST_ALTERNATIVE = 127;

/** isspace() of the kernel, which knows ISO 8859-1, and does not know UTF-8. */
const KERNEL_SPACE = 0xa0;

/** Checks how a caller refers to a link: by its name, by an alternative name, or by its index. */
export function validateLink(name: string, value: unknown): asserts value is LinkReference {
  if (typeof value === 'number') {
    validateInteger(name, value, 1, 2 ** 31 - 1);
    return;
  }
  if (typeof value !== 'string') throw invalidType(name, 'of type string or number', value);
  validateText(name, value, LONGEST_ALTERNATIVE);
}

/** Checks a name that a link is to have, as `dev_valid_name` of the kernel does. */
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

/** Checks one more name for a link. The kernel asks of such a name only that it is not too long. */
export function validateAlternativeName(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value);
  validateText(name, value, LONGEST_ALTERNATIVE);
}

function validateText(name: string, value: string, longest: number): void {
  validateString(name, value);
  const length = Buffer.byteLength(value);
  if (length === 0 || length > longest) throw invalidValue(name, value, `must have 1 to ${longest} bytes`);
  if (/\p{Surrogate}/u.test(value)) throw invalidValue(name, value, 'must be text that UTF-8 can write');
}

/** How a message says which link it is about. */
export function addressed(link: LinkReference): {
  index: number;
  attributes: { IFNAME?: string; ALT_IFNAME?: string };
} {
  if (typeof link === 'number') return { index: link, attributes: {} };
  const isShort = Buffer.byteLength(link) <= LONGEST_NAME;
  return { index: 0, attributes: isShort ? { IFNAME: link } : { ALT_IFNAME: link } };
}
