/** Starts that are asked for at once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { bwrap, create } from '../sandbox/contestants';
import { type Summary, median, rounded, summarize } from '../measure/statistics';

/** A batch of starts, in milliseconds from the moment when all of them were asked for. */
export interface Batch extends Summary {
  failures: number;
  /** The longest wait / the median. */
  longestVsMedian: number;
}

export type Start = () => Promise<void>;

export async function measureBatch(count: number, start: Start): Promise<Batch> {
  const began = performance.now();
  const times: number[] = [];
  let failures = 0;
  const timed = async (): Promise<void> => {
    try {
      await start();
      times.push(performance.now() - began);
    } catch (error) {
      if (failures++ === 0) console.error(error);
    }
  };
  await Promise.all(Array.from({ length: count }, timed));
  const longestVsMedian = times.length === 0 ? NaN : rounded(Math.max(...times) / median(times));
  return { ...summarize(times), failures, longestVsMedian };
}

/** Creates a sandbox, runs /bin/true in it, and closes it. */
export const ours: Start = () => create.start();

/** The same by bubblewrap. */
export const byBwrap: Start = () => bwrap.start();

/** Where the host has cgroups of version 1, version 2 in their place: crun does not take both. */
const WITH_CGROUP2 =
  'stat -f -c %T /sys/fs/cgroup | grep -q cgroup2 || mount -t cgroup2 none /sys/fs/cgroup; exec "$@"';

/** Limits that nobody needs a privilege to set: Podman's own are higher than what a host may have. */
const LIMITS = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024'];

/** The root of Podman's containers, in which /usr is the host's. */
export class PodmanRoot {
  readonly #directory = mkdtempSync(join(tmpdir(), 'linux-ns-podman-'));

  constructor() {
    for (const name of ['usr', 'proc', 'dev', 'tmp', 'sys', 'run', 'etc']) mkdirSync(join(this.#directory, name));
    for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
      if (existsSync(join('/usr', name))) symlinkSync(join('usr', name), join(this.#directory, name));
    }
  }

  /** The same by Podman and crun, without a network and without cgroups. */
  readonly start: Start = async () => {
    const run = [
      ...['podman', '--cgroup-manager=cgroupfs', '--runtime=crun', 'run', '--rm', '--network=none'],
      ...['--cgroups=disabled', ...LIMITS, '--volume=/usr:/usr:ro', '--rootfs', this.#directory, '/bin/true'],
    ];
    const child = spawn('unshare', ['--mount', 'sh', '-c', WITH_CGROUP2, 'sh', ...run], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`podman has ended with ${code}`);
  };

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
