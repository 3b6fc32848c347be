/** How a check of the host comes to its verdict. */
import type { HostCheck, Verdict } from './report';

/** A try that failed. */
export interface Outcome {
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

/** What is known of a check before it is made. */
export type Base = Pick<HostCheck, 'id' | 'title' | 'tried'>;

/** What this process, or the machine, has run out of says nothing about what is allowed. */
const OUT_OF_RESOURCES: readonly (string | undefined)[] = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'];

/** @returns undefined where it worked */
export async function attempt(tried: () => Promise<unknown>): Promise<Outcome | undefined> {
  try {
    await tried();
    return undefined;
  } catch (error) {
    const { code, message, hint } = error as { code?: string; message: string; hint?: string };
    const text = hint !== undefined && message.endsWith(`: ${hint}`) ? message.slice(0, -hint.length - 2) : message;
    return { code, message: text, hint };
  }
}

export function refused(base: Base, outcome: Outcome, verdict: Verdict = 'no'): HostCheck {
  const found = outcome.message;
  const told = OUT_OF_RESOURCES.includes(outcome.code) ? 'unknown' : verdict;
  return { ...base, verdict: told, found, ...remedyOf(outcome) };
}

export function remedyOf({ hint }: Outcome): Pick<HostCheck, 'remedy'> {
  return hint === undefined ? {} : { remedy: hint };
}

/** Of what the host's files alone tell. */
export function evidence(
  base: Base,
  verdict: Verdict,
  remedy: string | undefined,
  without: string,
  found: string,
): HostCheck {
  return remedy === undefined ? { ...base, verdict: 'ok', found: without } : { ...base, verdict, found, remedy };
}

/** Where it can be neither tried nor read. */
export function unknown(base: Base, why: string): HostCheck {
  return { ...base, verdict: 'unknown', found: `not to be known: ${why}` };
}
