/**
 * Declarations of kinds of links. A declaration has each option with its check, its attribute of `<linux/if_link.h>`,
 * and the value that a list shows. All code for options follows from the declarations.
 */
import {
  type Check,
  type Required,
  as,
  boolean,
  integer as checkInteger,
  oneOf,
  required,
} from '../../../errors/schema';
import { invalidType, outOfRange } from '../../../errors/validate';
import { familyOf, validateAddress } from '../../ip';
import type { Names } from '../../names';
import type { AttributeSet, AttributesOf, Declarations } from '../../netlink/attributes';
import { USER_HZ } from '../../netlink/types';
import { type LinkReference, type NameOf, validateLink } from '../link-name';

/** One value that a list shows. */
export type Detail = LinkDetails[string];

/** Details of a link, or of a port of a bridge, as values of JSON. */
export type LinkDetails = Record<string, string | number | boolean | string[]>;

/** A kind of value, with its three forms: as a caller writes it, as a message has it, and as a list shows it. */
export interface Value<T, Wire> {
  readonly check: Check<T>;
  readonly encode: (value: T) => Wire;
  readonly show: (wire: Wire) => Detail;
}

/** The options that name a link, and the index of that link. */
export type Referred = Readonly<Partial<Record<(typeof REFERRING)[number], number | undefined>>>;

/** The options that name a link: the one below, the preferred port of a bond, the one that it uses. */
export const REFERRING = ['link', 'primary', 'activePort'] as const;

/** Numbers of the links and namespaces that options refer to. They have been looked up. */
export interface Resolved extends Referred {
  /** A descriptor of the namespace that the other end of a veth is created in. */
  readonly peerNamespace?: number | undefined;
}

/** One option of a kind. `Data` are the attributes of the kind. */
export interface KindOption<T, Data> {
  readonly check: Check<T>;
  encode(value: T, resolved: Resolved): Data;
  /** The value that a list shows; undefined where the message does not have it. */
  describe(data: Data, nameOf: NameOf): Detail | undefined;
}

/** The declaration of a kind whose options are the interface `O`. */
export interface LinkKindOf<O, Data, Fixed extends readonly (keyof O)[] | 'all'> {
  /** IFLA_INFO_DATA of this kind. */
  readonly attributes?: AttributeSet;
  readonly options: {
    readonly [K in keyof O]-?: KindOption<Exclude<O[K], undefined>, Data> &
      (undefined extends O[K] ? unknown : { readonly needed: true });
  };
  /** Attributes that several options make together. */
  together?(options: Partial<O>): Data;
  /** The options that cannot be changed in an existing link; `'all'` for a kind that cannot be changed. */
  readonly fixed: Fixed;
  /** Defaults for a new link that differ from the kernel's. */
  readonly defaults?: Partial<O>;
  /** Checks the options of a new link that depend on each other. */
  validate?(name: string, options: Partial<O>): void;
  /** Details of a list that no option sets. */
  readonly shown?: Readonly<Record<string, Pick<KindOption<never, Data>, 'describe'>>>;
  /** The details of a listed link that are used to make a link like it. Absent where all are used. */
  again?(details: LinkDetails): LinkDetails;
}

/** Declares a kind of link: `linkKind<VlanOptions>()({ … })`. */
export function linkKind<O>() {
  return <const D extends Declarations, const Fixed extends readonly (keyof O)[] | 'all'>(
    declaration: LinkKindOf<O, AttributesOf<D>, Fixed> & { readonly attributes?: AttributeSet<D> },
  ): LinkKindOf<O, AttributesOf<D>, Fixed> => declaration;
}

/** Any kind, for code that works on all of them. */
export type AnyKind = LinkKindOf<Record<string, unknown>, Record<string, unknown>, readonly string[] | 'all'>;

/** An option that is one attribute. */
export function attribute<K extends string, T, Wire>(
  key: K,
  value: Value<T, Wire>,
): KindOption<T, Partial<Record<K, Wire | undefined>>> {
  return {
    check: value.check,
    encode: (given) => ({ [key]: value.encode(given) }) as Partial<Record<K, Wire>>,
    describe: (data) => (data[key] === undefined ? undefined : value.show(data[key])),
  };
}

/** Marks an option without which a link of this kind cannot be made. */
export function needed<Option>(option: Option): Option & { readonly needed: true } {
  return { ...option, needed: true };
}

/**
 * The link that this one is on top of. It is IFLA_LINK, which all links have, and so it is not among the options in
 * lists.
 */
export const below: KindOption<LinkReference, object> & { readonly below: true } = {
  below: true,
  check: as(validateLink),
  encode: () => ({}),
  describe: () => undefined,
};

export const bit: Value<boolean, number> = { check: boolean, encode: Number, show: (wire) => wire !== 0 };

const address: Value<string, string> = { check: validateAddress, encode: String, show: String };

export function integer(min: number, max: number): Value<number, number> {
  return { check: checkInteger(min, max), encode: Number, show: Number };
}

export function named<N extends string>(names: Names<N>): Value<N, number> {
  return { check: oneOf(names.names), encode: (name) => names.numberOf(name), show: (wire) => names.nameOf(wire) };
}

/** Seconds. A bridge keeps hundredths of them. */
export const seconds: Value<number, number> = {
  check(name, value) {
    if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
    if (!(value >= 0 && value <= 0xffffffff / USER_HZ)) throw outOfRange(name, '>= 0 && <= 42949672', value);
    return value;
  },
  encode: (value) => Math.round(value * USER_HZ),
  show: (wire) => wire / USER_HZ,
};

/** An option that is an address. There is one attribute for each family. */
export function eitherAddress<A extends string, B extends string>(
  inet: A,
  inet6: B,
): KindOption<string, Partial<Record<A | B, string | undefined>>> {
  return {
    check: address.check,
    encode: (value) => ({ [familyOf(value) === 'inet' ? inet : inet6]: value }) as Partial<Record<A | B, string>>,
    describe: (data) => data[inet] ?? data[inet6],
  };
}

/**
 * The link that packets of a tunnel leave by. It is an attribute of the kind, and not IFLA_LINK.
 */
export const leavesBy: KindOption<LinkReference, { LINK?: number | undefined }> = {
  check: below.check,
  encode: (_, resolved) => ({ LINK: resolved.link }),
  describe: ({ LINK }, nameOf) => (LINK === undefined || LINK === 0 ? undefined : nameOf(LINK)),
};

/** The checks of all options of a kind, for a schema. */
export function checksOf(kind: AnyKind, what: string): Record<string, Check<unknown> | Required<unknown>> {
  const checks = Object.entries(kind.options).map(([key, { check, ...option }]) => {
    return [key, 'needed' in option ? required(check, `must be given for a ${what}`) : check];
  });
  return Object.fromEntries(checks) as Record<string, Check<unknown>>;
}

/** The attributes for options; undefined where there are none. */
export function encodeOptions(kind: AnyKind, options: object, resolved: Resolved): Record<string, unknown> | undefined {
  const data: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(kind.options)) {
    const value = (options as Record<string, unknown>)[key];
    if (value !== undefined) Object.assign(data, option.encode(value, resolved));
  }
  Object.assign(data, kind.together?.(options));
  return Object.keys(data).length === 0 ? undefined : data;
}

/** The details in attributes. */
export function describeOptions(kind: AnyKind, data: Record<string, unknown>, nameOf: NameOf): LinkDetails {
  const details: LinkDetails = {};
  for (const shown of [kind.options, kind.shown ?? {}]) {
    for (const [key, option] of Object.entries(shown)) {
      const value = option.describe(data, nameOf);
      if (value !== undefined) details[key] = value;
    }
  }
  return details;
}
