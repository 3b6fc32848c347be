/**
 * A judge of eight languages: runs programs that nobody has read, and says what became of them. `judge/languages.ts` is
 * its table of languages, `judge/judge.ts` compiles and runs. See docs/judge.md.
 *
 *     npx tsx examples/judge.ts                        judges the programs in judge/programs, which try everything
 *     npx tsx examples/judge.ts solution.py input.txt  judges a file
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import type { RunResult } from 'linux-ns';
import { fail } from './command-line';
import { Submission } from './judge/judge';
import { LANGUAGES, type Language } from './judge/languages';

const PROGRAMS = join(__dirname, 'judge/programs');

/** Each program reads one of these and does it; the first has an answer, which is right or wrong. */
const INPUTS: Readonly<Record<string, string>> = {
  accepted: 'add 19 23',
  'wrong answer': 'wrong',
  slow: 'slow',
  greedy: 'greedy',
  crashing: 'crash',
  'fork bomb': 'fork',
  'floods its output': 'flood',
  'reads a secret': 'read /etc/shadow',
  'calls the network': 'call 192.0.2.1 80',
  'leaves a daemon': 'daemon',
  'ignores signals': 'ignore',
};
const ANSWER = '42';

/** Only a program that ends well can be right or wrong. */
function told({ verdict, code, signal, stdout, usage }: RunResult): string {
  if (verdict === 'ok') return stdout.trim() === ANSWER ? 'ok, accepted' : `ok, ${JSON.stringify(stdout.trim())}`;
  const used = `${Math.round(usage.cpuUser + usage.cpuSystem)} ms, ${Math.round(usage.maxRss / 2 ** 20)} MiB`;
  return `${verdict} ${{ exit: `code ${code}`, signal: `${signal}` }[verdict as string] ?? used}`;
}

function languageOf(file: string): Language {
  const language = LANGUAGES[extname(file).slice(1)];
  if (language === undefined) throw new Error(`${file} must end in one of ${Object.keys(LANGUAGES).join(', ')}`);
  return language;
}

async function judge(file: string, inputs: Readonly<Record<string, string>>): Promise<void> {
  using submission = new Submission(languageOf(file), readFileSync(file, 'utf8'));
  const compiled = await submission.compile();
  if (compiled !== undefined && compiled.verdict !== 'ok') {
    console.log(`${extname(file)} does not compile: ${told(compiled)}\n${compiled.stderr}`);
    return;
  }
  for (const [name, input] of Object.entries(inputs)) {
    console.log(`${extname(file).padEnd(6)}${name.padEnd(18)}${told(await submission.run(`${input}\n`))}`);
  }
}

async function main(): Promise<void> {
  const [file, input] = process.argv.slice(2);
  if (file !== undefined) {
    const text = input === undefined ? '' : readFileSync(resolve(input), 'utf8').trimEnd();
    return judge(resolve(file), { [basename(input ?? 'no input')]: text });
  }
  const files = readdirSync(PROGRAMS).map((name) => join(PROGRAMS, name));
  const isInstalled = ([program = '']: readonly string[]): boolean => existsSync(program);
  // All at once: a program that never ends keeps no other waiting.
  await Promise.all(
    files
      .filter((each) => isInstalled(languageOf(each).compile ?? languageOf(each).run))
      .map((each) => judge(each, INPUTS)),
  );
}

main().catch(fail);
