import { boolean, integer, schema } from '../../errors/schema';
import type { NamespaceKind } from '../../kernel/namespace-kind';
import type { DiscoveredNamespace } from '../namespace';
import { columnsOf, shortened } from '../../errors/printable';
import { type Pictured, type Bundle, type Frame, countOf, creatorOf, keepersOf, leavesOf, sceneOf } from './scene';

/** Options of {@link NamespaceMap.toText}. Unknown ones are errors. */
export interface TextOptions {
  /** The most processes that are listed of those that share all their namespaces. Default: 8. */
  processes?: number | undefined;
  /** The width in columns. Longer lines are wrapped, and longer command lines are cut. Default: 120. */
  width?: number | undefined;
  /** Uses escape sequences for colours. Default: false. */
  colors?: boolean | undefined;
  /** Draws lines with ASCII characters. Default: false. */
  ascii?: boolean | undefined;
}

interface Style {
  processes: number;
  width: number;
  colors: boolean;
  lines: { middle: string; last: string; past: string; none: string };
}

const UNICODE = { middle: '├─ ', last: '└─ ', past: '│  ', none: '   ' };
const ASCII = { middle: '|- ', last: '`- ', past: '|  ', none: '   ' };

/** The colour of each kind, from the 16 colours of the terminal itself, which fit any background. */
const COLORS: Readonly<Record<NamespaceKind, number>> = {
  cgroup: 90,
  ipc: 31,
  mnt: 32,
  net: 34,
  pid: 33,
  time: 35,
  user: 1,
  uts: 36,
};

/** One or more lines, and the entries below them. Lines are wrapped between words, never inside one. */
interface Entry {
  words: Word[];
  below: Entry[];
}

interface Word {
  text: string;
  color?: number | undefined;
}

export function toText(map: Pictured, options: TextOptions): string {
  const style = parseStyle(options);
  const { frames, notes } = sceneOf(map);
  const lines = frames.flatMap((frame) => linesOf(entryOf(frame, style), '', '', style));
  const sentences = notes.flatMap((note) =>
    wrapped(
      note.split(' ').map((text) => ({ text })),
      style.width,
    ),
  );
  return [...lines, ...sentences.map((line) => line.map(({ text }) => text).join(' '))].join('\n');
}

const TEXT = schema<TextOptions>()({ processes: integer(0), width: integer(20), colors: boolean, ascii: boolean });

function parseStyle(options: TextOptions): Style {
  const { processes = 8, width = 120, colors = false, ascii = false } = TEXT('options', options);
  return { processes, width, colors, lines: ascii ? ASCII : UNICODE };
}

function entryOf({ user, bundles, frames }: Frame, style: Style): Entry {
  const below = [
    ...bundles.map((bundle) => bundleEntry(bundle, style)),
    ...frames.map((frame) => entryOf(frame, style)),
  ];
  if (user === undefined) return { words: [{ text: 'owner out of sight' }], below };
  const about = [creatorOf(user), user.processes.length === 0 ? keepersOf(user).join(', ') : countOf(user.processes)];
  return { words: [nameOf(user), { text: about.filter((text) => text !== '').join(', ') }], below };
}

function bundleEntry(bundle: Bundle, style: Style): Entry {
  const { own, shared, members, keepers } = bundle;
  const leaves = leavesOf(bundle);
  const shown = leaves.slice(0, style.processes);
  const rest = leaves.length - shown.length;
  const texts = [...keepers, ...shown, ...(rest > 0 ? [`and ${rest} more`] : [])];
  const names = [...own.map(nameOf), ...shared.map((each) => ({ text: `(${String(each)})` }))];
  const count = members.length > 0 ? [{ text: countOf(members) }] : [];
  return { words: [...names, ...count], below: texts.map((text) => ({ words: [{ text }], below: [] })) };
}

function nameOf(namespace: DiscoveredNamespace): Word {
  return { text: String(namespace), color: COLORS[namespace.kind] };
}

/** The lines of an entry. `head` comes before the first line, `indent` before all others. */
function linesOf({ words, below }: Entry, head: string, indent: string, style: Style): string[] {
  const { lines } = style;
  const past = indent + (below.length > 0 ? lines.past : lines.none);
  const own = wrapped(words, style.width - columnsOf(past)).map((line, index) => {
    return (index === 0 ? head : past) + line.map((word) => painted(word, style)).join(' ');
  });
  const rest = below.flatMap((entry, index) =>
    index === below.length - 1
      ? linesOf(entry, indent + lines.last, indent + lines.none, style)
      : linesOf(entry, indent + lines.middle, indent + lines.past, style),
  );
  return [...own, ...rest];
}

function wrapped(words: readonly Word[], width: number): Word[][] {
  const lines: Word[][] = [[]];
  let used = 0;
  for (const word of words) {
    const text = shortened(word.text, Math.max(width, 8));
    const columns = columnsOf(text);
    if (used > 0 && used + 1 + columns > width) {
      lines.push([]);
      used = 0;
    }
    lines.at(-1)?.push({ ...word, text });
    used += (used > 0 ? 1 : 0) + columns;
  }
  return lines;
}

function painted({ text, color }: Word, { colors }: Style): string {
  return colors && color !== undefined ? `\u001b[${color}m${text}\u001b[0m` : text;
}
