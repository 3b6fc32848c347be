/**
 * A judge: runs JavaScript that nobody has read, and says what became of it.
 *
 * Each solution gets a sandbox of its own: the host's programs and Node read-only, an empty /tmp, no network, no
 * capabilities, and limits for time, memory, processes and output. It talks by standard input and output only.
 *
 *     npx tsx examples/judge.ts                     judges the solutions below
 *     npx tsx examples/judge.ts solution.js [input] judges a file
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type ExecError, Sandbox, type SandboxSpec, hostUserland } from 'linux-ns';
import { fail } from './command-line';

interface Verdict {
  verdict: 'ok' | 'time limit' | 'output limit' | 'failed';
  detail: string;
}

const PROCESSOR_SECONDS = 6;
const MILLISECONDS = 30_000; // for one that sleeps
const MEMORY = 128; // MiB of JavaScript heap
const MOST_OUTPUT = 4_096;

const SOLUTIONS: Record<string, string> = {
  'adds two numbers': `
    const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number);
    console.log(a + b);`,
  'never ends': 'for (;;);',
  'fills the memory': 'const all = []; for (;;) all.push(new Array(1e6).fill(all.length));',
  'talks too much': "for (;;) console.log('x'.repeat(1000));",
  'reads secrets': "console.log(require('fs').readFileSync('/etc/shadow', 'utf8'));",
  'calls home': "require('net').connect(80, '192.0.2.1');",
  'looks around': "console.log(require('fs').readdirSync('/home').join(' '), process.pid < 10, process.env.SECRET);",
};

function boxFor(): SandboxSpec {
  const userland = hostUserland();
  const node = dirname(dirname(process.execPath)); // where it is not below /usr, as with nvm
  return {
    ...userland,
    mounts: [...userland.mounts, { type: 'bindReadOnly', source: node, target: node }],
    hostname: 'judge',
    disableUserNamespaces: true,
    rlimits: { cpu: PROCESSOR_SECONDS, fsize: 1 << 20, nofile: 64, core: 0 },
  };
}

async function judge(source: string, input: string): Promise<Verdict> {
  await using box = await Sandbox.create(boxFor());
  await box.writeFile('/tmp/solution.js', source);
  await box.writeFile('/tmp/input', input);
  const command = `exec "${process.execPath}" --max-old-space-size=${MEMORY} /tmp/solution.js < /tmp/input`;
  try {
    const { stdout } = await box.exec(command, {
      timeout: MILLISECONDS,
      killSignal: 'SIGKILL',
      maxBuffer: MOST_OUTPUT,
    });
    return { verdict: 'ok', detail: stdout.trim() };
  } catch (error) {
    return verdictOf(error as ExecError);
  }
}

function verdictOf(error: ExecError): Verdict {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
    return { verdict: 'output limit', detail: `more than ${MOST_OUTPUT} bytes` };
  }
  // SIGKILL is the timeout's, or the kernel's at the limit of processor time.
  if (error.signal === 'SIGKILL') return { verdict: 'time limit', detail: `${PROCESSOR_SECONDS} s of a processor` };
  const reason = String(error.stderr)
    .split('\n')
    .find((line) => /Error:|FATAL ERROR/.test(line));
  return { verdict: 'failed', detail: reason?.trim() ?? `code ${String(error.code)}, signal ${String(error.signal)}` };
}

async function main(): Promise<void> {
  process.env.SECRET = 'of the host';
  const [file, input = ''] = process.argv.slice(2);
  const solutions = file === undefined ? SOLUTIONS : { [file]: readFileSync(resolve(file), 'utf8') };
  // At once: one that never ends keeps no other waiting.
  const verdicts = await Promise.all(
    Object.entries(solutions).map(async ([name, source]) => ({
      name,
      ...(await judge(source, file === undefined ? '19 23' : input)),
    })),
  );
  for (const { name, verdict, detail } of verdicts) {
    console.log(`${name.padEnd(18)} ${verdict.padEnd(13)} ${detail}`);
  }
}

main().catch(fail);
