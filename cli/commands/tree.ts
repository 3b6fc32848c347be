import { NAMESPACE_KINDS, type NamespaceKind } from 'linux-ns';
import { type NamespaceMap, discover, processTree } from 'linux-ns/discovery';
import { numberOf, oneOf } from '../arguments';
import { type Command, type Given, UsageError } from '../command';
import { print, printJson, printStyled } from '../output';
import { terminalSize } from '../terminal';

const COLORS = ['auto', 'always', 'never'] as const;
const THEMES = ['auto', 'light', 'dark'] as const;

export const treeCommand: Command = {
  name: 'tree',
  summary: 'Print the tree of namespaces and their processes',
  operands: '',
  options: [
    { name: 'json', help: 'print JSON' },
    { name: 'dot', help: 'print a graph for Graphviz' },
    { name: 'svg', help: 'print an SVG image' },
    { name: 'theme', value: 'NAME', completes: THEMES, help: 'use the auto, light or dark theme for SVG' },
    { name: 'by', value: 'KIND', completes: NAMESPACE_KINDS, help: 'group processes by this kind, as pstree -N' },
    {
      name: 'type',
      short: 't',
      value: 'KIND',
      completes: NAMESPACE_KINDS,
      help: 'show only this kind; may be repeated',
    },
    { name: 'processes', value: 'N', help: 'show at most N processes per namespace' },
    { name: 'color', value: 'WHEN', completes: COLORS, help: 'use colors: auto, always or never' },
    { name: 'ascii', short: 'A', help: 'draw lines with ASCII characters' },
  ],
  examples: [
    ['tree', 'by user namespace'],
    ['tree --svg > namespaces.svg', 'an image for a document'],
    ['tree --by pid', 'processes by PID namespace'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  if (given.operands.length > 0) throw new UsageError(`unexpected argument '${given.operands[0] ?? ''}'`);
  const formats = ['json', 'dot', 'svg', 'by'].filter((format) => given.has(format));
  if (formats.filter((format) => format !== 'json').length > 1 || formats.length > 2)
    throw new UsageError(`${formats.map((format) => `--${format}`).join(' and ')} are mutually exclusive`);
  checkWords(given);
  refuseUnused(given);
  await printTree(given);
  return 0;
}

/** The options that have an effect in each format. Other options are refused, because they would have no effect. */
const USES: Readonly<Record<string, readonly string[]>> = {
  text: ['type', 'processes', 'color', 'ascii'],
  by: ['ascii'],
  json: ['type'],
  dot: ['type'],
  svg: ['type', 'processes', 'theme'],
};

function refuseUnused(given: Given): void {
  const format = ['by', 'json', 'dot', 'svg'].find((each) => given.has(each)) ?? 'text';
  for (const option of ['type', 'processes', 'color', 'ascii', 'theme']) {
    if (!given.has(option) || USES[format]?.includes(option) === true) continue;
    const only = format === 'text' ? '--svg' : `a tree without --${format}`;
    throw new UsageError(`--${option} has no effect here: it is for ${only}`);
  }
}

/** Checks values of options, also where the output does not depend on them. */
function checkWords(given: Given): void {
  themeOf(given);
  colorOf(given);
  mostProcesses(given);
  kindsOf(given);
}

function themeOf(given: Given): (typeof THEMES)[number] {
  return oneOf('--theme', given.value('theme') ?? 'auto', THEMES);
}

function colorOf(given: Given): (typeof COLORS)[number] {
  return oneOf('--color', given.value('color') ?? 'auto', COLORS);
}

function mostProcesses(given: Given): number | undefined {
  const most = given.value('processes');
  return most === undefined ? undefined : numberOf('--processes', most);
}

function kindsOf(given: Given): NamespaceKind[] {
  return given.values('type').map((kind) => oneOf('--type', kind, NAMESPACE_KINDS));
}

async function printTree(given: Given): Promise<void> {
  const by = given.value('by');
  if (by === undefined) {
    const kinds = kindsOf(given);
    const map = await discover(kinds.length > 0 ? { kinds } : {});
    if (given.has('json')) printJson(map, 2);
    else printStyled(picture(given, map).split('\n'));
    return;
  }
  const forest = await processTree({ by: oneOf('--by', by, NAMESPACE_KINDS) });
  if (given.has('json')) printJson(forest, 2);
  else print(forest.toText({ ascii: given.has('ascii') }).split('\n'));
}

function picture(given: Given, map: NamespaceMap): string {
  const most = mostProcesses(given);
  const processes = most === undefined ? {} : { processes: most };
  if (given.has('dot')) return map.toDot();
  if (given.has('svg')) return map.toSVG({ theme: themeOf(given), ...processes });
  const width = process.stdout.isTTY ? { width: Math.max(40, terminalSize().cols) } : {};
  return map.toText({ colors: isColored(given), ascii: given.has('ascii'), ...width, ...processes });
}

/** True where the output is colored. NO_COLOR: no-color.org */
function isColored(given: Given): boolean {
  const when = colorOf(given);
  if (when !== 'auto') return when === 'always';
  return process.stdout.isTTY && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';
}
