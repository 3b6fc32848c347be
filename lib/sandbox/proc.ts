/** The /proc of a sandbox. */
import type { Step } from '../../types/native';
import { PLACE } from '../plan/place';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { NOTHING_BUT_FILES, type Setting, filesystem } from './piece';
import { makeStep } from '../plan/step';

/** The entries that change the whole machine, and that the kernel protects by the user id and not by capabilities. */
const NOT_WRITABLE = ['sys', 'sysrq-trigger', 'irq', 'bus', 'fs', 'pressure'];

/**
 * The entries that reveal the state of the machine, or of other users' programs. Container runtimes hide them too. Not
 * every kernel has all of them.
 */
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

/** The entries that only user 0 of the host may read, who needs no capability for it. */
const HIDDEN_FROM_ROOT = ['kpagecgroup', 'kpagecount', 'kpageflags', 'pagetypeinfo', 'slabinfo', 'vmallocinfo'];

/** The steps that mount a /proc at the path `proc`: masked, or as the kernel makes it. */
export function procSteps(proc: string, masked: boolean, { asRoot }: Setting): Step[] {
  const mount = filesystem('proc', proc, [], NOTHING_BUT_FILES);
  if (!masked) return [mount];
  const names = asRoot ? [...HIDDEN, ...HIDDEN_FROM_ROOT] : HIDDEN;
  const writable = NOT_WRITABLE.map((name) => sealed(`${proc}/${name}`));
  return [mount, ...writable, ...names.map((name) => hidden(`${proc}/${name}`))];
}

/** The step that bind-mounts a path on itself, so that it can be read-only while the rest of /proc is not. */
function sealed(path: string): Step {
  const attributes = NOTHING_BUT_FILES | MOUNT_ATTR.RDONLY;
  return makeStep('seal', { target: path, attributes, flags: PLACE.RECURSIVE | PLACE.OPTIONAL });
}

function hidden(path: string): Step {
  return ['mask', path, 1];
}
