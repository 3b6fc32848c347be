import { integer, oneOf, schema, string } from '../../errors/schema';
import type { DiscoveredNamespace } from '../namespace';
import { KIND_COLORS } from './colors';
import { pack } from './layout';
import { columnsOf, printable, shortened } from '../../errors/printable';
import {
  type Pictured,
  type Bundle,
  type Frame,
  type Scene,
  countOf,
  creatorOf,
  keepersOf,
  leavesOf,
  sceneOf,
} from './scene';

/** Options of {@link NamespaceMap.toSVG}. Unknown ones are errors. */
export interface SvgOptions {
  /** The theme: with `'auto'` the picture is dark for readers who prefer that, and else light. Default: `'auto'`. */
  theme?: 'auto' | 'light' | 'dark' | undefined;
  /** The most processes that are listed of those that share all their namespaces. Default: 6. */
  processes?: number | undefined;
  /** The text above the picture. Default: the numbers of namespaces and processes in it. */
  title?: string | undefined;
}

interface Style {
  theme: NonNullable<SvgOptions['theme']>;
  processes: number;
  title: string;
}

/** Something with a size that can be drawn anywhere. */
interface Drawing {
  readonly width: number;
  readonly height: number;
  draw(x: number, y: number): string;
}

/**
 * The fonts. With a fixed-width font the width of a text is known without the font: LETTER is the width of a letter in
 * the widest font of the list.
 */
const FONTS = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, "Liberation Mono", monospace';
const SIZE = 12;
const LETTER = SIZE * 0.61;
const LINE = 18;

const GAP = 12;
const PADDING = 10;
const HEADER = 30;
const CHIP = { width: 152, height: 20, gap: 4, label: 50 };
const CARD_WIDTH = 2 * CHIP.width + CHIP.gap + 2 * PADDING;
const CARD_COLUMNS = Math.floor((CARD_WIDTH - 2 * PADDING) / LETTER);

const LIGHT = {
  page: '#ffffff',
  even: '#f3f6f9',
  odd: '#e6ecf2',
  card: '#ffffff',
  edge: '#b4bfca',
  text: '#1b1f24',
  dim: '#4d565f',
};
const DARK = {
  page: '#0d1117',
  even: '#161c24',
  odd: '#202934',
  card: '#0d1117',
  edge: '#4a5663',
  text: '#e8edf2',
  dim: '#a9b4bf',
};
const SVG = schema<SvgOptions>()({ theme: oneOf(['auto', 'light', 'dark']), processes: integer(0), title: string });

export function toSVG(map: Pictured, options: SvgOptions): string {
  const { theme = 'auto', processes = 6, title = titleOf(map) } = SVG('options', options);
  return document(sceneOf(map), { theme, processes, title });
}

function titleOf({ namespaces, processes }: Pictured): string {
  return `${namespaces.length} Linux namespaces, ${countOf(processes)}`;
}

function document(scene: Scene, { theme, processes, title }: Style): string {
  const body = together([scene.frames.map((frame) => frameDrawing(frame, 0, processes))], 1.5);
  const columns = Math.floor(Math.max(body.width, CARD_WIDTH) / LETTER);
  const notes = scene.notes.flatMap((note) => wrapped(note, columns));
  const width = Math.ceil(Math.max(body.width, CARD_WIDTH) + 2 * GAP);
  const top = GAP + HEADER;
  const height = Math.ceil(top + body.height + notes.length * LINE + 2 * GAP);
  const heading = shortened(printable(title), columns);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">`,
    `<title id="title">${escaped(heading)}</title>`,
    `<style>${styleOf(theme)}</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="heading" x="${GAP}" y="${GAP + LINE}">${escaped(heading)}</text>`,
    body.draw(GAP, top),
    ...notes.map((note, index) => textAt('dim', GAP, top + body.height + GAP + (index + 1) * LINE - 4, note)),
    '</svg>',
    '',
  ].join('\n');
}

/** Draws a user namespace: its name, and below it the cards and frames in it. */
function frameDrawing({ user, bundles, frames }: Frame, depth: number, leaves: number): Drawing {
  const cards = bundles.map((bundle) => cardDrawing(bundle, leaves));
  const nested = frames.map((frame) => frameDrawing(frame, depth + 1, leaves));
  // Tall frames side by side leave the fewest holes.
  const inner = together([cards, nested.sort((a, b) => b.height - a.height)], 1.3);
  const name = user === undefined ? 'owner out of sight' : `user ${user.id}`;
  const about = user === undefined ? [] : [creatorOf(user), aboutFrame(user)];
  const width = Math.max(inner.width, CARD_WIDTH) + 2 * GAP;
  const columns = Math.floor((width - 2 * GAP) / LETTER) - columnsOf(name) - 2;
  const subtitle = shortened(about.filter((text) => text !== '').join(', '), Math.max(columns, 1));
  const height = HEADER + inner.height + GAP;
  return {
    width,
    height,
    draw: (x, y) =>
      [
        `<g>${user === undefined ? '' : tooltip(user)}`,
        `<rect class="frame ${depth % 2 === 0 ? 'even' : 'odd'}" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`,
        `<text x="${x + GAP}" y="${y + 20}"><tspan class="name">${name}</tspan><tspan class="dim" dx="12">${escaped(subtitle)}</tspan></text>`,
        inner.draw(x + GAP, y + HEADER),
        '</g>',
      ].join('\n'),
  };
}

function aboutFrame(user: DiscoveredNamespace): string {
  return user.processes.length === 0 ? keepersOf(user).join(', ') : countOf(user.processes);
}

/** Draws processes that share all their namespaces, together with these namespaces. */
function cardDrawing(bundle: Bundle, most: number): Drawing {
  const { own, shared, keepers, members } = bundle;
  const leaves = [...keepers, ...leavesOf(bundle)];
  const shown = leaves.slice(0, Math.max(most, keepers.length > 0 ? 1 : 0));
  const lines = shown.map((leaf) => shortened(leaf, CARD_COLUMNS));
  if (leaves.length > shown.length)
    lines.push(shown.length === 0 ? countOf(members) : `and ${leaves.length - shown.length} more`);
  const chips = [...own.map((each) => ({ each, isOwn: true })), ...shared.map((each) => ({ each, isOwn: false }))];
  const rows = Math.ceil(chips.length / 2);
  const chipsHeight = rows === 0 ? 0 : rows * (CHIP.height + CHIP.gap);
  const height = 2 * PADDING + chipsHeight + lines.length * LINE;
  return {
    width: CARD_WIDTH,
    height,
    draw: (x, y) =>
      [
        `<rect class="card${members.length === 0 ? ' empty' : ''}" x="${x}" y="${y}" width="${CARD_WIDTH}" height="${height}" rx="5"/>`,
        ...chips.map(({ each, isOwn }, index) => {
          const left = x + PADDING + (index % 2) * (CHIP.width + CHIP.gap);
          return chip(each, isOwn, left, y + PADDING + Math.floor(index / 2) * (CHIP.height + CHIP.gap));
        }),
        ...lines.map((line, index) =>
          textAt(
            index < shown.length && keepers.length === 0 ? 'leaf' : 'dim',
            x + PADDING,
            y + PADDING + chipsHeight + index * LINE + 13,
            line,
          ),
        ),
      ].join('\n'),
  };
}

/** Draws a namespace: its kind on its colour, and its number. A namespace whose card is elsewhere has a broken edge. */
function chip(namespace: DiscoveredNamespace, isOwn: boolean, x: number, y: number): string {
  const { kind, id } = namespace;
  const base = y + 14;
  return [
    `<g>${tooltip(namespace)}`,
    `<rect class="chip${isOwn ? '' : ' shared'}" x="${x + 0.5}" y="${y + 0.5}" width="${CHIP.width - 1}" height="${CHIP.height - 1}" rx="3"/>`,
    `<rect fill="${KIND_COLORS[kind]}" x="${x}" y="${y}" width="${CHIP.label}" height="${CHIP.height}" rx="3"/>`,
    `<text class="kind" x="${x + CHIP.label / 2}" y="${base}">${kind}</text>`,
    `<text x="${x + CHIP.label + 6}" y="${base}">${id}</text>`,
    '</g>',
  ].join('');
}

/** The text that is shown when somebody points at a namespace, and that a screen reader reads out. */
function tooltip(namespace: DiscoveredNamespace): string {
  const { parent, owner, path, processes, networkId } = namespace;
  const facts = [
    String(namespace),
    countOf(processes),
    ...(owner === undefined ? [] : [`owner ${String(owner)}`]),
    ...(parent === undefined || parent === owner ? [] : [`parent ${String(parent)}`]),
    ...(typeof networkId === 'number' ? [`network id ${networkId}`] : []),
    ...(path === undefined ? [] : [printable(path)]),
  ];
  return `<title>${escaped(facts.join('\n'))}</title>`;
}

function together(groups: readonly (readonly Drawing[])[], shape: number): Drawing {
  const { places, width, height } = pack(groups, GAP, shape);
  const drawings = groups.flat();
  return {
    width,
    height,
    draw: (x, y) =>
      drawings
        .map((drawing, index) => drawing.draw(x + (places[index]?.x ?? 0), y + (places[index]?.y ?? 0)))
        .join('\n'),
  };
}

function textAt(style: string, x: number, y: number, text: string): string {
  return `<text class="${style}" x="${x}" y="${y}">${escaped(text)}</text>`;
}

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && columnsOf(line) + 1 + columnsOf(word) <= columns)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(shortened(word, columns));
  }
  return lines;
}

/** The style sheet. Custom properties would be shorter, but some renderers do not know them. */
function styleOf(theme: NonNullable<SvgOptions['theme']>): string {
  const rules = (colors: typeof LIGHT): string =>
    [
      `.page{fill:${colors.page}}.even{fill:${colors.even}}.odd{fill:${colors.odd}}.frame{stroke:${colors.dim}}`,
      `.card{fill:${colors.card};stroke:${colors.edge}}.chip{fill:none;stroke:${colors.edge}}`,
      `text{fill:${colors.text}}.dim{fill:${colors.dim}}.kind{fill:#fff}`,
    ].join('');
  const shapes =
    `text{font:${SIZE}px ${FONTS};white-space:pre}.heading{font-size:15px;font-weight:bold}.name,.kind{font-weight:bold}` +
    '.kind{text-anchor:middle}.empty,.shared{stroke-dasharray:4 3}';
  const colors = rules(theme === 'dark' ? DARK : LIGHT);
  return shapes + colors + (theme === 'auto' ? `@media(prefers-color-scheme:dark){${rules(DARK)}}` : '');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
