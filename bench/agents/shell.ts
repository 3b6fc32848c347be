/** An agent's `ls`, one command after another, in this process. See `measureApart`. */
import { execFile } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { Sandbox, hostUserland } from 'linux-ns';
import { answer } from '../measure/apart';
import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import { SHELL, SHELL_BARE, SHELL_RUN, type ShellTimes } from './report';

const bare = promisify(execFile);
const LS = ['/usr/bin/ls', ['/usr']] as const;

/** Milliseconds from the call to the end of the output. */
function timed(name: string, ls: () => Promise<{ stdout: string }>): Contestant {
  return {
    name,
    sample: async () => {
      const began = performance.now();
      const { stdout } = await ls();
      const took = performance.now() - began;
      if (!stdout.includes('share\n')) throw new Error(`ls has written ${JSON.stringify(stdout.slice(0, 100))}`);
      return took;
    },
  };
}

async function measure(samples: number): Promise<ShellTimes> {
  await using box = await Sandbox.create(hostUserland());
  const [file, args] = LS;
  const options = { env: { PATH: '/usr/bin:/bin' } };
  const contestants = [
    timed(SHELL_BARE, () => bare(file, args, options)),
    timed(SHELL, () => box.execFile(file, args, options)),
    timed(SHELL_RUN, () => box.run(file, args)),
  ];
  return summarizeAll(await interleave(contestants, samples));
}

void answer(measure);
