/** A link to make, or the changes of a link, as callers write them: checked. */
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

/** A link to create: settings that all links have, and those of its kind. ip-link(8) */
export type LinkSpec = OwnSettings & {
  /** At most 15 bytes. For a tun or tap: with `%d` in it the kernel puts a number there. */
  name: string;
  /** Default: the next that is free. A tun or tap cannot choose it. */
  index?: number | undefined;
  /** The namespace to create it in. Default: this network. The link below it (`link`) is looked up in this network. */
  namespace?: NetworkTarget | undefined;
} & { [K in LinkKind]: { kind: K } & KindOptions[K] }[LinkKind];

/** The settings to change. With `kind`, also those of that kind. */
export type LinkChange = OwnSettings & {
  /** Its new name. */
  name?: string | undefined;
  /** The namespace to move it to. Its addresses and routes are lost, and it is down there unless `up` is given. */
  namespace?: NetworkTarget | undefined;
  /** More names it is to have, of at most 127 bytes each: `ip link property add altname`. */
  addNames?: readonly string[] | undefined;
  /** More names it is no longer to have. */
  removeNames?: readonly string[] | undefined;
  /** Its settings as a port of a bridge. */
  port?: BridgePortOptions | undefined;
} & ({ kind?: undefined } | { [K in ChangeableKind]: { kind: K } & KindChanges<K> }[ChangeableKind]);

/** The same for all kinds, without {@link OwnSettings}. */
type NewLink = Omit<LinkSpec, keyof OwnSettings>;
type Change = Omit<LinkChange, keyof OwnSettings | 'kind'>;

const name = as(validateLinkName);

/** The link is asked for by its name at once, so the kernel is not to put a number in it. */
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

/** The kernel puts a number into the name of a tun or tap, and chooses its index. */
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
 * Checks all that can be checked without the kernel.
 *
 * @throws TypeError, RangeError with Node's codes
 */
export function parseSpec(what: string, given: unknown): LinkSpec {
  // The schemas are made of the declarations of the kinds, which are as LinkSpec has them: kinds/index.ts.
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
