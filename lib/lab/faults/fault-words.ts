/** Faults as a reader sees them, in pictures and in texts. */
import { ruleWords } from './cut-rule';
import type { Fault } from './faults';
import type { Impairment } from './impairment';

/** `'partition [a] [b c]'`, `'lan: 50 ms ± 5, 1 % lost'` */
export function faultWords(fault: Fault): string {
  if (fault.kind !== 'impair') return ruleWords(fault);
  const { on, impairment } = fault;
  const what = 'from' in on ? `${on.from} → ${on.to}` : 'host' in on ? `${on.host} on ${on.network}` : on.network;
  return `${what}: ${impairmentText(impairment)}`;
}

/** `'50 ms ± 5, 1 % lost, 10mbit'` */
export function impairmentText(impairment: Impairment): string {
  const { delay, jitter, loss, duplicate, reorder, corrupt, rate, mtu } = impairment;
  const share = (part: number | undefined, words: string): string[] =>
    part === undefined || part === 0 ? [] : [`${Number((part * 100).toPrecision(3))} % ${words}`];
  const varies = jitter === undefined ? '' : ` ± ${jitter}`;
  return [
    ...(delay === undefined && jitter === undefined ? [] : [`${delay ?? 0} ms${varies}`]),
    ...share(loss, 'lost'),
    ...share(duplicate, 'twice'),
    ...share(reorder, 'early'),
    ...share(corrupt, 'corrupt'),
    ...(rate === undefined ? [] : [typeof rate === 'string' ? rate : bits(rate)]),
    ...(mtu === undefined ? [] : [`MTU ${mtu}`]),
  ].join(', ');
}

function bits(rate: number): string {
  const [unit, size] = (
    [
      ['gbit', 1e9],
      ['mbit', 1e6],
      ['kbit', 1e3],
    ] as const
  ).find(([, each]) => rate >= each) ?? ['bit', 1];
  return `${Number((rate / size).toPrecision(3))}${unit}`;
}
