/** npm run bench -- <name> [--json] [--samples N] */
import { parseArgs } from 'node:util';
import type { Benchmark } from './benchmark';
import { discovery } from './discovery';
import { launch } from './launch';
import { network } from './network';
import { processes } from './process';
import { sandbox } from './sandbox';

const BENCHMARKS: Record<string, Benchmark> = { discovery, launch, network, process: processes, sandbox };
const SAMPLES = 200;

const HELP = `npm run bench -- <name> [options]

${Object.entries(BENCHMARKS)
  .map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`)
  .join('\n')}

  --json         one JSON object on standard output; all else goes to standard error
  --samples N    samples of each contestant (${SAMPLES})
  --help         this text

docs/performance.md says what the figures mean.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean' }, samples: { type: 'string' }, help: { type: 'boolean' } },
  });
  const [name = ''] = positionals;
  const samples = Number(values.samples ?? SAMPLES);
  const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  if (benchmark === undefined || positionals.length > 1 || !Number.isSafeInteger(samples) || samples < 1) {
    console.error(HELP);
    return 2;
  }
  const { json, text } = await benchmark.run(samples);
  console.log(values.json === true ? JSON.stringify(json) : text);
  return 0;
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
