import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark } from '../benchmark';
import { summarizeAll } from '../measure/interleave';
import { measureConnect } from './connect';
import { measureDump } from './dump';
import { measureHttp } from './http';
import { measureMany } from './many';
import { measureNamed } from './named';
import { measureOperations } from './operations';
import { type Measured, chartsOf, format, reportOf } from './report';

/** A measurement that takes half a second is not repeated as often as one that takes a few milliseconds. */
const MOST_OF_LONG = 40;
const MOST_OF_VERY_LONG = 8;

/** Networks, beside ip(8) and Node's own sockets. */
export const network: Benchmark = {
  summary: 'networks: named namespaces, links, addresses and dumps beside ip(8); sockets of other namespaces',
  async run(samples) {
    const measured: Measured = {
      named: summarizeAll(await step('named namespaces', async () => (isRoot() ? measureNamed(samples) : {}))),
      ...(await step('150 operations', async () => {
        const { batch, single } = await measureOperations(
          Math.min(samples, MOST_OF_LONG),
          Math.min(samples, MOST_OF_VERY_LONG),
        );
        return { batch: summarizeAll(batch), single: summarizeAll(single) };
      })),
      dump: summarizeAll(await step('500 links and 1,000 routes', () => measureDump(samples))),
      connect: summarizeAll(await step('TCP connections', () => measureConnect(samples, ['user', 'net']))),
      http: summarizeAll(await step('HTTP', () => measureHttp(Math.min(samples, MOST_OF_LONG)))),
      many: await step('1,000 namespaces', measureMany),
    };
    const report = reportOf(measured);
    return { json: report, text: format(report), charts: chartsOf(report) };
  },
};

/**
 * The kernel takes network namespaces down in its own time. This waits, so that a measurement does not pay for the one
 * before.
 */
async function step<T>(what: string, measure: () => Promise<T>): Promise<T> {
  console.error(`measuring ${what}`);
  const result = await measure();
  await sleep(500);
  return result;
}

function isRoot(): boolean {
  return process.geteuid!() === 0;
}
