import type { Benchmark } from '../benchmark';
import { measureFaults } from './faults';
import { measureHosts } from './hosts';
import { measureIsolated } from './isolated';

/** Labs: their hosts and their faults. */
export const lab: Benchmark = {
  summary:
    'labs: how fast hosts come and go, how fast a partition is, what an impaired link carries, and how exact its delay is',
  async run(samples) {
    const hosts = await measureHosts();
    const isolated = await measureIsolated(samples);
    const faults = await measureFaults();
    const { partitionMs, wireVsVeth, wirePps, delayErrorMs } = faults;
    const { made, stopped } = hosts.mininet ?? {};
    const many = hosts.hosts;
    const text = [
      `a host: ${hosts.msPerHost} ms, ${hosts.hostVsMininet} of Mininet's (${made}); closed in ${hosts.closeMsPerHost} ms (${stopped})`,
      `${many.count} hosts: ${many.msPerHost} ms and ${many.kBPerHost} kB each; closed in ${many.closeMsPerHost} ms each`,
      `partition: the last packet passes ${partitionMs.p50} ms after the call (p99 ${partitionMs.p99} ms)`,
      `TCP through an impaired link: ${wireVsVeth.wire} Gbit/s, ${wireVsVeth.ratio} of a plain one (${wireVsVeth.veth})`,
      `UDP through an impaired link: ${wirePps.wire} packets/s, through a plain one ${wirePps.veth}`,
      `a delay of 20 ms is off by ${delayErrorMs.p50} ms (p99 ${delayErrorMs.p99} ms)`,
      `linux-ns test adds ${isolated.isolatedFileMs} ms to a test file`,
    ].join('\n');
    return { json: { ...hosts, ...faults, ...isolated }, text, charts: [] };
  },
};
