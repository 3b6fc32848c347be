import { UsageError } from './command';

/** A failure of the library, or of Node: their properties, and not their classes, are what is relied on. */
interface Failure {
  readonly message: string;
  readonly code?: string;
  readonly step?: string;
  readonly hint?: string;
}

/** Writes what went wrong to standard error: `linux-ns: what: why`, and the hint below it. */
export function reportFailure(command: string | undefined, error: unknown): void {
  process.stderr.write(`${describeFailure(command, error).join('\n')}\n`);
}

/** Its lines. */
export function describeFailure(command: string | undefined, error: unknown): string[] {
  const prefix = command === undefined ? 'linux-ns:' : `linux-ns: ${command}:`;
  if (error instanceof UsageError) return [`${prefix} ${error.message}`];
  const { message, code, hint } = failureOf(error);
  const text = oneLine(hint === undefined ? message : message.slice(0, message.length - hint.length - 2));
  const [, why, what] = /^(?:E[A-Z0-9]+: )?(.*?)(?:, (.*))?$/s.exec(text) ?? [];
  const attempt =
    what === undefined || code?.startsWith('ERR_') === true ? text : `${what}: ${why ?? ''} (${code ?? ''})`;
  return [`${prefix} ${attempt}`, ...(hint === undefined ? [] : [`hint: ${hint}`])];
}

/** What was received is on the command line; places in lists that were made of it say nothing. */
function oneLine(text: string): string {
  const [first = ''] = text.replace(/ Received [^]*\n[^]*$/, '').split('\n');
  return first.replace(/mounts\[\d+\]: /, '');
}

function failureOf(error: unknown): Failure {
  return error !== null && typeof error === 'object' && 'message' in error
    ? (error as Failure)
    : { message: String(error) };
}

/** The shell's statuses for a program that is not there, and for one that cannot be executed; 1 for anything else. */
export function statusOfFailure(error: unknown): number {
  const { code, step } = failureOf(error);
  if (step?.startsWith('exec ') !== true) return 1;
  return code === 'ENOENT' ? 127 : 126;
}
