import { COMMON, type Command, type Option } from './command';
import { wrap } from './wrap';

/** The width of the help in columns, with indent and gap. */
const WIDTH = 80;

/** The width of the command in an example, in columns. */
const EXAMPLE = 46;

/** The output of `linux-ns COMMAND --help`: the most common options, which fit on one screen, or all options. */
export function helpOf({ name, operands, summary, options, notes, examples }: Command, all: boolean): string[] {
  const every = [...options, ...COMMON];
  const usual = every.filter(({ rare }) => rare !== true);
  // A second page is not worth it where it would only add --version.
  const hasTwoPages = every.length - usual.length > 1;
  const shown = all || !hasTwoPages ? every : usual;
  const rows = shown.map((option) => rowOf(option, hasTwoPages ? every.length : undefined));
  const column = Math.min(30, Math.max(...rows.map(([left]) => left.length)) + 2);
  return [
    `Usage: linux-ns ${name} [options]${operands === '' ? '' : ` ${operands}`}`,
    `${summary}.`,
    '',
    ...rows.flatMap(([option, does]) => columns(option, does, column)),
    '',
    ...(notes === undefined ? [] : [...notes, '']),
    ...examples.flatMap(([command, does]) => example(command, does)),
  ];
}

/** The output of `linux-ns --help`. */
export function overview(commands: readonly Pick<Command, 'name' | 'summary'>[]): string[] {
  return [
    'Usage: linux-ns COMMAND [options] [ARGUMENT...]',
    'Create, enter and inspect Linux namespaces.',
    '',
    ...commands.flatMap(({ name, summary }) => columns(name, summary, 12)),
    '',
    ...columns('-h, --help', 'show this help, or with COMMAND that of a command', 16),
    ...columns('-V, --version', 'show the version', 16),
    '',
    '  linux-ns unshare -Urmpf --mount-proc bash    a root shell in new namespaces',
    '  linux-ns doctor                              check what this host allows',
  ];
}

function rowOf(option: Option, count: number | undefined): readonly [left: string, right: string] {
  const short = option.short === undefined ? '   ' : `-${option.short},`;
  if (option.name !== 'help') return [`${short} --${option.name}${valueOf(option)}`, option.help];
  if (count === undefined) return [`${short} --help`, option.help];
  return [`${short} --help${valueOf(option)}`, `${option.help}, or all ${count} options`];
}

function valueOf({ value, optional }: Option): string {
  if (value === undefined) return '';
  return optional === true ? `[=${value}]` : ` ${value}`;
}

function columns(left: string, right: string, column: number): string[] {
  const lines = wrap(right, WIDTH - column - 2);
  const first = left.length + 2 > column ? [` ${left}`] : [];
  const head = first.length > 0 ? ' '.repeat(column + 1) : ` ${left.padEnd(column)}`;
  return [...first, ...lines.map((line, index) => (index === 0 ? head : ' '.repeat(column + 1)) + line)];
}

function example(command: string, does: string): string[] {
  const line = `  linux-ns ${command}`;
  return line.length < EXAMPLE && EXAMPLE + 1 + does.length <= WIDTH
    ? [`${line.padEnd(EXAMPLE)} ${does}`]
    : [line, `      ${does}`];
}
