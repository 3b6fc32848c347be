/** Links to create and changes of links, as callers write them, checked. */
import { type Check, as, chosenBy, list, oneOf, required, schema, schemaOf, without } from '../../errors/schema';
import { invalidValue } from '../../errors/validate';
import { type NetworkTarget, networkTarget } from '../place';
import {
  CHANGEABLE,
  type ChangeableKind,
  KINDS,
  type KindChanges,
  type KindOptions,
  LINK_KINDS,
  type LinkKind,
} from './kinds/index';
import { type BridgePortOptions, bridgePort } from './kinds/bridge';
import { type AnyKind, checksOf } from './kinds/kind';
import { validateAlternativeName, validateLinkName } from './link-name';
import { OWN_SETTINGS, type OwnSettings, index } from './settings';

/** A link to create: the settings that all links have, and the options of its kind. ip-link(8) */
export type LinkSpec = OwnSettings & {
  /** The name, at most 15 bytes. In the name of a tun or tap the kernel puts a number in place of `%d`. */
  name: string;
  /** The index. Default: the next that is free. The index of a tun or tap cannot be chosen. */
  index?: number | undefined;
  /**
   * The namespace to create the link in. Default: this network. The link below it (`link`) is looked up in this
   * network.
   */
  namespace?: NetworkTarget | undefined;
} & { [K in LinkKind]: { kind: K } & KindOptions[K] }[LinkKind];

/** The settings to change. With `kind`, they may include options of that kind. */
export type LinkChange = OwnSettings & {
  /** Its new name. */
  name?: string | undefined;
  /**
   * The namespace to move the link to. Its addresses and routes are lost, and there it is down unless `up` is given.
   */
  namespace?: NetworkTarget | undefined;
  /** Alternative names to add, of at most 127 bytes each: `ip link property add altname`. */
  addNames?: readonly string[] | undefined;
  /** Alternative names to remove. */
  removeNames?: readonly string[] | undefined;
  /** The settings of the link as a port of a bridge. */
  port?: BridgePortOptions | undefined;
} & ({ kind?: undefined } | { [K in ChangeableKind]: { kind: K } & KindChanges<K> }[ChangeableKind]);

/** The settings of a new link that are the same for all kinds, without {@link OwnSettings}. */
type NewLink = Omit<LinkSpec, keyof OwnSettings>;
type Change = Omit<LinkChange, keyof OwnSettings | 'kind'>;

const name = as(validateLinkName);

/**
 * Checks the whole name. The new link is requested by its name in the same message, so the kernel must not put a number
 * in it.
 */
const wholeName: Check<string> = (what, value) => {
  validateLinkName(what, value);
  if (!value.includes('%')) return value;
  throw invalidValue(what, value, "must be a whole name, without '%'");
};

const OF_ALL = {
  ...schema<NewLink>()({
    kind: required(oneOf(LINK_KINDS)),
    name: required(wholeName),
    namespace: networkTarget,
    index,
  }).checks,
  ...OWN_SETTINGS.checks,
};

const OF_ALL_CHANGES = {
  ...schema<Change>()({
    name,
    namespace: networkTarget,
    addNames: list(as(validateAlternativeName)),
    removeNames: list(as(validateAlternativeName)),
    port: schemaOf(checksOf(bridgePort, 'port')),
  }).checks,
  ...OWN_SETTINGS.checks,
};

/** The settings of a tun or tap. The kernel puts a number into its name, and chooses its index. */
const OF_TUN = { ...without(OF_ALL, 'index'), name: required(name) };

const SPECS = Object.fromEntries(
  LINK_KINDS.map((kind) => {
    const common = kind === 'tun' || kind === 'tap' ? OF_TUN : OF_ALL;
    return [kind, schemaOf({ ...common, ...checksOf(KINDS[kind], kind) })];
  }),
);

const CHANGES = Object.fromEntries(
  CHANGEABLE.map((kind) => {
    const checks = without(checksOf(KINDS[kind], kind), ...KINDS[kind].fixed);
    return [kind, schemaOf({ kind: oneOf(CHANGEABLE), ...OF_ALL_CHANGES, ...checks })];
  }),
);

const newLink = chosenBy<object>('kind', SPECS);
const change = chosenBy<object>('kind', CHANGES, schemaOf(OF_ALL_CHANGES));

/**
 * Checks everything that can be checked without the kernel.
 *
 * @throws TypeError, RangeError with Node's codes
 */
export function parseSpec(what: string, given: unknown): LinkSpec {
  // The schemas are made of the declarations of the kinds, which have the types of LinkSpec: kinds/index.ts.
  const checked = newLink(what, given) as LinkSpec;
  const kind: AnyKind = KINDS[checked.kind];
  const spec = { ...kind.defaults, ...checked };
  kind.validate?.(what, spec);
  return spec;
}

/** @throws TypeError, RangeError with Node's codes */
export function parseChange(what: string, given: unknown): LinkChange {
  return change(what, given);
}
