import { type HostCheck, type HostReport, type Verdict, inspectHost } from 'linux-ns';
import { type Command, type Given, UsageError } from '../command';
import { printJson, printStyled, printable } from '../output';
import { terminalSize } from '../terminal';
import { wrap } from '../wrap';

const MARKS: Readonly<Record<Verdict, readonly [mark: string, color: number]>> = {
  ok: ['ok', 32],
  limited: ['limited', 33],
  no: ['no', 31],
  unknown: ['unknown', 35],
};

const VERDICTS: readonly Verdict[] = ['ok', 'limited', 'no', 'unknown'];

const MOST_COLUMNS = 100;

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Report what this host allows, and how to enable the rest',
  operands: '',
  options: [
    { name: 'json', help: 'print JSON' },
    { name: 'all', short: 'a', help: 'show how each check was made' },
  ],
  examples: [
    ['doctor', 'exit status 1 if something does not work'],
    ['doctor --json | jq \'.checks[] | select(.verdict != "ok")\'', 'print the checks that are not ok'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  const [operand] = given.operands;
  if (operand !== undefined) throw new UsageError(`unexpected argument '${operand}'`);
  const report = await inspectHost();
  if (given.has('json')) printJson(report, 2);
  else printStyled(textOf(report, given.has('all')));
  return report.verdict === 'no' ? 1 : 0;
}

function textOf({ kernel, arch, node, uid, checks }: HostReport, all: boolean): string[] {
  const width = Math.max(...checks.map(({ title }) => title.length));
  return [
    `Linux ${kernel} on ${arch}, Node ${node}, uid ${uid}`,
    '',
    ...checks.flatMap((check) => linesOf(check, width, all)),
    '',
    summaryOf(checks),
  ];
}

function linesOf({ title, verdict, found, tried, remedy }: HostCheck, width: number, all: boolean): string[] {
  const [mark, color] = MARKS[verdict];
  const more = [...(all ? [`Test: ${tried}.`] : []), ...(remedy === undefined ? [] : [remedy])].map(printable);
  const columns = process.stdout.isTTY ? Math.min(MOST_COLUMNS, terminalSize().cols) : MOST_COLUMNS;
  const [first = '', ...rest] = wrap(printable(found), Math.max(20, columns - width - 12));
  return [
    ` ${colored(mark.padEnd(8), color)} ${title.padEnd(width)}  ${first}`,
    ...rest.map((line) => `${' '.repeat(width + 12)}${line}`),
    ...more.flatMap((text) => wrap(text, Math.max(30, columns - 12))).map((line) => `            ${line}`),
  ];
}

function summaryOf(checks: readonly HostCheck[]): string {
  const counts = VERDICTS.map(
    (verdict) => [checks.filter((check) => check.verdict === verdict).length, verdict] as const,
  );
  const present = counts.filter(([count]) => count > 0).map(([count, verdict]) => `${count} ${MARKS[verdict][0]}`);
  return `${checks.length} checks: ${present.join(', ')}`;
}

function colored(text: string, color: number): string {
  const colors = process.stdout.isTTY && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';
  return colors ? `\u001b[${color}m${text}\u001b[0m` : text;
}
