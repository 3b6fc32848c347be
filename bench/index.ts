/** npm run bench -- <name>|all [--json] [--samples N] [--svg] */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { agents } from './agents';
import type { Benchmark, Outcome } from './benchmark';
import { counts } from './counts';
import { discovery } from './discovery';
import { egress } from './egress';
import { lab } from './lab';
import { launch } from './launch';
import { load } from './load';
import { many } from './many';
import { network } from './network';
import { toSVG } from './measure/chart';
import { pools } from './pools';
import { processes } from './process';
import { sandbox } from './sandbox';

const BENCHMARKS: Record<string, Benchmark> = {
  agents,
  counts,
  discovery,
  egress,
  lab,
  launch,
  load,
  many,
  network,
  pools,
  process: processes,
  sandbox,
};
const SAMPLES = 200;
/** The folder of the pictures in docs/performance.md. */
const PICTURES = join(__dirname, '..', 'docs', 'plots');

const HELP = `npm run bench -- <name> [options]

${Object.entries(BENCHMARKS)
  .map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`)
  .join('\n')}
  ${'all'.padEnd(12)} each of them, one after another: about ten minutes

  --json         one JSON object on standard output; all else goes to standard error
  --samples N    samples of each contestant (${SAMPLES})
  --svg          also draws the figures, into docs/plots
  --help         this text

docs/performance.md says what the figures mean.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      samples: { type: 'string' },
      svg: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const [name = ''] = positionals;
  const samples = Number(values.samples ?? SAMPLES);
  const chosen = name === 'all' ? Object.keys(BENCHMARKS) : Object.keys(BENCHMARKS).filter((known) => known === name);
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  if (chosen.length === 0 || positionals.length > 1 || !Number.isSafeInteger(samples) || samples < 1) {
    console.error(HELP);
    return 2;
  }
  const found: Record<string, unknown> = {};
  for (const each of chosen) {
    const outcome = await BENCHMARKS[each]!.run(samples);
    found[each] = outcome.json;
    if (values.svg === true) draw(each, outcome);
    if (values.json !== true) console.log(outcome.text);
  }
  if (values.json === true) console.log(JSON.stringify(name === 'all' ? found : found[name]));
  return 0;
}

function draw(benchmark: string, { charts }: Outcome): void {
  mkdirSync(PICTURES, { recursive: true });
  for (const chart of charts) writeFileSync(join(PICTURES, `${benchmark}-${chart.name}.svg`), toSVG(chart));
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
