import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import { type Summary, rounded } from '../measure/statistics';

const ISOLATED = 'linux-ns test';
const PLAIN = 'as it is';

/**
 * Milliseconds from `fork()` to the end of a test file that does nothing: in namespaces of its own, and as it is. The
 * difference of the medians is what `linux-ns test` adds to a test file.
 */
export async function measureIsolated(
  rounds: number,
): Promise<{ isolatedFileMs: number; samples: Record<string, Summary> }> {
  const module = createRequire(__filename).resolve('linux-ns/isolate');
  const contestants = [
    forked(ISOLATED, { NODE_OPTIONS: `--require=${module}`, LINUX_NS_ISOLATE: 'net' }),
    forked(PLAIN, {}),
  ];
  const samples = summarizeAll(await interleave(contestants, rounds));
  const [isolated, plain] = [samples[ISOLATED]?.p50 ?? NaN, samples[PLAIN]?.p50 ?? NaN];
  return { isolatedFileMs: rounded(isolated - plain), samples };
}

function forked(name: string, env: NodeJS.ProcessEnv): Contestant {
  const file = join(__dirname, 'nothing.js');
  return {
    name,
    async sample() {
      const began = performance.now();
      const child = fork(file, { execArgv: [], env: { ...process.env, ...env } });
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code !== 0) throw new Error(`${name}: it ended with ${String(code)}`);
      return performance.now() - began;
    },
  };
}
