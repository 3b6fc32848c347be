import type { Benchmark } from '../benchmark';
import { measureFaults } from './faults';
import { measureIsolated } from './isolated';

/** Labs: their faults. */
export const lab: Benchmark = {
  summary: 'labs: how fast a partition is, what an impaired link carries, and how exact its delay is',
  async run(samples) {
    const isolated = await measureIsolated(samples);
    const faults = await measureFaults();
    const { partitionMs, wireVsVeth, wirePps, delayErrorMs } = faults;
    const text = [
      `partition: the last packet passes ${partitionMs.p50} ms after the call (p99 ${partitionMs.p99} ms)`,
      `TCP through an impaired link: ${wireVsVeth.wire} Gbit/s, ${wireVsVeth.ratio} of a plain one (${wireVsVeth.veth})`,
      `UDP through an impaired link: ${wirePps.wire} packets/s, through a plain one ${wirePps.veth}`,
      `a delay of 20 ms is off by ${delayErrorMs.p50} ms (p99 ${delayErrorMs.p99} ms)`,
      `linux-ns test adds ${isolated.isolatedFileMs} ms to a test file`,
    ].join('\n');
    return { json: { ...faults, ...isolated }, text, charts: [] };
  },
};
