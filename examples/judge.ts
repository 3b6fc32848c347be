/**
 * A judge: runs programs that nobody has read, in C, Python and JavaScript, and says what became of them.
 *
 * Each submission gets a sandbox of its own: the host's programs and Node read-only, an empty /tmp, no network, no
 * capabilities. It is compiled in there, and run with a budget of CPU time, time, memory, output and processes.
 *
 *     npx tsx examples/judge.ts                        judges the submissions below
 *     npx tsx examples/judge.ts solution.py input.txt  judges a file
 */
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, extname, join, resolve } from 'node:path';
import { type RunLimits, type RunResult, Sandbox, type SandboxSpec, hostUserland } from 'linux-ns';
import { fail } from './command-line';

interface Language {
  readonly source: string;
  /** Programs that must be on the PATH. */
  readonly needs: string;
  readonly compile?: readonly string[];
  readonly run: readonly string[];
}

const LANGUAGES: Record<string, Language> = {
  c: {
    source: '/tmp/solution.c',
    needs: 'cc',
    compile: ['cc', '-O1', '-o', '/tmp/solution', '/tmp/solution.c'],
    run: ['/tmp/solution'],
  },
  py: { source: '/tmp/solution.py', needs: 'python3', run: ['/usr/bin/python3', '/tmp/solution.py'] },
  js: { source: '/tmp/solution.js', needs: 'node', run: [process.execPath, '/tmp/solution.js'] },
};

const MIB = 2 ** 20;
const BUDGET: RunLimits = { cpu: 2000, wall: 15_000, memory: 128 * MIB, output: 4096, processes: 64, fileSize: MIB };
const TO_COMPILE: RunLimits = { wall: 60_000, memory: 512 * MIB };

interface Submission {
  readonly name: string;
  readonly language: string;
  readonly source: string;
}

/** The input and the answer of the task: the sum of two numbers. */
const TASK = { input: '19 23\n', answer: '42' };

const SUBMISSIONS: readonly Submission[] = [
  {
    name: 'accepted',
    language: 'c',
    source: '#include <stdio.h>\nint main(void) { int a, b; scanf("%d %d", &a, &b); printf("%d\\n", a + b); }',
  },
  { name: 'accepted', language: 'py', source: 'a, b = map(int, input().split())\nprint(a + b)' },
  {
    name: 'accepted',
    language: 'js',
    source: "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number);\nconsole.log(a + b);",
  },
  { name: 'wrong', language: 'py', source: "print('41')" },
  { name: 'does not compile', language: 'c', source: 'int main(void) { return }' },
  { name: 'slow', language: 'c', source: 'int main(void) { for (volatile long i = 0;; i++); }' },
  { name: 'slow', language: 'py', source: 'while True: pass' },
  { name: 'slow', language: 'js', source: 'for (;;);' },
  {
    name: 'greedy',
    language: 'c',
    source:
      '#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\nint main(void) { for (;;) { char *all = malloc(1 << 20); if (!all) pause(); memset(all, 1, 1 << 20); } }',
  },
  {
    name: 'greedy',
    language: 'py',
    source:
      "import os, time\nfor each in range(4):\n  if os.fork() == 0:\n    all = b'x' * (60 << 20)\n    time.sleep(600)\ntime.sleep(600)",
  },
  { name: 'crashing', language: 'c', source: 'int main(void) { return *(volatile int *)0; }' },
  { name: 'crashing', language: 'js', source: "throw new Error('no idea');" },
  { name: 'talkative', language: 'js', source: "for (;;) console.log('x'.repeat(1000));" },
  {
    name: 'hostile: stops',
    language: 'c',
    source:
      '#include <signal.h>\n#include <unistd.h>\nint main(void) { kill(-1, SIGSTOP); kill(getpid(), SIGSTOP); for (;;) pause(); }',
  },
  {
    name: 'hostile: forks',
    language: 'c',
    source: '#include <unistd.h>\nint main(void) { setsid(); for (;;) fork(); }',
  },
  { name: 'hostile: looks', language: 'js', source: "console.log(require('fs').readFileSync('/etc/shadow', 'utf8'));" },
  { name: 'hostile: calls', language: 'js', source: "require('net').connect(80, '192.0.2.1');" },
];

function boxFor(): SandboxSpec {
  const userland = hostUserland();
  const node = dirname(dirname(process.execPath)); // where it is not below /usr, as with nvm
  return {
    ...userland,
    mounts: [...userland.mounts, { type: 'bindReadOnly', source: node, target: node }],
    hostname: 'judge',
    disableUserNamespaces: true,
    rlimits: { core: 0 },
  };
}

async function judge({ language, source }: Submission, input: string): Promise<RunResult | 'does not compile'> {
  const { source: file, compile, run } = LANGUAGES[language]!;
  await using box = await Sandbox.create(boxFor());
  await box.writeFile(file, source);
  if (compile !== undefined) {
    const [compiler = '', ...args] = compile;
    const { verdict } = await box.run(compiler, args, { limits: TO_COMPILE });
    if (verdict !== 'ok') return 'does not compile';
  }
  const [program = '', ...args] = run;
  return await box.run(program, args, { input, limits: BUDGET });
}

/** A line about a result: only a program that ends well can be right or wrong. */
function told(result: RunResult | 'does not compile', answer: string | undefined): string {
  if (typeof result === 'string') return result;
  const { verdict, code, signal, stdout, usage } = result;
  const used = `${Math.round(usage.cpuUser + usage.cpuSystem)} ms, ${Math.round(usage.maxRss / MIB)} MiB`;
  const how = { exit: `code ${code}`, signal: `${signal}` }[verdict as string] ?? used;
  if (verdict !== 'ok') return `${verdict.padEnd(8)} ${how}`;
  const right = answer === undefined ? '' : stdout.trim() === answer ? ', accepted' : ', wrong answer';
  return `${verdict.padEnd(8)} ${JSON.stringify(stdout.trim())}${right}`;
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

async function main(): Promise<void> {
  const [file, input] = process.argv.slice(2);
  if (file !== undefined) {
    const submission = { name: file, language: extname(file).slice(1), source: readFileSync(resolve(file), 'utf8') };
    if (LANGUAGES[submission.language] === undefined) throw new Error(`${file} must end in .c, .py or .js`);
    const result = await judge(submission, input === undefined ? '' : readFileSync(resolve(input), 'utf8'));
    console.log(told(result, undefined));
    return;
  }
  const possible = SUBMISSIONS.filter(({ language }) => isInstalled(LANGUAGES[language]!.needs));
  // At once: one that never ends keeps no other waiting.
  const results = await Promise.all(possible.map((submission) => judge(submission, TASK.input)));
  for (const [at, { name, language }] of possible.entries()) {
    console.log(`${language.padEnd(3)} ${name.padEnd(17)} ${told(results[at]!, TASK.answer)}`);
  }
}

main().catch(fail);
