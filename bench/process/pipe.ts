import { type ChildProcessByStdio, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { NAMESPACE_KINDS, type SpawnOptions, spawn } from 'linux-ns';
import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import type { Summary } from '../measure/statistics';
import { NODE, OURS, OURS_SAME_SESSION } from './names';

const MB = 2 ** 20;
const SIZE_MB = 256;
/** The size of one write: as much as libuv reads at once. */
const BLOCK_KB = 64;

const PROGRAM = 'dd';
const ARGUMENTS = ['if=/dev/zero', `bs=${BLOCK_KB}k`, `count=${(SIZE_MB * 1024) / BLOCK_KB}`, 'status=none'];

/** MB per second through the standard output of a program, from the first byte to the last. */
export async function measurePipe(rounds: number): Promise<Record<string, Summary>> {
  const contestants: Contestant[] = [
    { name: OURS, sample: async () => throughput((await spawnOurs({})).stdout!) },
    { name: OURS_SAME_SESSION, sample: async () => throughput((await spawnOurs({ newSession: false })).stdout!) },
    { name: NODE, sample: async () => throughput(spawnTheirs().stdout) },
  ];
  return summarizeAll(await interleave(contestants, rounds));
}

function spawnOurs(options: SpawnOptions): ReturnType<typeof spawn> {
  return spawn(PROGRAM, ARGUMENTS, { unshare: [...NAMESPACE_KINDS], stdio: ['ignore', 'pipe', 'inherit'], ...options });
}

function spawnTheirs(): ChildProcessByStdio<null, Readable, null> {
  return nodeSpawn(PROGRAM, ARGUMENTS, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function throughput(stream: Readable): Promise<number> {
  let began = 0;
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    if (bytes === 0) began = performance.now();
    bytes += chunk.length;
  });
  await once(stream, 'end');
  if (bytes !== SIZE_MB * MB) throw new Error(`${bytes} bytes came through`);
  return (SIZE_MB / (performance.now() - began)) * 1000;
}
