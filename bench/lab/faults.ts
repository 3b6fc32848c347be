import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NamespaceProcess } from 'linux-ns';
import { type Host, Lab, type LabNetwork } from 'linux-ns/lab';
import { median, rounded, summarize } from '../measure/statistics';

const PARTITIONS = 30;
/** The runs of iperf3, for each way. */
const RUNS = 3;
const SECONDS = 2;
const PINGS = 300;
const DELAY = 20;

/** The figures of faults: docs/performance.md says what they mean. */
export interface FaultFigures {
  /** From the call to the last packet that passes, in milliseconds. */
  partitionMs: { p50: number; p99: number };
  /** TCP through an impaired link without delay, of that through a plain one, and both in Gbit/s. */
  wireVsVeth: { ratio: number; wire: number; veth: number };
  /** UDP packets per second, of 64 bytes. */
  wirePps: { wire: number; veth: number };
  /** How far a delay of 20 ms is off, in milliseconds. */
  delayErrorMs: { p50: number; p99: number };
}

interface Stage {
  lab: Lab;
  lan: LabNetwork;
  a: Host;
  b: Host;
}

export async function measureFaults(): Promise<FaultFigures> {
  await using lab = await Lab.create({ seed: 1 });
  const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
  const [a, b] = await lab.addHosts(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'], { on: lan });
  const stage = { lab, lan, a, b };
  return {
    partitionMs: summarize(await partitions(stage)),
    ...(await throughput(stage)),
    delayErrorMs: summarize(await delayErrors(stage)),
  };
}

async function partitions({ lab, a, b }: Stage): Promise<number[]> {
  const program = join(__dirname, 'stamps.js');
  const receiver = await b.fork(program, ['receiver']);
  await once(receiver, 'message');
  const sender = await a.fork(program, ['sender', b.addresses[0]!]);
  const samples: number[] = [];
  await until(async () => (await lastStamp(receiver)) > 0n);
  for (let round = 0; round < PARTITIONS; round++) {
    await sleep(20);
    const start = process.hrtime.bigint();
    const split = await lab.partition([a, b]);
    await sleep(20);
    samples.push(Math.max(0, Number((await lastStamp(receiver)) - start) / 1e6));
    await split.heal();
  }
  await Promise.all([sender.close(), receiver.close()]);
  return samples;
}

async function lastStamp(receiver: NamespaceProcess): Promise<bigint> {
  receiver.send('last');
  const [stamp] = (await once(receiver, 'message')) as [string];
  return BigInt(stamp);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(5);
}

/** Plain and impaired in turn, so that other work of the machine falls on both. */
async function throughput(stage: Stage): Promise<Pick<FaultFigures, 'wireVsVeth' | 'wirePps'>> {
  const bits = { veth: [] as number[], wire: [] as number[] };
  const packets = { veth: [] as number[], wire: [] as number[] };
  for (let run = 0; run < RUNS; run++) {
    for (const way of ['veth', 'wire'] as const) {
      await stage.lan.impair(way === 'wire' ? { delay: 0 } : null);
      const tcp = await iperf(stage, []);
      bits[way].push((tcp.sum_received?.bits_per_second ?? 0) / 1e9);
      const udp = await iperf(stage, ['-u', '-b', '0', '-l', '64']);
      const { packets: sent = 0, lost_packets: lost = 0, seconds = 1 } = udp.sum ?? {};
      packets[way].push((sent - lost) / seconds);
    }
  }
  await stage.lan.impair(null);
  const [veth, wire] = [median(bits.veth), median(bits.wire)];
  return {
    wireVsVeth: { ratio: rounded(wire / veth), wire: rounded(wire), veth: rounded(veth) },
    wirePps: { wire: Math.round(median(packets.wire)), veth: Math.round(median(packets.veth)) },
  };
}

interface IperfEnd {
  sum_received?: { bits_per_second: number };
  sum?: { packets: number; lost_packets: number; seconds: number };
}

async function iperf({ a, b }: Stage, options: string[]): Promise<IperfEnd> {
  const server = await b.spawn('iperf3', ['-s', '-1'], { stdio: 'ignore' });
  try {
    await until(async () => (await b.execFile('cat', ['/proc/net/tcp6', '/proc/net/tcp'])).stdout.includes(':1451 '));
    const { stdout } = await a.execFile('iperf3', ['-c', b.addresses[0]!, '-t', String(SECONDS), '-J', ...options], {
      maxBuffer: 1 << 24,
    });
    return (JSON.parse(stdout) as { end: IperfEnd }).end;
  } finally {
    await server.close();
  }
}

/** The round trips of ping(8), which is delayed on the way there. */
async function delayErrors({ a, b }: Stage): Promise<number[]> {
  await a.execFile('ping', ['-c', '1', b.addresses[0]!]);
  await a.impair({ delay: DELAY / 2 });
  const { stdout } = await a.execFile('ping', ['-i', '0.01', '-c', String(PINGS), b.addresses[0]!]);
  await a.impair(null);
  return [...stdout.matchAll(/time=([\d.]+) ms/g)].map(([, time]) => Math.abs(Number(time) - DELAY));
}
