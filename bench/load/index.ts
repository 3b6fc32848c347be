import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Benchmark } from '../benchmark';
import type { Chart } from '../measure/chart';
import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import { type Machine, machineLine, thisMachine } from '../measure/machine';
import { type Summary, median, ratio } from '../measure/statistics';
import { type Goal, goalLines, rows } from '../measure/table';

/** The package as `npm run build:lib` leaves it. */
const MANIFEST = require.resolve('linux-ns/package.json');
const PACKAGE = dirname(MANIFEST);

const EMPTY = 'node -e 0';
const REQUIRE = "require('linux-ns')";
const IMPORT = "import('linux-ns')";
const FIRST_PROGRAM = "require and the first execFile('true')";
const COMMAND = 'linux-ns lsns';

/** Programs that print how long something took inside of them, in ms, and how many files Node has loaded for it. */
const SCRIPTS = {
  [REQUIRE]: `require('linux-ns'); told();`,
  [IMPORT]: `import('linux-ns').then(told);`,
  [FIRST_PROGRAM]: `require('linux-ns').execFile('true').then(told);`,
};

const TELL = `const began = performance.now(); const told = () =>
  console.log(JSON.stringify({ ms: performance.now() - began, modules: Object.keys(require.cache) }));`;

interface Told {
  ms: number;
  modules: string[];
}

interface Figures {
  /** The time of require('linux-ns') / that of a whole empty Node. */
  loadVsEmptyNode: number | null;
  /** The whole command / a whole empty Node. */
  cliVsEmptyNode: number | null;
  /** Files that Node loads for require('linux-ns'). */
  modulesLoaded: number;
}

interface Report extends Figures {
  details: Machine & {
    /** Milliseconds. */
    latency: Record<string, Summary>;
    /** Files that Node loads for the require of each door. */
    modules: Record<string, number>;
  };
}

const GOALS: Record<keyof Figures, Goal> = {
  loadVsEmptyNode: { what: "require('linux-ns') / a whole node -e 0", most: 0.25, unit: 'x' },
  cliVsEmptyNode: { what: 'linux-ns lsns / node -e 0', most: 1.5, unit: 'x' },
  modulesLoaded: { what: "files loaded by require('linux-ns')", most: 25, unit: '' },
};

/** The cost of loading the package, which each Node, each Worker and each call of the command line pays. */
export const load: Benchmark = {
  summary: 'loading the package, and the command line, against an empty Node',
  async run(samples) {
    const report = await measure(samples);
    return { json: report, text: format(report), charts: [chartOf(report)] };
  },
};

async function measure(rounds: number): Promise<Report> {
  const { bin } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { bin: Record<string, string> };
  const latency = await interleave(
    [
      wholeProcess(EMPTY, ['-e', '0']),
      wholeProcess(COMMAND, [join(PACKAGE, bin['linux-ns']!), 'lsns']),
      ...Object.entries(SCRIPTS).map(([name, script]) => insideOf(name, script)),
    ],
    rounds,
  );
  const p50 = (name: string): number => median(latency[name]!);
  const modules = await modulesOfDoors();
  return {
    loadVsEmptyNode: ratio(p50(REQUIRE), p50(EMPTY)),
    cliVsEmptyNode: ratio(p50(COMMAND), p50(EMPTY)),
    modulesLoaded: modules['linux-ns']!,
    details: { ...thisMachine(), latency: summarizeAll(latency), modules },
  };
}

function wholeProcess(name: string, args: string[]): Contestant {
  return {
    name,
    async sample() {
      const began = performance.now();
      await node(args);
      return performance.now() - began;
    },
  };
}

function insideOf(name: string, script: string): Contestant {
  return { name, sample: async () => (await tellOf(script)).ms };
}

/** The number of files for each door, by the name that a program imports. */
async function modulesOfDoors(): Promise<Record<string, number>> {
  const { exports: doors } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { exports: Record<string, unknown> };
  const names = Object.keys(doors).filter((door) => !door.endsWith('.json'));
  const counts = names.map(async (door) => {
    const name = `linux-ns${door.slice(1)}`;
    const { modules } = await tellOf(`require('${name}'); told();`);
    return [name, modules.length] as const;
  });
  return Object.fromEntries(await Promise.all(counts));
}

async function tellOf(script: string): Promise<Told> {
  return JSON.parse(await node(['-e', `${TELL}${script}`])) as Told;
}

/** Runs Node in the folder of the package, where the package finds itself by its name. */
async function node(args: string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, args, { cwd: PACKAGE, maxBuffer: 2 ** 26 })).stdout;
}

function chartOf({ details: { latency } }: Report): Chart {
  return {
    name: 'latency',
    title: 'Loading the package',
    unit: 'ms, less is better',
    rows: latency,
    ours: /linux-ns|execFile/,
  };
}

function format(report: Report): string {
  const { latency, modules } = report.details;
  return [
    machineLine(report.details),
    'Loading [ms]',
    ...rows(latency),
    'Files loaded',
    ...Object.entries(modules).map(([door, count]) => `  ${door.padEnd(46)}${String(count).padStart(10)}`),
    '',
    'Goals',
    ...goalLines(GOALS, report),
  ].join('\n');
}
