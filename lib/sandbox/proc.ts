/** The /proc of a sandbox. */
import type { Step } from '../../types/native';
import { PLACE } from '../plan/place';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { NOTHING_BUT_FILES, type Setting, filesystem } from './piece';
import { makeStep } from '../plan/step';

/** What changes the whole machine, and asks only for the user and not for capabilities. */
const NOT_WRITABLE = ['sys', 'sysrq-trigger', 'irq', 'bus', 'fs', 'pressure'];

/** What tells of the machine, or of others on it, as container runtimes hide it. Not every kernel has them all. */
const HIDDEN = [
  'acpi',
  'asound',
  'interrupts',
  'kallsyms',
  'kcore',
  'keys',
  'latency_stats',
  'mtrr',
  'sched_debug',
  'scsi',
  'timer_list',
  'timer_stats',
];

/** What only user 0 of the host may read, and that without any capability. */
const HIDDEN_FROM_ROOT = ['kpagecgroup', 'kpagecount', 'kpageflags', 'pagetypeinfo', 'slabinfo', 'vmallocinfo'];

/** Masked, or just as the kernel has it. */
export function procSteps(proc: string, masked: boolean, { asRoot }: Setting): Step[] {
  const mount = filesystem('proc', proc, [], NOTHING_BUT_FILES);
  if (!masked) return [mount];
  const names = asRoot ? [...HIDDEN, ...HIDDEN_FROM_ROOT] : HIDDEN;
  const writable = NOT_WRITABLE.map((name) => sealed(`${proc}/${name}`));
  return [mount, ...writable, ...names.map((name) => hidden(`${proc}/${name}`))];
}

/** Bound on itself, so that it can be read-only while the rest is not. */
function sealed(path: string): Step {
  const attributes = NOTHING_BUT_FILES | MOUNT_ATTR.RDONLY;
  return makeStep('seal', { target: path, attributes, flags: PLACE.RECURSIVE | PLACE.OPTIONAL });
}

function hidden(path: string): Step {
  return ['mask', path, 1];
}
