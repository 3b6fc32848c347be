/** The options of networks, checked, and the ranges that they get without one. */
import { type Check, type Parsed, schema } from '../errors/schema';
import { invalidValue } from '../errors/validate';
import type { Subnets } from './network';
import { outsideRange } from './outside-range';
import { Subnet } from './subnet';

/** Options of {@link Lab.addNetwork}. */
export interface LabNetworkOptions {
  /**
   * The range of its IPv4 addresses, `'10.0.0.0/24'`; null for none. Default: the next that is free of 10.0.0.0/8. Not
   * 10.0.2.0/24, which is for {@link Lab.outside}.
   */
  subnet?: string | null | undefined;
  /** The range of its IPv6 addresses, `'fd00::/64'`. Default: none. */
  subnet6?: string | undefined;
}

const subnet: Check<Subnet | null> = (name, value) => (value === null ? null : Subnet.parse(name, value, 'inet'));
const subnet6: Check<Subnet> = (name, value) => Subnet.parse(name, value, 'inet6');

export const NETWORK = schema<LabNetworkOptions>()({ subnet, subnet6 });

const TEN = { base: 10n << 24n, end: 11n << 24n } as const;

/** The bits of the prefix of a range that is given out. */
const PREFIX = { network: 24, link: 30 } as const;

/** The ranges that the options ask for, or else one that overlaps none of the others. */
export function subnetsOf(
  { subnet: inet, subnet6: inet6 }: Parsed<typeof NETWORK>,
  kind: keyof typeof PREFIX,
  others: Iterable<Subnets>,
): Subnets {
  return { inet: inet === null ? undefined : (inet ?? freeRange(PREFIX[kind], others)), inet6 };
}

function freeRange(length: number, others: Iterable<Subnets>): Subnet {
  const taken = [outsideRange(), ...[...others].flatMap(({ inet }) => inet ?? [])];
  const size = 1n << BigInt(32 - length);
  for (let { base } = TEN; base < TEN.end;) {
    const range = new Subnet('inet', base, length);
    const inTheWay = taken.find((other) => other.overlaps(range));
    if (inTheWay === undefined) return range;
    base = ((inTheWay.end + size - 1n) / size) * size;
  }
  throw invalidValue('options.subnet', undefined, `must be given: no /${length} of 10.0.0.0/8 is free`);
}
