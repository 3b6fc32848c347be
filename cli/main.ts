#!/usr/bin/env node
/** `linux-ns COMMAND`: loads no more than that command. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCommandLine } from './arguments';
import { type Command, UsageError } from './command';
import { COMMANDS } from './commands';
import { helpOf, overview } from './help';
import { reportFailure, statusOfFailure } from './report';

async function main([name, ...words]: readonly string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    print(overview(COMMANDS));
    return name === undefined ? 1 : 0;
  }
  if (name === '--version' || name === '-V') return printVersion();
  const entry = COMMANDS.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    throw new UsageError(`there is no ${name.startsWith('-') ? 'option' : 'command'} '${name}': see linux-ns --help`);
  }
  return runCommand(await entry.load(), words);
}

async function runCommand(command: Command, words: readonly string[]): Promise<number> {
  const given = parseCommandLine(command, words);
  if (given.has('help')) {
    print(helpOf(command, given.value('help') === 'all' || given.operands[0] === 'all'));
    return 0;
  }
  return given.has('version') ? printVersion() : command.run(given);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printVersion(): number {
  const manifest = readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8');
  print(`linux-ns ${(JSON.parse(manifest) as { version: string }).version}`);
  return 0;
}

/** Who reads no further, `| head`, is not told about it. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const words = process.argv.slice(2);
const known = COMMANDS.some(({ name }) => name === words[0]) ? words[0] : undefined;
main(words).then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    reportFailure(known, error);
    process.exitCode = statusOfFailure(error);
  },
);
