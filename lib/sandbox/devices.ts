/** The /dev of a sandbox. */
import type { Step } from '../../types/native';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { NOSUID, type Setting, bind, filesystem, modeParameter } from './piece';
import { makeStep } from '../plan/step';

/** Devices that give nothing away: null(4), full(4), random(4), tty(4). */
const NODES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

const LINKS = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
] as const;

/** Nothing there is a program, and set-user-ID bits count for nothing; but devices can be opened. */
const NO_PROGRAMS = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NOEXEC;

/**
 * A device can be read and written on a read-only mount, too. But its inode, which is the host's, cannot be changed there:
 * whoever has the uid of its owner could give it another mode, and other times. mount(2)
 */
const UNCHANGEABLE = NO_PROGRAMS | MOUNT_ATTR.RDONLY;

/** exec: files that programs put there can be run. */
export function deviceSteps(dev: string, exec: boolean, { owner, terminal }: Setting): Step[] {
  return [
    filesystem('tmpfs', dev, [modeParameter(0o755), ...owner], exec ? NOSUID : NO_PROGRAMS),
    ...NODES.map((name) => bind(`/dev/${name}`, `${dev}/${name}`, UNCHANGEABLE)),
    ...LINKS.map(([name, to]): Step => ['make_link', `${dev}/${name}`, to]),
    makeStep('make_dir', { path: `${dev}/shm`, mode: 0o1777 }),
    ...(terminal ? terminalSteps(dev) : []),
  ];
}

/** One of the sandbox's own: terminals of the host's are not in it. pts(4) */
function terminalSteps(dev: string): Step[] {
  return [
    filesystem('devpts', `${dev}/pts`, ['newinstance', 'ptmxmode=0666', modeParameter(0o620)], NO_PROGRAMS),
    ['make_link', `${dev}/ptmx`, 'pts/ptmx'],
  ];
}
