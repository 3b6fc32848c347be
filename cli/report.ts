import { UsageError } from './command';

/** An error of the library or of Node, told apart by properties, not by class. */
interface Failure {
  readonly message: string;
  readonly code?: string;
  readonly step?: string;
  readonly hint?: string;
}

/** Writes an error to standard error: `linux-ns: command: what: why`, and the hint on a second line. */
export function reportFailure(command: string | undefined, error: unknown): void {
  process.stderr.write(`${describeFailure(command, error).join('\n')}\n`);
}

/** The lines of an error. */
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

/** Without the received value and indexes of lists, which the user did not write. */
function oneLine(text: string): string {
  const [first = ''] = text.replace(/ Received [^]*\n[^]*$/, '').split('\n');
  return first.replace(/mounts\[\d+\]: /, '');
}

function failureOf(error: unknown): Failure {
  return error !== null && typeof error === 'object' && 'message' in error
    ? (error as Failure)
    : { message: String(error) };
}

/** As in shells, 127 if the program does not exist and 126 if it cannot be executed; 1 for any other error. */
export function statusOfFailure(error: unknown): number {
  const { code, step } = failureOf(error);
  if (step?.startsWith('exec ') !== true) return 1;
  return code === 'ENOENT' ? 127 : 126;
}
