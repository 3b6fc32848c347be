import { type Check, type Parsed, as, boolean, integer, orNull, schema } from '../../errors/schema';
import { invalidType, invalidValue, validateInteger } from '../../errors/validate';
import { FAMILIES, FAMILY_NUMBERS, type Family, type Prefix, family, validateAddress, validatePrefix } from '../ip';
import { validateLinkName } from '../link/link-name';
import { ROUTE_PROTOCOLS, TABLES } from '../names';
import type { Connection } from '../netlink/connection';
import { dump } from '../netlink/dump';
import { NlmFlag, encode } from '../netlink/netlink-message';
import { mapInTurns } from '../../event-loop/turns';
import { INVERT, RTM_DELRULE, RTM_GETRULE, RTM_NEWRULE, RULE, type RuleMessage } from './rule-message';
import { IP_PROTOCOLS, RULE_ACTIONS, type Rule, type RuleAction, ruleOf } from './rule';

/** Options of {@link Rules.list}. */
export interface RuleFilter {
  /** Only rules of IPv4 (`'inet'`) or of IPv6 (`'inet6'`). Default: both. */
  family?: Family | undefined;
}

/**
 * A rule to add or delete: a {@link Rule} whose properties are all optional. By default a new rule applies to all IPv4
 * packets, looks up the table `'main'`, and comes before the existing rules, but after that of priority 0.
 */
export type RuleSpec = { [K in keyof Omit<Rule, 'action'>]?: Rule[K] | undefined } & {
  /**
   * The action: a name, or a number for an action that has none. Default: `'lookup'`, or `'goto'` where `goto` is
   * given.
   */
  action?: RuleAction | number | undefined;
};

const uint32 = integer(0, 0xffffffff);
const linkName = as(validateLinkName);
const prefix: Check<Prefix> = (name, value) => validatePrefix(name, value);

/** The first and the last of a range. */
function range(most: number): Check<{ start: number; end: number }> {
  return (name, value) => {
    if (!Array.isArray(value)) throw invalidType(name, 'an instance of Array', value);
    const [start, end] = value as unknown[];
    if (value.length !== 2) throw invalidValue(name, value, 'must be the first and the last');
    validateInteger(`${name}[0]`, start, 0, most);
    validateInteger(`${name}[1]`, end, start, most);
    return { start, end };
  };
}

const FILTER = schema<RuleFilter>()({ family });

const SPEC = schema<RuleSpec>()({
  family: orNull(family),
  priority: uint32,
  not: boolean,
  from: (name, value) => (value === 'all' ? undefined : prefix(name, value)),
  to: prefix,
  tos: integer(0, 255),
  mark: uint32,
  mask: uint32,
  incoming: linkName,
  outgoing: linkName,
  uids: range(0xffffffff),
  ipProtocol: IP_PROTOCOLS.check(255),
  sourcePorts: range(0xffff),
  destinationPorts: range(0xffff),
  action: RULE_ACTIONS.check(255),
  table: TABLES.check(0xffffffff),
  goto: uint32,
  l3mdev: boolean,
  suppressPrefixLength: integer(0, 128),
  protocol: ROUTE_PROTOCOLS.check(255),
});

type CheckedRule = Parsed<typeof SPEC>;

const CHANGE = NlmFlag.REQUEST | NlmFlag.ACK;

/**
 * Rules of the routing policy: `ip rule`, ip-rule(8).
 *
 * To list them needs no privilege; to change them needs CAP_NET_ADMIN in the user namespace that owns the network
 * namespace.
 */
export class Rules {
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Lists rules, IPv4 first, in the order in which they are tried: `ip rule show`, `ip -6 rule show`. */
  async list(filter: RuleFilter = {}): Promise<Rule[]> {
    const { family: only } = FILTER('filter', filter);
    const families = only === undefined ? FAMILIES : [only];
    const dumps = await Promise.all(families.map((each) => this.#dump(each)));
    return mapInTurns(dumps.flat(), ruleOf);
  }

  /**
   * Adds a rule: `ip rule add`.
   *
   * @throws NamespaceError `EEXIST` when there is the same one, `EPERM` for `uids` where Node is in another user namespace than
   * the one that owns the network, …
   *
   * @example
   * ```ts
   * await network.rule.add({ from: '192.168.5.0/24', table: 100, priority: 1000 });
   * await network.rule.add({ mark: 5, action: 'prohibit', family: 'inet6' });
   * ```
   */
  async add(rule: RuleSpec): Promise<void> {
    const message = encodeRule(rule, true);
    await this.#change(RTM_NEWRULE, NlmFlag.CREATE | NlmFlag.EXCL, message, 'add');
  }

  /**
   * Deletes the first rule that matches all properties given: `ip rule delete`.
   *
   * @throws NamespaceError `ENOENT` when there is none
   */
  async delete(rule: RuleSpec): Promise<void> {
    const message = encodeRule(rule, false);
    await this.#change(RTM_DELRULE, 0, message, 'delete');
  }

  async #change(type: number, flags: number, message: RuleMessage, what: 'add' | 'delete'): Promise<void> {
    const { PRIORITY } = message.attributes;
    await this.#connection.request({
      bytes: encode(RULE, type, CHANGE | flags, message),
      type: RULE,
      step: `${what} rule${PRIORITY === undefined ? '' : ` ${PRIORITY}`}`,
      operation: `rule-${what}`,
      detail: message.attributes.UID_RANGE === undefined ? undefined : 'uids',
    });
  }

  async #dump(family: Family): Promise<RuleMessage[]> {
    const number = FAMILY_NUMBERS[family];
    const messages = await dump(this.#connection, {
      bytes: encode(RULE, RTM_GETRULE, NlmFlag.REQUEST | NlmFlag.DUMP, {
        header: { ...ANY_RULE, family: number },
        attributes: {},
      }),
      type: RULE,
      step: 'list rules',
      operation: 'rule-list',
    });
    return messages.filter(({ header }) => header.family === number);
  }
}

const ANY_RULE: RuleMessage['header'] = {
  family: 0,
  destinationLength: 0,
  sourceLength: 0,
  tos: 0,
  table: 0,
  pad: undefined,
  action: 0,
  flags: 0,
};

/**
 * Encodes a rule for a message.
 *
 * @param adds - true to use the default of each property that is not given; false to leave it open, so that anything
 * matches
 */
function encodeRule(rule: unknown, adds: boolean): RuleMessage {
  const spec = SPEC('rule', rule);
  const { from, to } = spec;
  const action = actionOf(spec, adds);
  const looksUp = action === RULE_ACTIONS.numberOf('lookup') && spec.l3mdev !== true && adds;
  const table = spec.table ?? (looksUp ? TABLES.numberOf('main') : 0);
  return {
    header: {
      ...ANY_RULE,
      family: FAMILY_NUMBERS[familyOfRule('rule', spec)],
      sourceLength: from?.length ?? 0,
      destinationLength: to?.length ?? 0,
      tos: spec.tos ?? 0,
      table: table > 255 ? 0 : table,
      action,
      flags: spec.not === true ? INVERT : 0,
    },
    attributes: {
      SRC: from?.address,
      DST: to?.address,
      IIFNAME: spec.incoming,
      OIFNAME: spec.outgoing,
      GOTO: spec.goto,
      PRIORITY: spec.priority,
      FWMARK: spec.mark,
      FWMASK: spec.mask,
      SUPPRESS_PREFIXLEN: spec.suppressPrefixLength,
      TABLE: table > 255 ? table : undefined,
      L3MDEV: spec.l3mdev === true ? 1 : undefined,
      UID_RANGE: spec.uids,
      PROTOCOL: spec.protocol,
      IP_PROTO: spec.ipProtocol,
      SPORT_RANGE: spec.sourcePorts,
      DPORT_RANGE: spec.destinationPorts,
    },
  };
}

/** The family of the packets: that of the networks, which must be of one family. */
function familyOfRule(name: string, spec: CheckedRule): Family {
  const { from, to } = spec;
  if (from !== undefined && to !== undefined) validateAddress(`${name}.to`, to.address, from.family);
  const found = from ?? to;
  if (spec.family === undefined || found === undefined) return spec.family ?? found?.family ?? 'inet';
  if (spec.family === found.family) return spec.family;
  throw invalidValue(`${name}.family`, spec.family, `must be that of '${found.address}'`);
}

/** The number of the action. To delete a rule, 0 stands for any. */
function actionOf({ action, goto }: CheckedRule, adds: boolean): number {
  if (action !== undefined) return action;
  if (goto !== undefined) return RULE_ACTIONS.numberOf('goto');
  return adds ? RULE_ACTIONS.numberOf('lookup') : 0;
}
