/** The text of a difference between two files, as `git apply` and patch(1) read it: git-diff(1), "patch". */
import { type Difference, compareLines } from './lines';

/** One side of a comparison: a file, or none. */
export interface Side {
  /** Its mode as git has it: `'100644'`, `'100755'`, `'120000'`; undefined where there is no file. */
  readonly mode: string | undefined;
  /** The contents; undefined if they are not to be shown. */
  readonly data: Buffer | undefined;
}

/** The modes that git knows. */
const MODES = { program: '100755', file: '100644', link: '120000' } as const;

/** The number of equal lines around a difference. */
const CONTEXT = 3;

/** The mode of a side: that of a link, or by the right of the owner to run the file. */
export function modeOf(type: string, mode: number): string {
  if (type === 'symlink') return MODES.link;
  return (mode & 0o100) === 0 ? MODES.file : MODES.program;
}

/**
 * Makes the text for one name, which has one character for each byte. A file that becomes a link, or the other way, is
 * deleted and added.
 */
export async function patchOf(name: string, before: Side, after: Side): Promise<string> {
  const isLink = (side: Side): boolean => side.mode === MODES.link;
  if (before.mode === undefined || after.mode === undefined || isLink(before) === isLink(after)) {
    return onePatch(name, before, after);
  }
  const none: Side = { mode: undefined, data: Buffer.alloc(0) };
  return (await onePatch(name, before, none)) + (await onePatch(name, none, after));
}

async function onePatch(name: string, before: Side, after: Side): Promise<string> {
  const [a, b] = [quoted(`a/${name}`), quoted(`b/${name}`)];
  const head = [`diff --git ${a} ${b}`, ...modeLines(before.mode, after.mode)];
  const [from, to] = [before.mode === undefined ? '/dev/null' : a, after.mode === undefined ? '/dev/null' : b];
  const [left, right] = [textOf(before), textOf(after)];
  if (left === undefined || right === undefined) {
    return before.data !== undefined && after.data !== undefined && before.data.equals(after.data)
      ? joined(head)
      : joined([...head, `Binary files ${from} and ${to} differ`]);
  }
  const [old, now] = [linesOf(left), linesOf(right)];
  const parts = await compareLines(old, now);
  if (parts.length === 0) return joined(head);
  return joined([...head, `--- ${named(from)}`, `+++ ${named(to)}`]) + hunksOf(old, now, parts);
}

function modeLines(before: string | undefined, after: string | undefined): string[] {
  if (before === undefined) return [`new file mode ${after}`];
  if (after === undefined) return [`deleted file mode ${before}`];
  return before === after ? [] : [`old mode ${before}`, `new mode ${after}`];
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The contents as text; undefined where they are none: with a NUL, or no UTF-8, which a string cannot give back. */
function textOf({ mode, data }: Side): string | undefined {
  if (mode === undefined) return '';
  if (data === undefined || data.includes(0)) return undefined;
  try {
    return utf8.decode(data);
  } catch {
    return undefined;
  }
}

/** The lines, each with its end. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** The differences with equal lines around them; those that are near to each other are in one hunk. */
function hunksOf(old: readonly string[], now: readonly string[], parts: readonly Difference[]): string {
  const hunks: Difference[][] = [];
  for (const part of parts) {
    const last = hunks.at(-1)?.at(-1);
    if (last !== undefined && part.at - (last.at + last.removed) <= 2 * CONTEXT) hunks.at(-1)?.push(part);
    else hunks.push([part]);
  }
  return hunks.map((hunk) => hunkOf(old, now, hunk)).join('');
}

function hunkOf(old: readonly string[], now: readonly string[], parts: readonly Difference[]): string {
  const [first, last] = [parts[0], parts.at(-1)] as [Difference, Difference];
  const before = Math.min(CONTEXT, first.at);
  const after = Math.min(CONTEXT, old.length - last.at - last.removed);
  const [start, end] = [first.at - before, last.at + last.removed + after];
  const [startTo, endTo] = [first.to - before, last.to + last.added + after];
  let text = `@@ -${range(start, end)} +${range(startTo, endTo)} @@\n`;
  let at = start;
  for (const part of parts) {
    text += marked(' ', old, at, part.at) + marked('-', old, part.at, part.at + part.removed);
    text += marked('+', now, part.to, part.to + part.added);
    at = part.at + part.removed;
  }
  return text + marked(' ', old, at, end);
}

function marked(mark: string, lines: readonly string[], from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at++) {
    const line = lines[at] ?? '';
    text += line.endsWith('\n') ? mark + line : `${mark}${line}\n\\ No newline at end of file\n`;
  }
  return text;
}

/** `12,3`: the first line and their number; an empty range is after the line before it. */
function range(from: number, to: number): string {
  const count = to - from;
  return count === 1 ? `${from + 1}` : `${count === 0 ? from : from + 1},${count}`;
}

/** A name after `---` or `+++`: where it has a space, a tab shows its end. */
function named(name: string): string {
  return name.includes(' ') && !name.startsWith('"') ? `${name}\t` : name;
}

const ESCAPES: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '"': '\\"', '\\': '\\\\' };

/** A name as git writes it: in quotes where it has characters that would break the line, or bytes that are no UTF-8. */
export function quoted(name: string): string {
  const text = decoded(name);
  // eslint-disable-next-line no-control-regex -- they are looked for
  if (text !== undefined && !/[\x00-\x1f"\\\x7f]/.test(text)) return text;
  const escaped = Array.from(text ?? name, (each) => ESCAPES[each] ?? octal(each, text === undefined));
  return `"${escaped.join('')}"`;
}

function octal(character: string, isByte: boolean): string {
  const code = character.codePointAt(0) ?? 0;
  const plain = code >= 0x20 && code !== 0x7f && (code < 0x7f || !isByte);
  return plain ? character : `\\${code.toString(8).padStart(3, '0')}`;
}

function decoded(name: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(name, 'latin1'));
  } catch {
    return undefined;
  }
}
