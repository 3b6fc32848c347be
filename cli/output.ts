/** The one place where the command line writes to its standard streams, and to its terminal: no other file of cli/ does. */
import type { FileHandle } from 'node:fs/promises';

/**
 * The characters that change the state of a terminal or the way its text reads: control characters (C0, DEL, C1, of
 * which U+009B begins a sequence as ESC [ does), separators of lines and paragraphs, and the controls of writing
 * direction. Much of the output comes from inside of namespaces: names of processes, paths, the first line of a script.
 * ECMA-48, UAX #9
 */
const HOSTILE = /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu;

/** The sequences of ECMA-48 that select colors: the only ones that {@link printStyled} lets through. */
// eslint-disable-next-line no-control-regex
const COLOR = /(\u001b\[[0-9;]*m)/g;

/**
 * The text as one line without an effect on the terminal. Characters that a terminal interprets are escaped: `\x1b`,
 * `\u202e`.
 */
export function printable(text: string): string {
  return text.replace(HOSTILE, escapeOf);
}

function escapeOf(letter: string): string {
  const code = letter.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
}

/** Writes lines to standard output. */
export function print(lines: readonly string[]): void {
  write(process.stdout, lines.map(printable));
}

/** Writes lines that this program has colored. Texts from elsewhere must have been made printable before. */
export function printStyled(lines: readonly string[]): void {
  // split() puts the text that the expression captures, the colors, at the odd places.
  const styled = (line: string): string =>
    line
      .split(COLOR)
      .map((part, index) => (index % 2 === 1 ? part : printable(part)))
      .join('');
  write(process.stdout, lines.map(styled));
}

/**
 * Writes a diff as it is, for a program that reads it. A terminal gets no character that it interprets: programs in
 * sandboxes have written most of them.
 */
export function printDiff(diff: string): void {
  if (process.stdout.isTTY) print(diff.replace(/\n$/, '').replaceAll('\t', '    ').split('\n'));
  else process.stdout.write(diff);
}

/** Writes a value as JSON, in which every character that is not printable is written as an escape of JSON. */
export function printJson(value: unknown, indent?: number): void {
  write(process.stdout, jsonLines(value, indent));
}

/** Writes a value as a line of JSON to standard error. */
export function printJsonMessage(value: unknown): void {
  write(process.stderr, jsonLines(value));
}

function jsonLines(value: unknown, indent?: number): string[] {
  const safe = (line: string): string =>
    line.replace(HOSTILE, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return JSON.stringify(value, null, indent).split('\n').map(safe);
}

/** Writes messages to standard error, one on each line. */
export function printMessages(lines: readonly string[]): void {
  write(process.stderr, lines.map(printable));
}

/** Writes a question to standard error, or the end of its line. */
export function printQuestion(words: string): void {
  process.stderr.write(words.endsWith('\n') ? `${printable(words.slice(0, -1))}\n` : printable(words));
}

/** Writes a question to a terminal, which may be in raw mode, and the answer after it. */
export async function askOn(terminal: FileHandle, question: string, answer: Promise<boolean>): Promise<boolean> {
  await terminal.write(`\r\n${printable(question)}`);
  const isYes = await answer;
  await terminal.write(`${isYes ? 'yes' : 'no'}\r\n`);
  return isYes;
}

function write(stream: NodeJS.WriteStream, lines: readonly string[]): void {
  if (lines.length > 0) stream.write(`${lines.join('\n')}\n`);
}
