/** npm run test:attacks -- [name …] [--minutes N]: runs attacks of test/attacks side by side, in a process each. */
import { parseArgs } from 'node:util';
import { attackNames, runAttack } from '../test/attacks/attack';

const MINUTES = '1';

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { minutes: { type: 'string' } } });
  const known = attackNames();
  const names = positionals.length === 0 ? known : positionals;
  const minutes = Number(values.minutes ?? MINUTES);
  if (!names.every((name) => known.includes(name)) || !(minutes > 0)) {
    console.error(`npm run test:attacks -- [name …] [--minutes N]\n\n  ${known.join('\n  ')}`);
    return 2;
  }
  const fine = await Promise.all(names.map((name) => report(name, minutes)));
  return fine.every(Boolean) ? 0 : 1;
}

/** False when a promise was broken, or nothing was tried. */
async function report(name: string, minutes: number): Promise<boolean> {
  const { rounds, broken } = await runAttack(name, minutes * 60_000);
  const fine = rounds > 0 && broken.length === 0;
  console.log(`${fine ? 'ok    ' : 'BROKEN'} ${name}: ${rounds} rounds, ${broken.length} breaches`);
  for (const [words, times] of countEach(broken)) console.log(`       ${times} × ${words}`);
  return fine;
}

function countEach(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

void main().then((status) => (process.exitCode = status));
