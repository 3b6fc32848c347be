import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Benchmark } from '../benchmark';
import { type Machine, machineLine, thisMachine } from '../measure/machine';
import { type Counts, KINDS, type Kind, ROLES, type Role, countsOf, total } from './trace';

interface Report {
  /** System calls of each kind of start, by who makes them, but for those that wait and those for memory. */
  systemCalls: Record<Kind, Record<Role, number>> | null;
  details: Machine & { calls: Record<Kind, Counts> | null };
}

/** Times are noise where something else runs; how many system calls a start makes does not depend on the machine. */
export const counts: Benchmark = {
  summary: 'system calls of a start, by who makes them: needs strace',
  async run() {
    const calls = (await hasStrace()) ? await countAll() : null;
    const systemCalls = calls && (mapValues(calls, totals) as Record<Kind, Record<Role, number>>);
    const report: Report = { systemCalls, details: { ...thisMachine(), calls } };
    return { json: report, text: format(report), charts: [] };
  },
};

async function hasStrace(): Promise<boolean> {
  const found = await promisify(execFile)('strace', ['--version']).catch(() => undefined);
  if (found === undefined) console.error('counts: strace is not installed');
  return found !== undefined;
}

async function countAll(): Promise<Record<Kind, Counts>> {
  const all: Partial<Record<Kind, Counts>> = {};
  for (const kind of KINDS) all[kind] = await countsOf(kind);
  return all as Record<Kind, Counts>;
}

function totals(of: Counts): Record<Role, number> {
  return mapValues(of, total);
}

function mapValues<T, R>(of: Readonly<Record<string, T>>, map: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, map(value)]));
}

function format({ systemCalls, details }: Report): string {
  const row = (name: string, cells: readonly unknown[]): string =>
    `  ${name.padEnd(20)}${cells.map((cell) => String(cell).padStart(10)).join('')}`;
  const lines = KINDS.map((kind) =>
    row(
      kind,
      ROLES.map((role) => systemCalls?.[kind][role] ?? 'none'),
    ),
  );
  return [machineLine(details), 'System calls of a start', row('', ROLES), ...lines, ''].join('\n');
}
