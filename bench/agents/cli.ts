/** Runs `true` in a sandbox from a shell, by `linux-ns run` and by bwrap(1), in this process. See `measureApart`. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { answer } from '../measure/apart';
import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import { BARE_NODE, BWRAP, CLI, type CliTimes } from './report';

/** A sample takes tenths of a second. */
const MOST_ROUNDS = 30;

const MAIN = join(__dirname, '..', '..', 'dist', 'cli', 'main.js');

/** The same as --host-userland, as far as bwrap has it. */
const BWRAP_OPTIONS = [
  '--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64',
  '--tmpfs /tmp --proc /proc --dev /dev --unshare-all --die-with-parent --new-session --cap-drop ALL',
].join(' ');

function fromShell(name: string, command: string): Contestant {
  return {
    name,
    sample: async () => {
      const began = performance.now();
      await promisify(execFile)('sh', ['-c', command]);
      return performance.now() - began;
    },
  };
}

async function measure(samples: number): Promise<CliTimes> {
  const contestants = [
    fromShell(CLI, `'${process.execPath}' '${MAIN}' run -H -- true`),
    fromShell(BWRAP, `bwrap ${BWRAP_OPTIONS} true`),
    fromShell(BARE_NODE, `'${process.execPath}' -e 0`),
  ];
  return summarizeAll(await interleave(contestants, Math.min(samples, MOST_ROUNDS)));
}

void answer(measure);
