import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { discover, lsns } from 'linux-ns/discovery';
import type { Benchmark } from '../benchmark';
import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import type { Chart } from '../measure/chart';
import { type Machine, machineLine, thisMachine } from '../measure/machine';
import { loopGapsDuring } from '../measure/loop-gaps';
import { type Summary, median, ratio, rounded } from '../measure/statistics';
import { type Goal, goalLines, rows } from '../measure/table';
import { BusyHost } from './busy-host';

const PROCESSES = 300;
/** Samples are divided by this: each takes ten times as long as one of a launch. */
const FEWER = 4;

const LSNS = 'lsns()';
const DISCOVER = 'discover()';
const UTIL_LINUX = 'lsns -J';
const COMMAND = 'linux-ns lsns -J';

/** The command line as `npm run build:lib` has made it. */
const MAIN = join(__dirname, '..', '..', 'dist', 'cli', 'main.js');

interface Figures {
  /** lsns() / `lsns -J`, null where that is not installed. */
  lsnsVsUtilLinux: number | null;
  discoverMs: number | null;
  /** The longest that the event loop was blocked in any sample of either. */
  maxBlockMs: number;
}

interface Report extends Figures {
  details: Machine & {
    processes: number;
    namespaces: number;
    /** `linux-ns lsns -J` as a process, its Node started and loaded. */
    commandMs: number;
    latency: Record<string, Summary>;
    blocked: Record<string, Summary>;
  };
}

const GOALS: Record<keyof Figures, Goal> = {
  lsnsVsUtilLinux: { what: 'lsns() / lsns -J', most: 0.5, unit: 'x' },
  discoverMs: { what: 'discover()', unit: ' ms' },
  maxBlockMs: { what: 'longest block of the event loop', most: 10, unit: ' ms' },
};

/** Measures the time to find the namespaces of a busy host. */
export const discovery: Benchmark = {
  summary: `lsns() and discover() with ${PROCESSES} processes in namespaces of their own, against lsns(8)`,
  async run(samples) {
    console.error(`starting ${PROCESSES} processes`);
    const host = await BusyHost.start(PROCESSES);
    try {
      const report = await measure(host, Math.max(1, Math.round(samples / FEWER)));
      return { json: report, text: format(report), charts: [chartOf(report)] };
    } finally {
      await host.close();
    }
  },
};

async function measure(host: BusyHost, rounds: number): Promise<Report> {
  const contestants = [timed(LSNS, lsns), timed(DISCOVER, discover)];
  if (await hasUtilLinux()) contestants.push(timed(UTIL_LINUX, runUtilLinux));
  else console.error('left out: lsns(8) is not installed');
  contestants.push(timed(COMMAND, runCommand));
  const latency = await interleave(contestants, rounds);
  const gaps = await interleave([blockedBy(LSNS, lsns), blockedBy(DISCOVER, discover)], rounds);
  const p50 = (name: string): number | undefined => (latency[name] === undefined ? undefined : median(latency[name]));
  return {
    lsnsVsUtilLinux: ratio(p50(LSNS), p50(UTIL_LINUX)),
    discoverMs: rounded(p50(DISCOVER) ?? NaN),
    maxBlockMs: rounded(Math.max(...Object.values(gaps).flat())),
    details: {
      ...thisMachine(),
      processes: readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length,
      namespaces: host.namespaces,
      commandMs: rounded(p50(COMMAND) ?? NaN),
      latency: summarizeAll(latency),
      blocked: summarizeAll(gaps),
    },
  };
}

function timed(name: string, action: () => Promise<unknown>): Contestant {
  return {
    name,
    async sample() {
      const start = performance.now();
      await action();
      return performance.now() - start;
    },
  };
}

function blockedBy(name: string, action: () => Promise<unknown>): Contestant {
  return { name, sample: async () => (await loopGapsDuring(action)).longest };
}

async function runUtilLinux(): Promise<unknown> {
  const { stdout } = await promisify(execFile)('lsns', ['-J'], { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout);
}

async function runCommand(): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'lsns', '-J'], { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout);
}

async function hasUtilLinux(): Promise<boolean> {
  return runUtilLinux().then(
    () => true,
    () => false,
  );
}

function chartOf({ details: { processes, namespaces, latency } }: Report): Chart {
  return {
    name: 'latency',
    title: `Looking at ${processes} processes, and ${namespaces} namespaces more than usual`,
    unit: 'ms, less is better',
    rows: latency,
    ours: /^(lsns\(\)|discover\(\)|linux-ns)/,
  };
}

function format(report: Report): string {
  const { processes, namespaces, latency, blocked } = report.details;
  return [
    machineLine(report.details),
    `With ${processes} processes, and ${namespaces} namespaces made for this [ms]`,
    ...rows(latency),
    'Event loop blocked [ms]',
    ...rows(blocked),
    'Goals',
    ...goalLines(GOALS, report),
  ].join('\n');
}
