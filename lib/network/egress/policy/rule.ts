/** One rule of a policy, as callers write it and as it is compared. */
import { type Check, required, schema, string } from '../../../errors/schema';
import { invalidType, invalidValue } from '../../../errors/validate';
import { INSIDE_V4, INSIDE_V6 } from '../names/inside';
import type { EgressHost } from './egress-policy';
import { asciiForm, isLocalhost, whyNoName } from './host-name';
import { EVERY_PORT, type Ports, covers, ports, textOf } from './ports';
import { type Range, firstOf, isWithin, range, rangeText } from './range';

/** Hosts that a rule names: one name, all names below one, a range of addresses, or all of these. */
export type Pattern =
  | { readonly kind: 'name' | 'below'; readonly name: string }
  | { readonly kind: 'range'; readonly range: Range }
  | { readonly kind: 'every' };

export interface Rule {
  /** The one text that all ways of writing this rule have. */
  readonly text: string;
  readonly patterns: readonly Pattern[];
  readonly ports: Ports;
}

/** A host as a rule has it, and the text that is the same for all ways of writing it. */
type Host = Pick<Rule, 'text' | 'patterns'>;

const NAME_SERVER_PORT: Ports = [{ from: 53, to: 53 }];

const HOST = schema<EgressHost>()({ host: required(string), port: ports });

/** {@link EgressRule} */
export const rule: Check<Rule> = (name, value) => {
  if (typeof value !== 'string' && typeof value !== 'object')
    throw invalidType(name, 'of type string or object', value);
  if (typeof value !== 'string') {
    const given = HOST(name, value);
    return ruleOf(name, value, hostOf(`${name}.host`, given.host, given.host), given.port ?? EVERY_PORT);
  }
  const { host, port } = split(name, string(name, value));
  return ruleOf(name, value, hostOf(name, host, value), port === undefined ? EVERY_PORT : ports(name, port));
};

function ruleOf(name: string, value: unknown, { text, patterns }: Host, of: Ports): Rule {
  if (covers(NAME_SERVER_PORT, of)) {
    const reason = 'can never match: whatever programs send to port 53 is answered by the name server of the egress';
    throw invalidValue(name, value, reason);
  }
  if (covers(of, EVERY_PORT)) return { text, patterns, ports: of };
  const host = text.includes(':') ? `[${text}]` : text;
  return { text: `${host}:${textOf(of)}`, patterns, ports: of };
}

/** Separates the port from the host. An IPv6 address without brackets has no port. */
function split(name: string, text: string): { host: string; port: string | undefined } {
  if (text.includes('://')) throw invalidValue(name, text, 'must be a host, or a host and a port, and not a URL');
  const [, inBrackets, rest = ''] = /^\[([^\]]*)\](.*)$/.exec(text) ?? [];
  if (inBrackets !== undefined) {
    if (rest !== '' && !rest.startsWith(':')) throw invalidValue(name, text, "must have ':' and a port after the ']'");
    return { host: inBrackets, port: rest === '' ? undefined : rest.slice(1) };
  }
  const [host = '', port, ...more] = text.split(':');
  return more.length > 0 ? { host: text, port: undefined } : { host, port };
}

function hostOf(name: string, host: string, value: unknown): Host {
  if (host === '*') return { text: '*', patterns: [{ kind: 'every' }] };
  if (host.includes('/') || host.includes(':') || range(host) !== undefined) return networkOf(name, host, value);
  if (host.startsWith('*.')) {
    const parent = nameOf(name, host.slice(2), value);
    return { text: `*.${parent}`, patterns: [{ kind: 'below', name: parent }] };
  }
  if (host.startsWith('.')) {
    const own = nameOf(name, host.slice(1), value);
    const patterns: Pattern[] = [
      { kind: 'name', name: own },
      { kind: 'below', name: own },
    ];
    return { text: `.${own}`, patterns };
  }
  const own = nameOf(name, host, value);
  return { text: own, patterns: [{ kind: 'name', name: own }] };
}

function nameOf(name: string, text: string, value: unknown): string {
  if (text.includes('*')) {
    const reason = "must have '*' alone or at its beginning: '*.example.com' names all that is below example.com";
    throw invalidValue(name, value, reason);
  }
  const ascii = asciiForm(text);
  const why = whyNoName(ascii);
  if (why !== undefined) throw invalidValue(name, value, `can never match: the name ${why}`);
  if (!isLocalhost(ascii)) return ascii;
  throw invalidValue(name, value, 'can never match: localhost is the own loopback of programs inside');
}

function networkOf(name: string, text: string, value: unknown): Host {
  const found = range(text);
  if (found === undefined) {
    const howTo = text.includes(':') ? ' (an IPv6 address with a port is written [fd00::1]:443)' : '';
    throw invalidValue(name, value, `must have an IP address, or a network such as 10.1.0.0/16${howTo}`);
  }
  const { family, length } = found;
  const network: Range = { family, length, bits: firstOf(found, length) };
  if (network.bits !== found.bits) {
    const reason = `must be the network ${rangeText(network)}, or an address without a length`;
    throw invalidValue(name, value, reason);
  }
  if ([INSIDE_V4, INSIDE_V6].some((inside) => isWithin(network, inside))) {
    throw invalidValue(name, value, 'can never match: these addresses stand for names inside, so name the host');
  }
  return { text: rangeText(network), patterns: [{ kind: 'range', range: network }] };
}
