import { COMMON, type Command, type Option } from './command';
import { wrap } from './wrap';

/** Columns of help, the indent and the gap included. */
const WIDTH = 80;

/** Columns of an example, what it does left out. */
const EXAMPLE = 46;

/** What `linux-ns COMMAND --help` prints: as much as a terminal shows at once, or with `all` every option. */
export function helpOf({ name, operands, summary, options, examples }: Command, all: boolean): string {
  const every = [...options, ...COMMON];
  const usual = every.filter(({ rare }) => rare !== true);
  // For --version alone there are no two helps.
  const shown = all || every.length - usual.length === 1 ? every : usual;
  const rows = shown.map((option) => rowOf(option, every.length));
  const column = Math.min(30, Math.max(...rows.map(([left]) => left.length)) + 2);
  return [
    `Usage: linux-ns ${name} [options]${operands === '' ? '' : ` ${operands}`}`,
    `${summary}.`,
    '',
    ...rows.flatMap(([option, does]) => columns(option, does, column)),
    '',
    ...examples.flatMap(([command, does]) => example(command, does)),
  ].join('\n');
}

/** What `linux-ns --help` prints. */
export function overview(commands: readonly Pick<Command, 'name' | 'summary'>[]): string {
  return [
    'Usage: linux-ns COMMAND [options] ...',
    'Linux namespaces: make them, enter them, see them.',
    '',
    ...commands.flatMap(({ name, summary }) => columns(name, summary, 12)),
    '',
    ...columns('-h, --help', 'show this help, or that of a command', 16),
    ...columns('-V, --version', 'show the version', 16),
    '',
    '  linux-ns unshare -Urmpf --mount-proc bash    a shell that is root, on its own',
    '  linux-ns doctor                              what this host allows you',
  ].join('\n');
}

function rowOf(option: Option, count: number): readonly [left: string, right: string] {
  return [
    `${option.short === undefined ? '   ' : `-${option.short},`} --${option.name}${valueOf(option)}`,
    option.name === 'help' ? `${option.help}, or of all ${count} options` : option.help,
  ];
}

function valueOf({ value, optional }: Option): string {
  if (value === undefined) return '';
  return optional === true ? `[=${value}]` : ` ${value}`;
}

function columns(left: string, right: string, column: number): string[] {
  const lines = wrap(right, WIDTH - column - 2);
  const first = left.length + 2 > column + 2 ? [` ${left}`] : [];
  const head = first.length > 0 ? ' '.repeat(column + 1) : ` ${left.padEnd(column)}`;
  return [...first, ...lines.map((line, index) => (index === 0 ? head : ' '.repeat(column + 1)) + line)];
}

function example(command: string, does: string): string[] {
  const line = `  linux-ns ${command}`;
  return line.length < EXAMPLE && EXAMPLE + 1 + does.length <= WIDTH
    ? [`${line.padEnd(EXAMPLE)} ${does}`]
    : [line, `      ${does}`];
}
