#!/usr/bin/env node
/** `linux-ns COMMAND`: loads the module of that command only. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCommandLine } from './arguments';
import { type Command, UsageError } from './command';
import { COMMANDS } from './commands';
import { enableCompileCache } from './compile-cache';
import { helpOf, overview } from './help';
import { print } from './output';
import { packageFolder } from './package-folder';
import { reasonOf, reportFailure, statusOfFailure } from './report';
import { suggestion } from './suggestion';
import { leaveTerminalToForeground } from './terminal';

async function main([name, ...words]: readonly string[]): Promise<number> {
  if (name === undefined) {
    print(overview(COMMANDS));
    return 1;
  }
  if (name === 'help' || name === '--help' || name === '-h') return help(words);
  if (name === '--version' || name === '-V') return printVersion();
  return runCommand(await commandCalled(name), words);
}

/** Runs `linux-ns help COMMAND`, which is `linux-ns COMMAND --help`. */
async function help([name, ...words]: readonly string[]): Promise<number> {
  if (name === undefined) {
    print(overview(COMMANDS));
    return 0;
  }
  print(helpOf(await commandCalled(name), words[0] === 'all'));
  return 0;
}

function commandCalled(name: string): Promise<Command> {
  const entry = COMMANDS.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry.load();
  const meant = suggestion(
    name,
    COMMANDS.map((candidate) => candidate.name),
  );
  throw new UsageError(`unknown ${name.startsWith('-') ? 'option' : 'command'} '${name}'${meant}: see linux-ns --help`);
}

async function runCommand(command: Command, words: readonly string[]): Promise<number> {
  const given = parseCommandLine(command, words);
  if (given.has('help')) {
    print(helpOf(command, given.value('help') === 'all' || given.operands[0] === 'all'));
    return 0;
  }
  return given.has('version') ? printVersion() : command.run(given, COMMANDS);
}

function printVersion(): number {
  const manifest = readFileSync(join(packageFolder(), 'package.json'), 'utf8');
  print([`linux-ns ${(JSON.parse(manifest) as { version: string }).version}`]);
  return 0;
}

const words = process.argv.slice(2);
const known = COMMANDS.some(({ name }) => name === words[0]) ? words[0] : undefined;

/** A reader that closes the pipe early, as head(1) does, is not an error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  reportFailure(known, new UsageError(`cannot write to standard output: ${reasonOf(error)}`));
  process.exit(1);
});
process.on('exit', leaveTerminalToForeground);
// An error of standard error is ignored, because it could not be reported.
process.stderr.on('error', () => undefined);

enableCompileCache(process.env);
main(words).then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    reportFailure(known, error, words);
    process.exitCode = statusOfFailure(error);
  },
);
