/** Helpers for checks of the host. */
import type { HostCheck, Verdict } from './report';

/** An attempt that failed. */
export interface Outcome {
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

/** The properties of a check that do not depend on its result. */
export type Base = Pick<HostCheck, 'id' | 'title' | 'tried'>;

/** Errors that are due to a lack of resources, and say nothing about what is allowed. */
const OUT_OF_RESOURCES: readonly (string | undefined)[] = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'];

/** @returns undefined if it succeeded */
export async function attempt(tried: () => Promise<unknown>): Promise<Outcome | undefined> {
  try {
    await tried();
    return undefined;
  } catch (error) {
    const { code, message, hint, step } = error as { code?: string; message: string; hint?: string; step?: string };
    return { code, message: hint === undefined ? message : withoutHint(message, hint, step), hint };
  }
}

/** The hint is shown below, and names what was being done. */
function withoutHint(message: string, hint: string, step: string | undefined): string {
  const text = message.endsWith(`: ${hint}`) ? message.slice(0, -hint.length - 2) : message;
  const at = step === undefined ? -1 : text.lastIndexOf(`, ${step}`);
  return at === -1 ? text : text.slice(0, at);
}

export function refused(base: Base, outcome: Outcome, verdict: Verdict = 'no'): HostCheck {
  const found = outcome.message;
  const known = OUT_OF_RESOURCES.includes(outcome.code) ? 'unknown' : verdict;
  return { ...base, verdict: known, found, ...remedyOf(outcome) };
}

export function remedyOf({ hint }: Outcome): Pick<HostCheck, 'remedy'> {
  return hint === undefined ? {} : { remedy: hint };
}

/** The result of a check that reads files only: a remedy means that something is wrong. */
export function evidence(
  base: Base,
  verdict: Verdict,
  remedy: string | undefined,
  without: string,
  found: string,
): HostCheck {
  return remedy === undefined ? { ...base, verdict: 'ok', found: without } : { ...base, verdict, found, remedy };
}

/** The result of a check that cannot be made. */
export function unknown(base: Base, why: string): HostCheck {
  return { ...base, verdict: 'unknown', found: `cannot be determined: ${why}` };
}
