import { invalidType, validateInteger, validateOneOf } from '../errors/validate';

/** Execution domains and their flags: personality(2), `<linux/personality.h>`. */
const PERSONALITIES = Object.freeze({
  PER_LINUX: 0,
  PER_LINUX32: 0x8,
  PER_LINUX_32BIT: 0x800000,
  PER_LINUX32_3GB: 0x8000008,
  UNAME26: 0x20000,
  ADDR_NO_RANDOMIZE: 0x40000,
  FDPIC_FUNCPTRS: 0x80000,
  MMAP_PAGE_ZERO: 0x100000,
  ADDR_COMPAT_LAYOUT: 0x200000,
  READ_IMPLIES_EXEC: 0x400000,
  ADDR_LIMIT_32BIT: 0x800000,
  SHORT_INODE: 0x1000000,
  WHOLE_SECONDS: 0x2000000,
  STICKY_TIMEOUTS: 0x4000000,
  ADDR_LIMIT_3GB: 0x8000000,
});

/**
 * An execution domain or a flag of one. personality(2)
 *
 * @useDeclaredType
 */
export type Personality = keyof typeof PERSONALITIES;

const NAMES = Object.keys(PERSONALITIES) as Personality[];

/** The value with which personality(2) only asks for the current domain, and sets none. */
const QUERY = 0xffffffff;

/**
 * Checks the option `personality`: a number, a name, or several, which are or-ed.
 *
 * @throws TypeError, RangeError with Node's codes
 */
export function parsePersonality(name: string, value: unknown): number {
  if (Array.isArray(value)) {
    return value.reduce<number>((all, each, index) => (all | bitsOf(`${name}[${index}]`, each)) >>> 0, 0);
  }
  if (typeof value === 'string') return bitsOf(name, value);
  if (typeof value !== 'number') throw invalidType(name, 'of type number or string or an instance of Array', value);
  validateInteger(name, value, 0, QUERY - 1);
  return value;
}

function bitsOf(name: string, value: unknown): number {
  validateOneOf(name, value, NAMES);
  return PERSONALITIES[value];
}
