import { NAMESPACE_KINDS, type NamespaceMap, discover, processTree } from 'linux-ns';
import { numberOf, oneOf } from '../arguments';
import { type Command, type Given, UsageError } from '../command';

const COLORS = ['auto', 'always', 'never'] as const;
const THEMES = ['auto', 'light', 'dark'] as const;

export const treeCommand: Command = {
  name: 'tree',
  summary: 'Draw the tree of namespaces and their processes',
  operands: '',
  options: [
    { name: 'json', help: 'all that was found, as JSON' },
    { name: 'dot', help: 'a graph for Graphviz' },
    { name: 'svg', help: 'a picture' },
    { name: 'theme', value: 'NAME', completes: THEMES, help: 'of the picture: auto, light or dark' },
    { name: 'by', value: 'KIND', completes: NAMESPACE_KINDS, help: 'processes by one kind of namespace, as pstree -N' },
    { name: 'type', short: 't', value: 'KIND', completes: NAMESPACE_KINDS, help: 'only these kinds; may be repeated' },
    { name: 'processes', value: 'N', help: 'at most so many processes of each' },
    { name: 'color', value: 'WHEN', completes: COLORS, help: 'auto, always or never' },
    { name: 'ascii', short: 'A', help: 'lines of ASCII letters' },
  ],
  examples: [
    ['tree', 'user namespaces, and what is in them'],
    ['tree --svg > namespaces.svg', 'for a document'],
    ['tree --by pid', 'who runs in which container'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  if (given.operands.length > 0) throw new UsageError(`there is nothing to be named: '${given.operands[0] ?? ''}'`);
  const formats = ['json', 'dot', 'svg', 'by'].filter((format) => given.has(format));
  if (formats.filter((format) => format !== 'json').length > 1 || formats.length > 2)
    throw new UsageError(`${formats.map((format) => `--${format}`).join(' and ')} exclude each other`);
  process.stdout.write(`${await drawn(given)}\n`);
  return 0;
}

async function drawn(given: Given): Promise<string> {
  const by = given.value('by');
  if (by !== undefined) {
    const forest = await processTree({ by: oneOf('--by', by, NAMESPACE_KINDS) });
    return given.has('json') ? JSON.stringify(forest, null, 2) : forest.toText({ ascii: given.has('ascii') });
  }
  const kinds = given.values('type').map((kind) => oneOf('--type', kind, NAMESPACE_KINDS));
  return picture(given, await discover(kinds.length > 0 ? { kinds: kinds } : {}));
}

function picture(given: Given, map: NamespaceMap): string {
  const most = given.value('processes');
  const processes = most === undefined ? {} : { processes: numberOf('--processes', most) };
  if (given.has('json')) return JSON.stringify(map, null, 2);
  if (given.has('dot')) return map.toDot();
  if (given.has('svg'))
    return map.toSVG({ theme: oneOf('--theme', given.value('theme') ?? 'auto', THEMES), ...processes });
  const width = process.stdout.isTTY ? { width: Math.max(40, process.stdout.columns) } : {};
  return map.toText({ colors: isColored(given), ascii: given.has('ascii'), ...width, ...processes });
}

/** NO_COLOR: no-color.org */
function isColored(given: Given): boolean {
  const when = oneOf('--color', given.value('color') ?? 'auto', COLORS);
  if (when !== 'auto') return when === 'always';
  return process.stdout.isTTY && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';
}
