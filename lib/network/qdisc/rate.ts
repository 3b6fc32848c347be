import type { Check } from '../../errors/schema';
import { invalidType, invalidValue, outOfRange } from '../../errors/validate';

/** Bits per second, by the units of tc(8). */
const UNITS: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 };
const MOST_RATE = 1e12;

/** A rate in bits per second: a number, or a text such as `'10mbit'`. */
export const rate: Check<number> = (name, value) => {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw invalidType(name, "of type number, or a string such as '10mbit'", value);
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)([kmg]?bit)$/.exec(String(value)) ?? [];
  const bits = typeof value === 'number' ? value : Number(digits) * (UNITS[unit] ?? NaN);
  if (Number.isNaN(bits)) throw invalidValue(name, value, "must be a number of bits per second, or such as '10mbit'");
  if (bits < 1 || bits > MOST_RATE) throw outOfRange(name, `>= 1 && <= ${MOST_RATE} bits per second`, bits);
  return bits;
};
