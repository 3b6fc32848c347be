import { explain } from '../hints/explain';
import type { NamespaceKind } from '../kernel/namespace-kind';
import { NamespaceError } from './namespace-error';

/** The facts about an operation that are known before it fails. */
export interface Attempt {
  /** The words for the operation that a person reads: {@link NamespaceError.step}. */
  step: string;
  /** The name of the operation for `explain()`: see `Failure.operation`. */
  operation: string;
  kind?: NamespaceKind | undefined;
  kinds?: readonly NamespaceKind[] | undefined;
  path?: string | undefined;
  /** The text of the id map that was being written. */
  map?: string | undefined;
  /** The word that was being written to /proc/PID/setgroups. */
  setgroups?: 'allow' | 'deny' | undefined;
}

/**
 * The error of a call that the addon, or Node's fs, has refused in this process: an Error with `errno` (of either sign)
 * and `syscall`. Any other error, above all that of a bad argument, is returned as it is.
 */
export function systemError(cause: unknown, attempt: Attempt): Error {
  const { errno, syscall = '', path } = (cause ?? {}) as { errno?: unknown; syscall?: string; path?: string };
  if (typeof errno !== 'number' || isNamespaceError(cause)) return cause as Error;
  const { step, ...known } = attempt;
  const at = attempt.path ?? path;
  const hint = explain({ ...known, errno: Math.abs(errno), syscall, path: at });
  return new NamespaceError({ errno, syscall, path: at, kind: attempt.kind, step, hint, cause });
}

/** Tells the error by its properties, because another realm has another class. */
function isNamespaceError(value: unknown): boolean {
  return (value as { name?: unknown } | null)?.name === 'NamespaceError';
}
