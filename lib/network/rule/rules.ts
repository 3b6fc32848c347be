import { plainOptions } from '../../errors/plain';
import { invalidType, invalidValue, validateBoolean, validateInteger, validateOneOf } from '../../errors/validate';
import { FAMILY_NUMBERS, type Family, familyOf, validatePrefix } from '../ip';
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

const KEYS: readonly (keyof RuleSpec)[] = [
  'family',
  'priority',
  'not',
  'from',
  'to',
  'tos',
  'mark',
  'mask',
  'incoming',
  'outgoing',
  'uids',
  'ipProtocol',
  'sourcePorts',
  'destinationPorts',
  'action',
  'table',
  'goto',
  'l3mdev',
  'suppressPrefixLength',
  'protocol',
];

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
    const { family } = plainOptions('filter', filter, ['family']);
    if (family !== undefined) validateOneOf('filter.family', family, ['inet', 'inet6']);
    const families: readonly Family[] = family === undefined ? ['inet', 'inet6'] : [family];
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
  const name = 'rule';
  const spec = plainOptions(name, rule, KEYS) as RuleSpec;
  const from = spec.from === undefined || spec.from === 'all' ? undefined : validatePrefix(`${name}.from`, spec.from);
  const to = spec.to === undefined ? undefined : validatePrefix(`${name}.to`, spec.to, from?.family);
  const family = spec.family ?? from?.family ?? to?.family ?? 'inet';
  validateOneOf(`${name}.family`, family, ['inet', 'inet6']);
  for (const prefix of [from, to]) {
    if (prefix !== undefined && familyOf(prefix.address) !== family) {
      throw invalidValue(`${name}.family`, family, `must be that of '${prefix.address}'`);
    }
  }
  if (spec.not !== undefined) validateBoolean(`${name}.not`, spec.not);
  if (spec.l3mdev !== undefined) validateBoolean(`${name}.l3mdev`, spec.l3mdev);
  if (spec.incoming !== undefined) validateLinkName(`${name}.incoming`, spec.incoming);
  if (spec.outgoing !== undefined) validateLinkName(`${name}.outgoing`, spec.outgoing);
  const number = (key: keyof RuleSpec, most: number): number | undefined => {
    const value = spec[key];
    if (value !== undefined) validateInteger(`${name}.${key}`, value, 0, most);
    return value;
  };
  const table = spec.table === undefined ? undefined : TABLES.validate(`${name}.table`, spec.table, 0xffffffff);
  const action = actionOf(`${name}.action`, spec, adds);
  const looksUp = action === RULE_ACTIONS.numberOf('lookup') && spec.l3mdev !== true && adds;
  const target = table ?? (looksUp ? TABLES.numberOf('main') : undefined);
  return {
    header: {
      ...ANY_RULE,
      family: FAMILY_NUMBERS[family],
      sourceLength: from?.length ?? 0,
      destinationLength: to?.length ?? 0,
      tos: number('tos', 255) ?? 0,
      table: target === undefined || target > 255 ? 0 : target,
      action,
      flags: spec.not === true ? INVERT : 0,
    },
    attributes: {
      SRC: from?.address,
      DST: to?.address,
      IIFNAME: spec.incoming,
      OIFNAME: spec.outgoing,
      GOTO: number('goto', 0xffffffff),
      PRIORITY: number('priority', 0xffffffff),
      FWMARK: number('mark', 0xffffffff),
      FWMASK: number('mask', 0xffffffff),
      SUPPRESS_PREFIXLEN: number('suppressPrefixLength', 128),
      TABLE: target !== undefined && target > 255 ? target : undefined,
      L3MDEV: spec.l3mdev === true ? 1 : undefined,
      UID_RANGE: range(`${name}.uids`, spec.uids, 0xffffffff),
      PROTOCOL:
        spec.protocol === undefined ? undefined : ROUTE_PROTOCOLS.validate(`${name}.protocol`, spec.protocol, 255),
      IP_PROTO:
        spec.ipProtocol === undefined ? undefined : IP_PROTOCOLS.validate(`${name}.ipProtocol`, spec.ipProtocol, 255),
      SPORT_RANGE: range(`${name}.sourcePorts`, spec.sourcePorts, 0xffff),
      DPORT_RANGE: range(`${name}.destinationPorts`, spec.destinationPorts, 0xffff),
    },
  };
}

/** The number of the action. To delete a rule, 0 stands for any. */
function actionOf(name: string, { action, goto }: RuleSpec, adds: boolean): number {
  if (action !== undefined) return RULE_ACTIONS.validate(name, action, 255);
  if (goto !== undefined) return RULE_ACTIONS.numberOf('goto');
  return adds ? RULE_ACTIONS.numberOf('lookup') : 0;
}

function range(name: string, value: unknown, most: number): { start: number; end: number } | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw invalidType(name, 'an instance of Array', value);
  const [start, end] = value as unknown[];
  if (value.length !== 2) throw invalidValue(name, value, 'must be the first and the last');
  validateInteger(`${name}[0]`, start, 0, most);
  validateInteger(`${name}[1]`, end, start, most);
  return { start, end };
}
