/**
 * A Node process on a terminal: `node terminal-parent.ts REQUEST` (JSON) starts a program, in a set of namespaces of its
 * own if asked to, tells how it ended, and then reads the terminal itself.
 */
import { type SpawnOptions, type UnshareSpec, spawn, unshare } from '../../lib';
import { eventually } from '../fixtures/footprint';

export interface Request {
  file: string;
  args: string[];
  options: SpawnOptions;
  /** Namespaces that are there before, to be joined. */
  set?: (keyof UnshareSpec)[];
  /** How often Node is to be interrupted itself. */
  interrupts?: number;
}

async function main(request: string): Promise<void> {
  const { file, args, options, set, interrupts: expected = 0 } = JSON.parse(request) as Request;
  let interrupts = 0;
  process.on('SIGINT', () => interrupts++);
  const joined = set === undefined ? undefined : await unshare(set);
  const child = await (joined ?? { spawn }).spawn(file, args, options);
  const { code, signal } = await child.exited;
  // A signal that came to both of them may be told here later; and one that should not have come, too.
  await eventually(() => interrupts >= expected);
  await new Promise((resolve) => setTimeout(resolve, 500));
  process.stdout.write(`ended: ${code} ${signal}, interrupts of Node: ${interrupts}\n`);
  process.stdin.once('data', (line) => {
    process.stdout.write(`Node read ${String(line)}`);
    process.stdin.destroy();
    void joined?.close();
  });
}

void main(process.argv[2]!);
