import { type ChildProcess, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { NAMESPACE_KINDS, type NamespaceProcess, spawn } from 'linux-ns';
import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import type { Summary } from '../measure/statistics';
import { NODE, OURS } from './names';

const ARGUMENTS = ['-e', '0'];

/** Milliseconds from the call to 'exit' of `node -e 0`: ours in new namespaces of all eight kinds. */
export async function measureNodeStart(rounds: number): Promise<Record<string, Summary>> {
  const contestants = [
    timed(OURS, () => spawn(process.execPath, ARGUMENTS, { unshare: [...NAMESPACE_KINDS], stdio: 'ignore' })),
    timed(NODE, async () => nodeSpawn(process.execPath, ARGUMENTS, { stdio: 'ignore' })),
  ];
  return summarizeAll(await interleave(contestants, rounds));
}

function timed(name: string, start: () => Promise<NamespaceProcess | ChildProcess>): Contestant {
  return {
    name,
    async sample() {
      const began = performance.now();
      const [code] = (await once(await start(), 'exit')) as [number | null];
      if (code !== 0) throw new Error(`${name}: it ended with ${String(code)}`);
      return performance.now() - began;
    },
  };
}
