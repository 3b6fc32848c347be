import { execFile as execFileCallback } from 'node:child_process';
import { promisify } from 'node:util';
import { networkNamespaces } from 'linux-ns/network';
import { type Contestant, type Samples, interleave } from '../measure/interleave';

const execFile = promisify(execFileCallback);

/**
 * Measures how long it takes to add and to remove a named network namespace, beside ip(8), in milliseconds. Needs root.
 */
export async function measureNamed(rounds: number): Promise<Samples> {
  const name = `linux-ns-bench-${process.pid}`;
  // The directory is made a mount once, whoever comes first.
  await networkNamespaces.add(name);
  await networkNamespaces.delete(name);
  return interleave([ours(name), theirs(name)], rounds);
}

function ours(name: string): Contestant {
  return {
    name: 'linux-ns',
    async sample() {
      const start = performance.now();
      await networkNamespaces.add(name, { loopback: false });
      await networkNamespaces.delete(name);
      return performance.now() - start;
    },
  };
}

function theirs(name: string): Contestant {
  return {
    name: 'ip netns',
    async sample() {
      const start = performance.now();
      await execFile('ip', ['netns', 'add', name]);
      await execFile('ip', ['netns', 'delete', name]);
      return performance.now() - start;
    },
  };
}
