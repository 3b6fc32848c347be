import { NAMESPACE_KINDS, type NamespaceKind } from 'linux-ns';
import { type LsnsRow, discover, lsns } from 'linux-ns/discovery';
import { numberOf, oneOf, processId } from '../arguments';
import { type Command, type Given, UsageError } from '../command';
import { type Filter, parseFilter } from '../filter';
import { print, printJson } from '../output';
import { type Column, tableOf } from '../table';
import { terminalSize } from '../terminal';

type Relation = 'parent' | 'owner' | 'process';

type Name =
  'NS' | 'TYPE' | 'PATH' | 'NPROCS' | 'PID' | 'PPID' | 'COMMAND' | 'UID' | 'USER' | 'NETNSID' | 'NSFS' | 'PNS' | 'ONS';

interface ColumnInfo extends Column {
  readonly title: Name;
  readonly key: keyof LsnsRow;
  readonly help: string;
}

const COLUMNS: readonly ColumnInfo[] = [
  { title: 'NS', key: 'ns', width: 10, right: true, help: 'namespace identifier (inode number)' },
  { title: 'TYPE', key: 'type', width: 5, right: false, help: 'kind of namespace' },
  { title: 'PATH', key: 'path', width: 0, right: false, help: 'path to the namespace' },
  { title: 'NPROCS', key: 'nprocs', width: 5, right: true, help: 'number of processes in the namespace' },
  { title: 'PID', key: 'pid', width: 5, right: true, help: 'lowest PID in the namespace' },
  { title: 'PPID', key: 'ppid', width: 5, right: true, help: 'PPID of the PID' },
  { title: 'COMMAND', key: 'command', width: 0, right: false, help: 'command line of the PID' },
  { title: 'UID', key: 'uid', width: 0, right: true, help: 'UID of the PID' },
  { title: 'USER', key: 'user', width: 0, right: false, help: 'username of the PID' },
  { title: 'NETNSID', key: 'netnsid', width: 0, right: true, help: 'namespace ID as used by the network subsystem' },
  {
    title: 'NSFS',
    key: 'nsfs',
    width: 0,
    right: false,
    help: 'nsfs mount point (usually used by the network subsystem)',
  },
  { title: 'PNS', key: 'pns', width: 10, right: true, help: 'parent namespace identifier (inode number)' },
  { title: 'ONS', key: 'ons', width: 10, right: true, help: 'owner namespace identifier (inode number)' },
];

const NAMES = COLUMNS.map(({ title }) => title);

/** A line of output: a namespace; or a process, where a namespace is given as operand. */
interface Line {
  readonly row: LsnsRow;
  readonly parent: Line | undefined;
  readonly children: Line[];
}

export const lsnsCommand: Command = {
  name: 'lsns',
  summary: 'List namespaces, or the processes of one',
  operands: '[NAMESPACE]',
  options: [
    { name: 'json', short: 'J', help: 'print JSON' },
    { name: 'list', short: 'l', help: 'print a list, not a tree' },
    { name: 'noheadings', short: 'n', help: 'do not print headings' },
    { name: 'output', short: 'o', value: 'LIST', completes: NAMES, help: 'print these columns; +LIST: add them' },
    { name: 'output-all', help: 'print all columns' },
    { name: 'persistent', short: 'P', help: 'show only namespaces without processes' },
    { name: 'task', short: 'p', value: 'PID', completes: 'process', help: 'show only namespaces of process PID' },
    { name: 'filter', short: 'Q', value: 'EXPR', help: 'show only rows that match EXPR' },
    { name: 'raw', short: 'r', help: 'separate columns by one space' },
    { name: 'notruncate', short: 'u', help: 'do not truncate command lines' },
    { name: 'nowrap', short: 'W', help: 'print several paths in one line' },
    {
      name: 'type',
      short: 't',
      value: 'KIND',
      completes: NAMESPACE_KINDS,
      help: 'show only this kind; may be repeated',
    },
    {
      ...{ name: 'tree', short: 'T', value: 'BY', optional: true, completes: ['parent', 'owner', 'process'] },
      help: 'print a tree by parent, owner or process',
    },
    { name: 'list-columns', short: 'H', help: 'list the available columns' },
  ],
  notes: ['Available output columns:', ...COLUMNS.map(({ title, help }) => ` ${title.padStart(10)}  ${help}`)],
  examples: [
    ['lsns -t net -o NS,PID,NSFS', 'network namespaces and their mount points'],
    ['lsns -Q \'NPROCS > 5 and USER ne "root"\'', 'filter by columns'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  refusePairs(given);
  if (given.has('list-columns')) return printColumns(given);
  const [wanted, ...rest] = given.operands;
  if (rest.length > 0) throw new UsageError('only one namespace can be specified');
  if (wanted !== undefined && given.has('task')) throw new UsageError('--task and a namespace are mutually exclusive');
  const kinds = given.values('type').map((kind) => oneOf('--type', kind, NAMESPACE_KINDS));
  const columns = columnsOf(given, wanted !== undefined, kinds);
  const filter = filterOf(given);
  const relation = relationOf(given);
  const rows =
    wanted === undefined
      ? await namespaces(given, kinds, relation)
      : await processes(numberOf('the namespace', wanted));
  const kept = rows.filter((row) => filter((name) => row[keyOf(name)]));
  printRows(
    given,
    columns,
    relation,
    wanted === undefined ? linesOf(kept, relation) : linesOf(kept, relation && 'process'),
  );
  return 0;
}

function refusePairs(given: Given): void {
  for (const [a, b] of [
    ['json', 'raw'],
    ['persistent', 'task'],
    ['list', 'tree'],
  ] as const) {
    if (given.has(a) && given.has(b)) throw new UsageError(`--${a} and --${b} are mutually exclusive`);
  }
}

/** The namespaces. In a tree those of a process come with the ones above them, as lsns(8) has it. */
async function namespaces(
  given: Given,
  kinds: readonly NamespaceKind[],
  relation: Relation | undefined,
): Promise<LsnsRow[]> {
  const pid = given.value('task');
  const options = { ...(kinds.length > 0 ? { kinds } : {}), persistent: given.has('persistent') };
  if (pid === undefined) return lsns(options);
  const own = await lsns({ ...options, pid: processId('--task', pid) });
  if (relation !== 'parent' && relation !== 'owner') return own;
  const all = await lsns(options);
  const kept = new Set<number>();
  for (const { ns } of own) keepWithAbove(ns, all, relation, kept);
  return all.filter(({ ns }) => kept.has(ns));
}

function keepWithAbove(ns: number, all: readonly LsnsRow[], relation: 'parent' | 'owner', kept: Set<number>): void {
  const row = all.find((candidate) => candidate.ns === ns);
  if (row === undefined || kept.has(ns)) return;
  kept.add(ns);
  keepWithAbove(aboveOf(row, relation), all, relation, kept);
}

function aboveOf({ pns, ons }: LsnsRow, relation: 'parent' | 'owner'): number {
  return relation === 'parent' ? pns : ons;
}

/** The processes of a namespace, one in each row. */
async function processes(id: number): Promise<LsnsRow[]> {
  const map = await discover({ mounts: 'own', tasks: false, forChildren: false });
  const found = map.namespaces.find((namespace) => Number(namespace.id) === id);
  if (found === undefined) throw new UsageError(`no namespace ${id} found`);
  const of = { ns: id, type: found.kind, nprocs: found.processes.length, netnsid: null, nsfs: null };
  const related = { pns: Number(found.parent?.id ?? 0), ons: Number(found.owner?.id ?? 0) };
  return found.processes.map(({ pid, ppid, uid, user, command }) => ({
    ...of,
    ...related,
    ...{ path: `/proc/${pid}/ns/${found.kind}`, pid, ppid, uid, user: user ?? String(uid), command: command ?? null },
  }));
}

function columnsOf(given: Given, ofProcesses: boolean, kinds: readonly NamespaceKind[]): ColumnInfo[] {
  const list = given.value('output');
  const network: Name[] = kinds.includes('net') ? ['NETNSID', 'NSFS'] : [];
  const usual: Name[] = ofProcesses
    ? ['PID', 'PPID', 'USER', 'COMMAND']
    : ['NS', 'TYPE', 'NPROCS', 'PID', 'USER', ...network, 'COMMAND'];
  const base = given.has('output-all') ? NAMES : usual;
  const names =
    list === undefined ? base : list.startsWith('+') ? [...base, ...list.slice(1).split(',')] : list.split(',');
  return names.map((name) => {
    const column = COLUMNS.find(({ title }) => title === name.toUpperCase());
    if (column === undefined) throw new UsageError(`unknown column '${name}': see linux-ns lsns --list-columns`);
    return column;
  });
}

function filterOf(given: Given): Filter {
  const text = given.value('filter');
  return text === undefined ? () => true : parseFilter(text, NAMES);
}

function keyOf(name: string): keyof LsnsRow {
  return COLUMNS.find(({ title }) => title === name)?.key ?? 'ns';
}

/**
 * The relation by which rows form a tree; undefined for a list. As in lsns(8), it is a tree unless columns or a list
 * are requested.
 */
function relationOf(given: Given): Relation | undefined {
  if (given.has('tree')) return oneOf('--tree', given.value('tree') ?? 'owner', ['parent', 'owner', 'process']);
  const chosen =
    given.has('list') || ((given.has('output-all') || isWhole(given.value('output'))) && given.operands.length === 0);
  return chosen ? undefined : 'process';
}

function isWhole(list: string | undefined): boolean {
  return list !== undefined && !list.startsWith('+');
}

/** The lines of the output. By process, a row is below the last row before it whose PID is the PPID of this one. */
function linesOf(rows: readonly LsnsRow[], relation: Relation | undefined): Line[] {
  const known = new Map<number, Line>();
  const lines = new Map<LsnsRow, Line>();
  const add = (row: LsnsRow): Line => {
    const before = lines.get(row);
    if (before !== undefined) return before;
    const parent = parentOf(row);
    const line: Line = { row, parent, children: [] };
    parent?.children.push(line);
    lines.set(row, line);
    const key = relation === 'process' ? row.pid : row.ns;
    if (key !== null) known.set(key, line);
    return line;
  };
  const parentOf = (row: LsnsRow): Line | undefined => {
    if (relation === 'process') return row.ppid === null ? undefined : known.get(row.ppid);
    if (relation === undefined) return undefined;
    const above = rows.find(({ ns }) => ns === aboveOf(row, relation));
    return above === undefined || above === row ? undefined : add(above);
  };
  return rows.map(add);
}

function printRows(
  given: Given,
  columns: readonly ColumnInfo[],
  relation: Relation | undefined,
  lines: readonly Line[],
): void {
  const flat = (row: LsnsRow): object => Object.fromEntries(columns.map(({ key }) => [key, jsonOf(given, key, row)]));
  // As in lsns(8): a row with rows below it has them as `children`, after its columns.
  const nested = ({ row, children }: Line): object =>
    children.length === 0 ? flat(row) : { ...flat(row), children: children.map(nested) };
  if (given.has('json')) {
    printJson(
      { namespaces: given.has('tree') ? lines.filter(isTop).map(nested) : lines.map(({ row }) => flat(row)) },
      3,
    );
    return;
  }
  const raw = given.has('raw');
  const oneLine = raw || given.has('nowrap');
  const inTree = relation === undefined || raw ? undefined : relation === 'process' ? 'command' : 'ns';
  const rows = drawn(lines, inTree !== undefined).map(({ row, branch }) =>
    columns.map(({ key }) => {
      const value = String(row[key] ?? '');
      const text = key === 'nsfs' && oneLine ? value.replaceAll('\n', ',') : value;
      return key === inTree ? branch + text : text;
    }),
  );
  const shown = columns.map((column) =>
    inTree === 'ns' && column.key === 'ns' ? { ...column, right: false } : column,
  );
  const width = process.stdout.isTTY && !given.has('notruncate') ? terminalSize().cols : undefined;
  const output = tableOf(shown, rows, { headings: !given.has('noheadings'), raw, width });
  print(output);
}

function jsonOf(given: Given, key: keyof LsnsRow, row: LsnsRow): unknown {
  const value = row[key];
  return key === 'nsfs' && given.has('nowrap') && typeof value === 'string' ? value.replaceAll('\n', ',') : value;
}

interface Drawn {
  readonly row: LsnsRow;
  readonly branch: string;
}

function drawn(lines: readonly Line[], asTree: boolean): Drawn[] {
  if (!asTree) return lines.map(({ row }) => ({ row, branch: '' }));
  return lines.filter(isTop).flatMap((line) => below(line, '', ''));
}

function isTop({ parent }: Line): boolean {
  return parent === undefined;
}

function below({ row, children }: Line, branch: string, indent: string): Drawn[] {
  const last = children.length - 1;
  return [
    { row, branch },
    ...children.flatMap((child, index) =>
      below(child, indent + (index === last ? '└─' : '├─'), indent + (index === last ? '  ' : '│ ')),
    ),
  ];
}

function printColumns(given: Given): number {
  const style = { headings: false, raw: given.has('raw'), width: undefined };
  const columns = ['HOLDER', 'DESCRIPTION'].map((title, index) => ({ title, width: 0, right: index === 0 }));
  const lines = tableOf(
    columns,
    COLUMNS.map(({ title, help }) => [title, help]),
    style,
  );
  print(lines);
  return 0;
}
