import { isIP } from 'node:net';
import { invalidValue } from '../../errors/validate';
import { type Check, boolean, integer, list, milliseconds, oneOf, schema, string } from '../../errors/schema';
import { address } from '../../network/ip';
import { CODE, isEncodable } from '../../network/resolve/dns-message';
import { DOMAIN } from '../files';

/** An answer of a name server that is no address: there is no such name, the server has failed, or it does not want to. */
export type DnsError = 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED';

const ERRORS: readonly DnsError[] = ['NXDOMAIN', 'SERVFAIL', 'REFUSED'];

/** Settings for a name, for {@link LabDns.set}. Unknown options are errors. */
export interface DnsSettings {
  /** The addresses, of either family. Default: those of the host with that name, or none where no host has it. */
  addresses?: string | readonly string[] | undefined;
  /** The error that is the answer, whatever is asked about the name. */
  error?: DnsError | undefined;
  /** Gives no answer at all: who asks waits until its time is over. Default: false. */
  silent?: boolean | undefined;
  /** Milliseconds until the answer. Default: 0. */
  delay?: number | undefined;
  /** Seconds for which an answer may be kept by who has asked. Default: 0. */
  ttl?: number | undefined;
}

/** The answer of a name server about a name: an address, several, an error, or settings. */
export type DnsAnswer = string | readonly string[] | DnsSettings;

/** The settings for a name. */
export interface Rule {
  readonly addresses: readonly string[] | undefined;
  /** A code of a response. */
  readonly code: number;
  readonly silent: boolean;
  readonly delay: number;
  readonly ttl: number;
}

/** The longest time that an answer may be kept, in seconds: RFC 2181. */
const MOST_TTL = 2 ** 31 - 1;

const addresses: Check<readonly string[]> = (name, value) =>
  Array.isArray(value) ? list(address)(name, value) : [address(name, value)];

const SETTINGS = schema<DnsSettings>()({
  addresses,
  error: oneOf(ERRORS),
  silent: boolean,
  delay: milliseconds,
  ttl: integer(0, MOST_TTL),
});

/** Reads the answer that a caller gives for a name. */
export function ruleOf(name: string, answer: unknown): Rule {
  const { addresses: given, error, silent = false, delay = 0, ttl = 0 } = settingsOf(name, answer);
  return { addresses: given, code: CODE[error ?? 'NOERROR'], silent, delay, ttl };
}

function settingsOf(name: string, answer: unknown): ReturnType<typeof SETTINGS> {
  if (ERRORS.some((each) => each === answer)) return { error: answer as DnsError };
  if (typeof answer === 'string' && isIP(answer) === 0) {
    throw invalidValue(name, answer, `must be an IP address, or one of ${ERRORS.join(', ')}`);
  }
  if (typeof answer === 'string' || Array.isArray(answer)) return { addresses: addresses(name, answer) };
  return SETTINGS(name, answer);
}

/** Reads a name as callers write it. */
export function nameOf(name: string, value: unknown): string {
  const text = string(name, value).replace(/\.$/, '');
  if (!isEncodable(text) || /\s/.test(text)) throw invalidValue(name, value, 'must be a name that DNS allows');
  return keyOf(text);
}

/** The form in which names are kept: in lower case, and without the lab's own domain. */
export function keyOf(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith(`.${DOMAIN}`) ? lower.slice(0, -DOMAIN.length - 1) : lower;
}
