/**
 * npm run test:faults -- [kind …] [--shard 1/4] [--from 100] [--most 50] [--match 'prctl:23'] [--verbose]
 *
 * Makes every system call fail that starting something takes, one at a time, with each error that it may give, and
 * looks what comes of it: docs/faults.md.
 */
import { parseArgs } from 'node:util';
import { KINDS_HERE } from '../test/faults/kinds';
import { runFaults } from '../test/faults/run';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    shard: { type: 'string', default: '1/1' },
    from: { type: 'string', default: '0' },
    most: { type: 'string' },
    match: { type: 'string', default: '' },
    patience: { type: 'string', default: '30' },
    verbose: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const [shard = 1, shards = 1] = values.shard.split('/').map(Number);
  const unknown = positionals.filter((name) => !KINDS_HERE.some((kind) => kind.name === name));
  if (unknown.length > 0)
    throw new Error(`no such kind: ${unknown.join(', ')}; ${KINDS_HERE.map(({ name }) => name).join(', ')}`);
  const started = Date.now();
  const result = await runFaults({
    ...(positionals.length === 0 ? {} : { kinds: positionals }),
    from: Number(values.from) + shard - 1,
    step: shards,
    most: values.most === undefined ? Infinity : Number(values.most),
    match: values.match,
    patience: Number(values.patience) * 1000,
    tell: ({ kind, index, of, fault, came, breach }) => {
      if (values.verbose || breach !== undefined) console.log(`${kind} ${index + 1}/${of} ${fault}: ${breach ?? came}`);
    },
  });
  const came = Object.entries(result.came).sort(([, a], [, b]) => b - a);
  console.log(
    `${result.tried} faults (kind of launch, call, error, occurrence) in ${Math.round((Date.now() - started) / 1000)} s`,
  );
  console.log(
    [...came, ['not reached', result.notReached]]
      .map(([what, count]) => `  ${String(count).padStart(6)} ${what}`)
      .join('\n'),
  );
  console.log(`${result.breaches.length} breaches`);
  process.exitCode = result.breaches.length === 0 ? 0 : 1;
}

void main();
