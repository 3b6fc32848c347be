/**
 * A judge with a pool of Nodes that wait for work: each submission gets a Node, and a sandbox, that nobody had. The start of
 * Node, the longest part of a short submission, is over before the submission comes.
 *
 *     npm run example -- judge-pool
 */
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { type NamespaceProcess, Sandbox, hostUserland } from 'linux-ns';

const SUBMISSIONS = [
  'console.log(input.split(" ").map(Number).reduce((a, b) => a + b))',
  'console.log("43")',
  'for (;;);',
  'require("fs").writeFileSync("/tmp/mine", "x"); console.log(require("fs").readdirSync("/tmp").length + 41)',
];
const INPUT = '19 23';
const ANSWER = '42\n';
const LONGEST = 2000;

/** The program that waits: the first line that it reads is the submission, with its input. */
const WORKER = `
  process.stdout.write('ready');
  process.stdin.once('data', (data) => {
    const { source, input } = JSON.parse(data);
    new Function('input', 'require', source)(input, require);
    process.exit();
  });`;

async function warm(box: Sandbox): Promise<NamespaceProcess> {
  const node = await box.spawn(process.execPath, ['-e', WORKER], { rlimits: { cpu: 2 } });
  await once(node.stdout!, 'data');
  return node;
}

async function judge(node: NamespaceProcess, source: string): Promise<string> {
  const over = setTimeout(() => node.kill('SIGKILL'), LONGEST);
  let output = '';
  node.stdout!.on('data', (data: Buffer) => (output += String(data).slice(0, 1000)));
  node.stdin!.end(JSON.stringify({ source, input: INPUT }));
  const [, { signal }] = await Promise.all([once(node, 'close'), node.exited]);
  clearTimeout(over);
  if (signal !== null) return 'too slow';
  return output === ANSWER ? 'accepted' : 'wrong';
}

async function main(): Promise<void> {
  await using pool = await Sandbox.pool(hostUserland({ readable: process.execPath }), { size: 2, warm });
  for (const source of SUBMISSIONS) {
    await using box = await pool.take();
    const began = performance.now();
    const verdict = await judge(box.warmed, source);
    console.log(
      `${verdict.padEnd(9)} ${(performance.now() - began).toFixed(0).padStart(5)} ms  ${source.slice(0, 50)}`,
    );
  }
}

void main();
