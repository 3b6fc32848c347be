import { type HostCheck, type HostReport, type Verdict, inspectHost } from 'linux-ns';
import { type Command, type Given, UsageError } from '../command';
import { wrap } from '../wrap';

const MARKS: Readonly<Record<Verdict, readonly [mark: string, color: number]>> = {
  ok: ['ok', 32],
  limited: ['limited', 33],
  no: ['no', 31],
  unknown: ['unknown', 35],
};

const MOST_COLUMNS = 100;

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Tell what this host allows, and what to do about the rest',
  operands: '',
  options: [
    { name: 'json', help: 'print JSON' },
    { name: 'all', short: 'a', help: 'say how each was found' },
  ],
  examples: [
    ['doctor', 'status 1 if something does not work'],
    ['doctor --json | jq \'.checks[] | select(.verdict != "ok")\'', 'for a program'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  const [operand] = given.operands;
  if (operand !== undefined) throw new UsageError(`there is nothing to be named: '${operand}'`);
  const report = await inspectHost();
  process.stdout.write(given.has('json') ? `${JSON.stringify(report, null, 2)}\n` : textOf(report, given.has('all')));
  return report.verdict === 'no' ? 1 : 0;
}

function textOf({ kernel, arch, node, uid, checks }: HostReport, all: boolean): string {
  const width = Math.max(...checks.map(({ title }) => title.length));
  return [
    `Linux ${kernel} on ${arch}, Node ${node}, uid ${uid}`,
    '',
    ...checks.flatMap((check) => linesOf(check, width, all)),
    '',
    summaryOf(checks),
    '',
  ].join('\n');
}

function linesOf({ title, verdict, found, tried, remedy }: HostCheck, width: number, all: boolean): string[] {
  const [mark, color] = MARKS[verdict];
  const more = [...(all ? [`Found: ${tried}.`] : []), ...(remedy === undefined ? [] : [remedy])];
  const columns = Math.min(MOST_COLUMNS, process.stdout.isTTY ? process.stdout.columns : MOST_COLUMNS);
  return [
    ` ${colored(mark.padEnd(8), color)} ${title.padEnd(width)}  ${found}`,
    ...more.flatMap((text) => wrap(text, Math.max(30, columns - 12))).map((line) => `            ${line}`),
  ];
}

function summaryOf(checks: readonly HostCheck[]): string {
  const count = (verdict: Verdict): number => checks.filter((check) => check.verdict === verdict).length;
  return `${count('ok')} work, ${count('limited')} in part, ${count('no')} do not.`;
}

function colored(text: string, color: number): string {
  const colors = process.stdout.isTTY && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';
  return colors ? `\u001b[${color}m${text}\u001b[0m` : text;
}
