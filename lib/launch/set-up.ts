import type { Step } from '../../types/native';
import { PROPAGATION_FLAGS } from '../kernel/propagation';
import { MS_REC } from '../kernel/mount-flags';
import { type UnshareSpec, nanosecondsOf, optionsOf } from './unshare-spec';

/** The steps that prepare new namespaces before anything else uses them. */
export function setUpSteps(spec: UnshareSpec): Step[] {
  const steps: Step[] = [];
  const { propagation = 'private' } = optionsOf(spec, 'mnt');
  const { loopback = true } = optionsOf(spec, 'net');
  const { hostname, domainname } = optionsOf(spec, 'uts');
  if (spec.mnt !== undefined && propagation !== 'unchanged') {
    steps.push(['propagation', '/', MS_REC | PROPAGATION_FLAGS[propagation]]);
  }
  if (spec.net !== undefined && loopback) steps.push(['loopback']);
  if (hostname !== undefined) steps.push(['hostname', hostname]);
  if (domainname !== undefined) steps.push(['domainname', domainname]);
  return steps;
}

/** The text of /proc/PID/timens_offsets (`time_namespaces(7)`), or null when no offset is asked for. */
export function timensOffsets(offsets: Exclude<UnshareSpec['time'], true | undefined>): string | null {
  const lines = (['monotonic', 'boottime'] as const).map((clock) => {
    const offset = offsets[clock];
    return offset === undefined ? '' : `${clock} ${secondsAndNanoseconds(nanosecondsOf(offset))}\n`;
  });
  return lines.join('') || null;
}

/** Splits an offset for the kernel, where the nanoseconds are never negative: -0.5 s is "-1 500000000". */
function secondsAndNanoseconds(offset: bigint): string {
  const billion = 1_000_000_000n;
  const nanoseconds = ((offset % billion) + billion) % billion;
  return `${(offset - nanoseconds) / billion} ${nanoseconds}`;
}
