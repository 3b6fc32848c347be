/** Judges many programs at a time, in this process. See `measureApart`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';
import { Sandbox, hostUserland } from 'linux-ns';
import { answer } from '../measure/apart';
import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import { FRESH, type JudgeRates, PLAIN, RUN } from './report';

const AT_ONCE = 50;
/** Each round judges all of them with each contestant: seconds. */
const MOST_ROUNDS = 10;
const INPUT = '19 23\n';
const ANSWER = '42\n';

type Program = readonly [file: string, ...args: string[]];

const PROGRAMS: readonly Program[] = [
  ['/usr/bin/python3', '-c', 'a, b = map(int, input().split())\nprint(a + b)'],
  [
    process.execPath,
    '-e',
    "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number); console.log(a + b)",
  ],
];

function expectAnswer(stdout: string): void {
  if (stdout !== ANSWER) throw new Error(`a program has answered ${JSON.stringify(stdout)}`);
}

/**
 * With the environment and a session of its own that a program has in a sandbox: variables make Node load files, and
 * the kernel shares the processors between sessions (CONFIG_SCHED_AUTOGROUP, sched(7)).
 */
async function plain([file, ...args]: Program): Promise<void> {
  const options = { stdio: 'pipe', timeout: 60_000, detached: true, env: { PATH: '/usr/bin:/bin' } } as const;
  const child: ChildProcess = spawn(file, args, options);
  child.stdin!.end(INPUT);
  const [stdout] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]);
  expectAnswer(stdout);
}

async function run(box: Sandbox, [file, ...args]: Program): Promise<void> {
  const limits = { cpu: 10_000, wall: 60_000, memory: 256 * 2 ** 20, output: 65_536 };
  expectAnswer((await box.run(file, args, { input: INPUT, limits })).stdout);
}

async function fresh(program: Program): Promise<void> {
  await using box = await Sandbox.create(hostUserland());
  await run(box, program);
}

/** Programs per second, of many that are started at once. */
function judging(name: string, judge: (program: Program) => Promise<void>): Contestant {
  return {
    name,
    sample: async () => {
      const began = performance.now();
      await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => judge(PROGRAMS[at % PROGRAMS.length]!)));
      return (AT_ONCE * 1000) / (performance.now() - began);
    },
  };
}

async function measure(samples: number): Promise<JudgeRates> {
  await using box = await Sandbox.create(hostUserland());
  const contestants = [judging(PLAIN, plain), judging(RUN, (program) => run(box, program)), judging(FRESH, fresh)];
  const { limitedBy } = await box.run('true');
  return { limitedBy, perSecond: summarizeAll(await interleave(contestants, Math.min(samples, MOST_ROUNDS))) };
}

void answer(measure);
