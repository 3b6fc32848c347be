/** A policy that can be asked, and changed while it is in use. */
import { invalidValue, suggestion } from '../../../errors/validate';
import type { EgressProgram } from '../requests/egress-request';
import { type CheckedPolicy, parsePolicy } from './policy-schema';
import { type PortRange, eachPort, overlap, united } from './ports';
import { Questions } from './questions';
import { type Rule, rule } from './rule';
import { type Destination, RuleIndex } from './rule-index';

/** A decision, and why it was made. */
export interface Verdict {
  readonly decision: 'allow' | 'deny';
  /** The rule that has decided; undefined where no rule names the destination. */
  readonly rule: string | undefined;
  /** A sentence that also those understand who do not know of the policy. */
  readonly reason: string;
}

/** Nothing has decided yet: {@link Policy.settle} asks. */
export interface Undecided {
  readonly decision: 'ask';
  readonly rule: undefined;
  readonly reason: string;
}

const ASK_TIMEOUT = 60_000;

/** The largest range of ports of a rule that is listened on port by port. */
const MOST_NAMED_PORTS = 1024;

/** {@link EgressPolicy}, at work. */
export class Policy {
  /** The ports that are intercepted, in ascending order. */
  readonly ports: 'all' | readonly number[];
  readonly via: URL | undefined;
  readonly outside: CheckedPolicy['outside'];
  readonly ech: 'refuse' | 'allow';
  readonly #allowed = new RuleIndex();
  readonly #denied = new RuleIndex();
  readonly #questions: Questions | undefined;
  readonly #onChange = new Set<() => void>();
  #changes = 0;
  /** The policy that it began with. */
  readonly #first: readonly [name: string, checked: CheckedPolicy];

  private constructor(name: string, checked: CheckedPolicy) {
    const { ports, via, outside, ech = 'refuse', ask, askTimeout = ASK_TIMEOUT } = checked;
    this.#first = [name, checked];
    this.ports = ports ?? 'all';
    this.via = via;
    this.outside = outside;
    this.ech = ech;
    this.#questions = ask === undefined ? undefined : new Questions(ask, askTimeout, () => this.#notify());
  }

  /**
   * @param name - what the caller calls it, as in `'policy'`
   * @throws TypeError, RangeError for what is no policy, and for rules that can never match
   */
  static of(name: string, given: unknown): Policy {
    return Policy.#of(name, parsePolicy(name, given));
  }

  static #of(name: string, checked: CheckedPolicy): Policy {
    const policy = new Policy(name, checked);
    for (const [index, each] of (checked.deny ?? []).entries()) policy.#add('deny', `${name}.deny[${index}]`, each);
    for (const [index, each] of (checked.allow ?? []).entries()) policy.#add('allow', `${name}.allow[${index}]`, each);
    return policy;
  }

  /** Another policy, as this one was at its beginning: changes of one are none of the other. */
  anew(): Policy {
    return Policy.#of(...this.#first);
  }

  /** The number of changes and of answers so far: what was decided holds while it is the same. */
  get changes(): number {
    return this.#changes;
  }

  /** Decides in microseconds, whatever the number of rules. */
  decide(to: Destination): Verdict | Undecided {
    const denied = this.#denied.find(to);
    if (denied !== undefined) return verdict('deny', to, `the rule '${denied.text}' denies it`, denied);
    const allowed = this.#allowed.find(to);
    if (allowed !== undefined) return verdict('allow', to, `the rule '${allowed.text}' names it`, allowed);
    const said = this.#questions?.said(to);
    if (said !== undefined) return verdict(said ? 'allow' : 'deny', to, `the answer was ${said ? 'yes' : 'no'}`);
    if (this.#questions !== undefined) return { decision: 'ask', rule: undefined, reason: 'nobody has decided yet' };
    const isName = to.name !== undefined;
    return verdict(
      'deny',
      to,
      isName ? 'no rule names it' : 'no rule names this address, and it was not looked up by a name',
    );
  }

  /**
   * Decides, and asks where only a person can. It never rejects, and is over after the time-out of questions at the latest.
   *
   * @param program - finds the program that connects; it is called for a question only
   */
  async settle(to: Destination, program: () => Promise<EgressProgram | undefined>): Promise<Verdict> {
    const decided = this.decide(to);
    if (decided.decision !== 'ask') return decided;
    const answer = await this.#questions?.ask(to, program);
    const after = this.decide(to);
    if (after.decision !== 'ask') return after;
    return verdict('deny', to, answer ?? 'nobody has answered');
  }

  /** True where a rule, or an answer, allows this very address, or its network: it may be a special one then. */
  namesAddress(address: string, port: number): boolean {
    if (this.deniesAddress(address, port) !== undefined) return false;
    if (this.#allowed.findAddress(address, port) !== undefined) return true;
    return this.#questions?.said({ name: undefined, address, port }) === true;
  }

  /** The rule that denies this address, whatever name has led to it. */
  deniesAddress(address: string, port: number): string | undefined {
    return this.#denied.findAddress(address, port)?.text;
  }

  /** True where some connection to that name may be allowed: by a rule, on some port, or by an answer. */
  mayAllow(name: string): boolean {
    return this.#questions !== undefined || this.#allowed.hasName(name);
  }

  /** The rules, and how the rest is decided, for a line about the policy. */
  get shown(): { allow: string[]; deny: string[] | undefined; ask: boolean; via: string | undefined } {
    const [allow, deny] = [this.#allowed, this.#denied].map(({ rules }) => [...rules].map(({ text }) => text));
    return {
      allow: allow ?? [],
      deny: deny?.length === 0 ? undefined : deny,
      ask: this.#questions !== undefined,
      via: this.via?.host, // and not its credentials
    };
  }

  /** The ports that rules allow by number, for who must listen on each of them. Large ranges are left out. */
  get namedPorts(): number[] {
    const isSmall = ({ from, to }: PortRange): boolean => to - from < MOST_NAMED_PORTS;
    return eachPort(united([...this.#allowed.rules].flatMap((each) => each.ports.filter(isSmall))));
  }

  /**
   * Allows what a rule names.
   *
   * @throws TypeError, RangeError for a rule that can never match, as one that is denied
   */
  allow(given: unknown): void {
    this.#add('allow', 'rule', rule('rule', given));
    this.#changed();
  }

  /** Denies what a rule names, whatever allows it. */
  deny(given: unknown): void {
    this.#add('deny', 'rule', rule('rule', given));
    this.#changed();
  }

  /**
   * Takes a rule back, and answers of `ask` about what it names.
   *
   * @throws TypeError where there is neither
   */
  revoke(given: unknown): void {
    const { text, patterns, ports } = rule('rule', given);
    const wasAllowed = this.#allowed.delete(text);
    const wasDenied = this.#denied.delete(text);
    const wasAnswered = this.#questions?.forget({ text, patterns, ports }) === true;
    if (!wasAllowed && !wasDenied && !wasAnswered) {
      const known = [...this.#allowed.rules, ...this.#denied.rules].map((each) => each.text);
      throw invalidValue('rule', given, `is no rule of this policy${suggestion(text, known)}`);
    }
    this.#changed();
  }

  /** Calls a function after each change, and after each answer. Returns a function that ends this. */
  onChange(call: () => void): () => void {
    this.#onChange.add(call);
    return () => this.#onChange.delete(call);
  }

  /** Withdraws all questions, and refuses what waits for their answers. */
  close(): void {
    this.#questions?.close();
    this.#onChange.clear();
  }

  #add(list: 'allow' | 'deny', name: string, added: Rule): void {
    if (this.ports !== 'all' && !overlap(united(this.ports.map((port) => ({ from: port, to: port }))), added.ports)) {
      throw invalidValue(name, added.text, 'can never match: the policy intercepts none of its ports');
    }
    if (list === 'deny') {
      this.#denied.add(added);
      return;
    }
    const denying = this.#denied.covering(added);
    if (denying !== undefined) {
      const [first] = denying;
      throw invalidValue(name, added.text, `can never match: '${first?.text}' denies all of it`);
    }
    this.#allowed.add(added);
  }

  #changed(): void {
    this.#questions?.reconsider((to) => this.decide(to).decision !== 'ask');
    this.#notify();
  }

  #notify(): void {
    this.#changes++;
    for (const call of this.#onChange) call();
  }
}

/** `github.com:443`, `[2001:db8::1]:443` */
export function destinationText({ name, address, port }: Destination): string {
  const host = name ?? (address.includes(':') ? `[${address}]` : address);
  return `${host}:${port}`;
}

function verdict(decision: 'allow' | 'deny', to: Destination, why: string, by?: Rule): Verdict {
  const allows = decision === 'allow' ? 'allows' : 'does not allow';
  return { decision, rule: by?.text, reason: `The egress policy ${allows} ${destinationText(to)}: ${why}.` };
}
