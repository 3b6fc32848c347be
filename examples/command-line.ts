/** What the examples with a command line share: options up to the first argument that is none, then a command. */
import { constants } from 'node:os';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { NamespaceProcess } from 'linux-ns';

/** The letters that the programs of the LWN series have for the kinds of namespace. */
export const KIND_LETTERS = {
  ipc: { type: 'boolean', short: 'i' },
  mnt: { type: 'boolean', short: 'm' },
  net: { type: 'boolean', short: 'n' },
  pid: { type: 'boolean', short: 'p' },
  uts: { type: 'boolean', short: 'u' },
  user: { type: 'boolean', short: 'U' },
} as const;

/** `[options] file [argument...]`, read as getopt(3) reads "+...": what follows the file is the command's own. */
export function parseCommand<T extends NonNullable<ParseArgsConfig['options']>>(usage: string, options: T) {
  const all = process.argv.slice(2);
  const { tokens } = parseArgs({ args: all, options, strict: false, tokens: true });
  const first = tokens.find((token) => token.kind === 'positional')?.index ?? all.length;
  const [file, ...args] = all.slice(first);
  if (file === undefined) throw new Error(`Usage: ${usage}`);
  const { values } = parseArgs({ args: all.slice(0, first), options });
  return { values, file, args };
}

/** Waits for a command, and makes its way of ending this program's own. */
export async function endAs(child: NamespaceProcess): Promise<void> {
  const { code, signal } = await child.exited;
  process.exitCode = code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
}

/** Tells what went wrong: the message of a NamespaceError ends with the hint. */
export function fail(error: unknown): void {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
