/** Names of links: the forms in which callers and messages refer to a link, and the names that the kernel accepts. */
import { as } from '../../errors/schema';
import { invalidType, invalidValue, validateInteger, validateString } from '../../errors/validate';

/** A link, by its name or by its index. */
export type LinkReference = string | number;

/** The name of a link by its index. A link that is gone has the name that `ip` gives it: `if7`. */
export type NameOf = (index: number) => string;

/** IFNAMSIZ without the NUL that ends it. */
const LONGEST_NAME = 15;

/** ALTIFNAMSIZ without the NUL. */
const LONGEST_ALTERNATIVE = 127;

/** A character that isspace() of the kernel takes for a space. The kernel knows ISO 8859-1 and not UTF-8. */
const KERNEL_SPACE = 0xa0;

/** Checks a reference to a link: its name, an alternative name, or its index. */
export function validateLink(name: string, value: unknown): asserts value is LinkReference {
  if (typeof value === 'number') {
    validateInteger(name, value, 1, 2 ** 31 - 1);
    return;
  }
  if (typeof value !== 'string') throw invalidType(name, 'of type string or number', value);
  validateText(name, value, LONGEST_ALTERNATIVE);
}

export const link = as(validateLink);

/** Checks a name that a link is given, as `dev_valid_name` of the kernel does. */
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

/** Checks an alternative name that a link is given. The kernel only refuses names that are too long. */
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

/** The index and the attributes by which a message refers to a link. */
export function addressed(link: LinkReference): {
  index: number;
  attributes: { IFNAME?: string; ALT_IFNAME?: string };
} {
  if (typeof link === 'number') return { index: link, attributes: {} };
  const isShort = Buffer.byteLength(link) <= LONGEST_NAME;
  return { index: 0, attributes: isShort ? { IFNAME: link } : { ALT_IFNAME: link } };
}
