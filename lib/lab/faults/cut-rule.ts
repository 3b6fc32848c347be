/** Rules that say who is cut off from whom, by the names of hosts. */
import { invalidType, invalidValue, validateArray } from '../../errors/validate';

/** A border that nothing passes: of a partition, of a host that is isolated, or in one direction. */
export type CutRule =
  | {
      /** By {@link Lab.partition}. */
      readonly kind: 'partition';
      /** The groups, each with the names of its hosts. */
      readonly groups: readonly (readonly string[])[];
    }
  | {
      /** By {@link Lab.isolate}. */
      readonly kind: 'isolate';
      /** The name of the host. */
      readonly host: string;
    }
  | {
      /** By {@link Lab.cut}. */
      readonly kind: 'cut';
      /** The names of the hosts that send. */
      readonly from: readonly string[];
      /** The names of the hosts at which it does not arrive. */
      readonly to: readonly string[];
    };

/** The part of a host in a rule: hosts with the same words are cut off from the same others. */
export function partOf(rule: CutRule, host: string): string {
  switch (rule.kind) {
    case 'partition':
      return rule.groups.flatMap((group, index) => (group.includes(host) ? [index] : [])).join();
    case 'isolate':
      return rule.host === host ? 'isolated' : '';
    case 'cut':
      return `${rule.from.includes(host) ? 'from' : ''} ${rule.to.includes(host) ? 'to' : ''}`;
  }
}

/** True if a rule lets nothing pass from one host to another. A host that a partition does not name can talk to all. */
export function isCut(rule: CutRule, from: string, to: string): boolean {
  if (from === to) return false;
  switch (rule.kind) {
    case 'partition': {
      const [own, other] = [from, to].map((host) => rule.groups.filter((group) => group.includes(host)));
      const isNamed = (own?.length ?? 0) > 0 && (other?.length ?? 0) > 0;
      return isNamed && !(own ?? []).some((group) => group.includes(to));
    }
    case 'isolate':
      return (rule.host === from) !== (rule.host === to);
    case 'cut':
      return rule.from.includes(from) && rule.to.includes(to);
  }
}

/** `'partition [a b] [c]'` */
export function ruleWords(rule: CutRule): string {
  switch (rule.kind) {
    case 'partition':
      return `partition ${rule.groups.map((group) => `[${group.join(' ')}]`).join(' ')}`;
    case 'isolate':
      return `isolate ${rule.host}`;
    case 'cut':
      return `cut [${rule.from.join(' ')}] → [${rule.to.join(' ')}]`;
  }
}

/** Checks groups of hosts, each by itself or by its name. */
export function parseGroups<T>(value: unknown, host: (name: string, value: unknown) => T): T[][] {
  validateArray('groups', value);
  if (value.length < 2) throw invalidValue('groups', value, 'must have two groups at least');
  return value.map((group, index) => hostList(`groups[${index}]`, group, host));
}

/** Checks a host, or a list of some. */
export function hostList<T>(name: string, value: unknown, host: (name: string, value: unknown) => T): T[] {
  if (!Array.isArray(value)) return [host(name, value)];
  validateArray(name, value);
  if (value.length === 0) throw invalidType(name, 'a host, or a list that is not empty', value);
  return value.map((each, index) => host(`${name}[${index}]`, each));
}
