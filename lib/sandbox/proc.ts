/** The /proc of a sandbox. */
import type { Step } from '../../types/native';
import { PLACE } from '../plan/place';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { NOTHING_BUT_FILES, type Setting, bind, filesystem } from './piece';
import { NamespaceError } from '../errors/namespace-error';
import { HostFiles } from '../kernel/host-files';
import { type Target, run } from '../launch/launch';
import type { SandboxReport } from './sandbox-spec';
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
export function procSteps(proc: string, masked: boolean, setting: Setting): Step[] {
  const mount = filesystem('proc', proc, [], NOTHING_BUT_FILES);
  if (!masked) return [mount];
  return [mount, ...NOT_WRITABLE.map((name) => sealed(`${proc}/${name}`)), ...hiddenIn(proc, setting)];
}

/**
 * The steps that make the /proc that was chosen. That of this process has files by which a program could change other
 * processes of its user (/proc/PID/oom_score_adj, coredump_filter), so all of it is read-only.
 */
export function chosenProcSteps(proc: string, choice: SandboxReport['proc'], setting: Setting): Step[] {
  if (choice === 'none') return [];
  if (choice === 'own') return procSteps(proc, true, setting);
  return [bind('/proc', proc, NOTHING_BUT_FILES | MOUNT_ATTR.RDONLY), ...hiddenIn(proc, setting)];
}

/** The /proc that was chosen, and why it is not the sandbox's own. */
export type ProcChoice = Pick<SandboxReport, 'proc' | 'reason'>;

/**
 * Chooses the /proc for `proc: 'auto'`, by mounting one in namespaces like those of the sandbox. This process's own is
 * taken only for a sandbox in a new user namespace: programs of one user namespace can reach the files of others there,
 * by /proc/PID/root.
 */
export async function chooseProc(target: Target, inNewUser: boolean): Promise<ProcChoice> {
  try {
    await run(target, [filesystem('proc', '/proc', [], 0, 0)]);
    return { proc: 'own', reason: undefined };
  } catch (error) {
    if (!(error instanceof NamespaceError) || !isRefusedMount(error)) return { proc: 'own', reason: undefined };
    const seen = new HostFiles().mounts()?.some(({ type, target: at }) => type === 'proc' && at === '/proc');
    return { proc: inNewUser && seen === true ? 'host' : 'none', reason: error.hint ?? error.message };
  }
}

/** True for the refusal of the filesystem itself. Whatever else has failed, the sandbox will fail with too. */
function isRefusedMount({ code, syscall }: NamespaceError): boolean {
  return code === 'EPERM' && syscall?.startsWith('fs') === true;
}

function hiddenIn(proc: string, { asRoot }: Setting): Step[] {
  const names = asRoot ? [...HIDDEN, ...HIDDEN_FROM_ROOT] : HIDDEN;
  return names.map((name) => hidden(`${proc}/${name}`));
}

/** The step that bind-mounts a path on itself, so that it can be read-only while the rest of /proc is not. */
function sealed(path: string): Step {
  const attributes = NOTHING_BUT_FILES | MOUNT_ATTR.RDONLY;
  return makeStep('seal', { target: path, attributes, flags: PLACE.RECURSIVE | PLACE.OPTIONAL });
}

function hidden(path: string): Step {
  return ['mask', path, 1];
}
