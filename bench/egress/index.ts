import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Sandbox, type SandboxSpec } from 'linux-ns';
import type { Benchmark } from '../benchmark';
import { type Contestant, interleave } from '../measure/interleave';
import { loopGapsDuring } from '../measure/loop-gaps';
import { machineLine, thisMachine } from '../measure/machine';
import { privateKB } from '../measure/memory';
import { median, ratio, rounded } from '../measure/statistics';
import { type Goal, goalLines } from '../measure/table';
import { World } from './world';

const GB = 1e9;
/** Rounds of what takes seconds each, and requests in a row that a client makes in a sample. */
const FEW = 5;
const REQUESTS = 300;
const CONNECTIONS = 2000;
const PARALLEL = 50;
const HELD = 1000;

/** A folder in which Anthropic's sandbox-runtime is installed: `npm install @anthropic-ai/sandbox-runtime`. */
const SRT_FOLDER = process.env.SRT_FOLDER;

/** The folder where Node finds the package by its name. */
const PACKAGE = dirname(require.resolve('linux-ns/package.json'));

interface Figures {
  firstByteVsDirect: number | null;
  throughputVsDirect: number | null;
  connsPerS: number;
  connsVsProxy: number | null;
  createWithEgressVsCreate: number | null;
  memoryPerConnKB: number;
  blockedMs: number;
  /** Null where sandbox-runtime is not installed: see SRT_FOLDER. */
  srtVsOurs: number | null;
}

const GOALS: Record<keyof Figures, Goal> = {
  firstByteVsDirect: { what: 'first byte of an HTTP answer / that without an egress', most: 2, unit: 'x' },
  throughputVsDirect: { what: 'bytes per second / those without an egress', least: 0.5, unit: 'x' },
  connsPerS: { what: 'connections per second', unit: '' },
  connsVsProxy: { what: 'connections per second / those through an HTTP proxy', least: 1, unit: 'x' },
  createWithEgressVsCreate: { what: 'a sandbox with a policy / one without a network', most: 1.3, unit: 'x' },
  memoryPerConnKB: { what: `memory of each of ${HELD} open connections`, unit: ' kB' },
  blockedMs: { what: 'longest turn of the event loop while these are made', unit: ' ms' },
  srtVsOurs: { what: 'a program in sandbox-runtime / in ours, with one allowed host', least: 5, unit: 'x' },
};

/** A network whose connections a policy decides about, against connections that nobody decides about. */
export const egress: Benchmark = {
  summary: 'an egress: its latency, throughput, connections and memory, against direct connections and proxies',
  async run(samples) {
    const figures = await measure(samples);
    const json = { ...figures, details: thisMachine() };
    const text = [machineLine(json.details), '', 'Goals', ...goalLines(GOALS, { ...figures })].join('\n');
    return { json, text, charts: [] };
  },
};

async function measure(samples: number): Promise<Figures> {
  await using world = await World.make();
  const requests = { what: 'requests', count: REQUESTS } as const;
  const rate = { what: 'rate', count: CONNECTIONS, parallel: PARALLEL } as const;
  const found = await interleave(
    [
      { name: 'first byte', sample: async () => median(await world.inside<number[]>(requests)) },
      { name: 'first byte direct', sample: async () => median(await world.direct<number[]>(requests)) },
      { name: 'download', sample: () => world.download(GB, 'inside') },
      { name: 'download direct', sample: () => world.download(GB, 'direct') },
      { name: 'rate', sample: () => world.inside<number>(rate) },
      { name: 'rate by proxy', sample: () => world.direct<number>(rate, 'proxy') },
    ],
    FEW,
  );
  const created = await interleave(
    [creation('with', { network: { allow: ['bench.example:443'] } }), creation('without', {})],
    Math.min(samples, 100),
  );
  const p50 = (name: string): number => median(found[name] ?? created[name] ?? []);
  return {
    firstByteVsDirect: ratio(p50('first byte'), p50('first byte direct')),
    throughputVsDirect: ratio(p50('download direct'), p50('download')),
    connsPerS: Math.round(p50('rate')),
    connsVsProxy: ratio(p50('rate'), p50('rate by proxy')),
    createWithEgressVsCreate: ratio(p50('with'), p50('without')),
    ...(await measureHeld(world)),
    srtVsOurs: await measureRuntime(),
  };
}

/** Makes a sandbox and closes it. */
function creation(name: string, spec: SandboxSpec): Contestant {
  return {
    name,
    async sample() {
      const began = performance.now();
      const sandbox = await Sandbox.create(spec);
      const took = performance.now() - began;
      await sandbox.close();
      return took;
    },
  };
}

/** What many open connections take of this process. */
async function measureHeld(world: World): Promise<Pick<Figures, 'memoryPerConnKB' | 'blockedMs'>> {
  const before = privateKB(process.pid);
  let client: Awaited<ReturnType<World['spawn']>> | undefined;
  const { longest, median: turn } = await loopGapsDuring(async () => {
    client = await world.spawn({ what: 'hold', count: HELD });
    while (world.connections < HELD) await new Promise((resolve) => setTimeout(resolve, 5));
  });
  const kB = (privateKB(process.pid) - before) / HELD;
  client?.stdin?.end();
  await client?.exited;
  return { memoryPerConnKB: rounded(kB), blockedMs: rounded(longest - turn) };
}

/** Both from the start of Node to its exit, with true(1) inside. */
async function measureRuntime(): Promise<number | null> {
  const runtime = SRT_FOLDER === undefined ? undefined : join(SRT_FOLDER, 'node_modules', '.bin', 'srt');
  if (runtime === undefined || !existsSync(runtime)) return null;
  const folder = mkdtempSync(join(tmpdir(), 'bench-egress-'));
  try {
    const settings = join(folder, 'settings.json');
    const network = { allowedDomains: ['bench.example'], deniedDomains: [] };
    const filesystem = { denyRead: [], allowWrite: ['/tmp'], denyWrite: [] };
    writeFileSync(settings, JSON.stringify({ network, filesystem }));
    const ours = `const { Sandbox, hostUserland } = require('linux-ns');
      Sandbox.create({ ...hostUserland(), network: { allow: ['bench.example'] } })
        .then(async (sandbox) => { await sandbox.execFile('true'); await sandbox.close(); })`;
    const found = await interleave(
      [command('theirs', runtime, ['--settings', settings, 'true']), command('ours', process.execPath, ['-e', ours])],
      FEW,
    );
    return ratio(median(found.theirs!), median(found.ours!));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function command(name: string, file: string, args: readonly string[]): Contestant {
  return {
    name,
    async sample() {
      const began = performance.now();
      await promisify(execFile)(file, args, { cwd: PACKAGE });
      return performance.now() - began;
    },
  };
}
