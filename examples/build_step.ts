/**
 * A step of a build: its source cannot be changed, its output is one directory, and it gets nothing else: no network, no
 * home, none of this process's environment. What it writes elsewhere is thrown away.
 *
 *     npx tsx examples/build_step.ts                           builds a small program, with make
 *     npx tsx examples/build_step.ts SOURCE OUTPUT command...  runs a command with the two as /source and /output
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sandbox, hostUserland } from 'linux-ns';
import { fail } from './command-line';

async function build(source: string, output: string, command: readonly string[]): Promise<number | null> {
  const userland = hostUserland();
  await using box = await Sandbox.create({
    ...userland,
    mounts: [
      ...userland.mounts,
      { type: 'bindReadOnly', source, target: '/source' },
      { type: 'bind', source: output, target: '/output' },
    ],
    cwd: '/source',
    env: { SOURCE_DATE_EPOCH: '0' },
    hostname: 'builder',
  });
  const [file = '', ...args] = command;
  const step = await box.spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const { code } = await step.exited;
  return code;
}

const PROGRAM = `#include <stdio.h>
int main(void) { puts("built without seeing anything else"); }
`;

const MAKEFILE = `/output/hello: hello.c
\t$(CC) -o $@ $<
`;

const SCRIPT = `
echo "source: $(echo *)"
touch /source/written 2>&1 | sed 's/^/refused: /'
make && echo "output: $(ls /output)"
`;

async function demonstrate(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'build-step-'));
  const [source, output] = [mkdtempSync(join(work, 'source-')), mkdtempSync(join(work, 'output-'))];
  try {
    writeFileSync(join(source, 'hello.c'), PROGRAM);
    writeFileSync(join(source, 'Makefile'), MAKEFILE);
    process.exitCode = (await build(source, output, ['sh', '-c', SCRIPT])) ?? 1;
    console.log(
      `on the host: source has ${readdirSync(source).join(' ')}, output has ${readdirSync(output).join(' ')}`,
    );
  } finally {
    rmSync(work, { recursive: true });
  }
}

async function main(): Promise<void> {
  const [source, output, ...command] = process.argv.slice(2);
  if (source === undefined || output === undefined) return demonstrate();
  if (command.length === 0) throw new Error('Usage: build_step [SOURCE OUTPUT command...]');
  process.exitCode = (await build(source, output, command)) ?? 1;
}

main().catch(fail);
