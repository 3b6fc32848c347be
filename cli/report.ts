import { UsageError } from './command';
import { printMessages } from './output';
import { inOptions, propertiesAsOptions } from './wording';

/** An error of the library or of Node. They are distinguished by properties, not by class. */
interface Failure {
  readonly message: string;
  readonly code?: string;
  readonly step?: string;
  readonly syscall?: string;
  readonly hint?: string;
}

/** Writes an error to standard error: `linux-ns: command: what: why`, and the hint on a second line. */
export function reportFailure(command: string | undefined, error: unknown, words: readonly string[] = []): void {
  printMessages(describeFailure(command, error, words));
}

/**
 * The lines of an error.
 *
 * @param words - the command line. For a spec in JSON the error names properties, and not options
 */
export function describeFailure(command: string | undefined, error: unknown, words: readonly string[] = []): string[] {
  const prefix = command === undefined ? 'linux-ns:' : `linux-ns: ${command}:`;
  if (error instanceof UsageError) return [`${prefix} ${error.message}`];
  const { message, code, hint, step, syscall } = failureOf(error);
  if (syscall === 'uv_cwd') return [`${prefix} ${WITHOUT_DIRECTORY}`];
  const text = oneLine(hint === undefined ? message : message.slice(0, message.length - hint.length - 2));
  const [why, what] = partsOf({ message: text, attempt: step === undefined ? syscall : oneLine(step) });
  const attempt = what === undefined || code?.startsWith('ERR_') === true ? text : `${what}: ${why} (${code ?? ''})`;
  return [
    `${prefix} ${words.some(isSpec) ? attempt : propertiesAsOptions(attempt, command)}`,
    ...(hint === undefined ? [] : [`hint: ${inOptions(hint, command)}`]),
  ];
}

function isSpec(word: string): boolean {
  return word.startsWith('--spec');
}

/**
 * The reason of ENOENT where the working directory is gone: getcwd(2) fails so, and Node reports it for every relative
 * path.
 */
const WITHOUT_DIRECTORY =
  'the working directory has been removed, so a relative path leads nowhere: change to another directory';

/** The reason of a system error: `no space left on device (ENOSPC)`. */
export function reasonOf({ message, code = '' }: { message: string; code?: string | undefined }): string {
  const [why] = partsOf({ message });
  return `${why} (${code})`;
}

/**
 * The reason of a failure and what was attempted: `EPERM: operation not permitted, write gid_map`. The code is left
 * out. A comma within the reason, in a sentence of the kernel for one, ends it only where the attempt is not known.
 */
function partsOf({ message, attempt }: { message: string; attempt?: string | undefined }): [string, string?] {
  const text = message.replace(/^E[A-Z0-9]+: /, '');
  const comma = text.indexOf(attempt === undefined ? ', ' : `, ${attempt}`);
  return comma === -1 ? [text] : [text.slice(0, comma), text.slice(comma + 2)];
}

/**
 * Shortens a message. The received value is left out unless it is as the user wrote it, and so are indexes of lists.
 */
function oneLine(text: string): string {
  return text.replace(/ Received (?:[^]*\n|[{[<])[^]*$/, '').replace(/mounts\[\d+\]: /, '');
}

function failureOf(error: unknown): Failure {
  return error !== null && typeof error === 'object' && 'message' in error
    ? (error as Failure)
    : { message: String(error) };
}

/**
 * The exit status for an error, as in shells: 127 if the program does not exist, 126 if it cannot be executed, 1 for
 * any other error.
 */
export function statusOfFailure(error: unknown): number {
  const { code, step } = failureOf(error);
  if (step?.startsWith('exec ') !== true) return 1;
  return code === 'ENOENT' ? 127 : 126;
}
