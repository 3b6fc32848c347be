/** The /dev of a sandbox. */
import type { Step } from '../../types/native';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { NOSUID, type Setting, bind, filesystem, modeParameter } from './piece';
import { makeStep } from '../plan/step';

/**
 * The devices of the host that programs may have: they reveal nothing about the host. null(4), full(4), random(4),
 * tty(4)
 */
const NODES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

const LINKS = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
] as const;

/**
 * The attributes of a mount where no program can be run and set-user-ID bits have no effect, but devices can be opened.
 */
const NO_PROGRAMS = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NOEXEC;

/**
 * A device can be read and written on a read-only mount too. But its inode, which is the host's, cannot be changed
 * there; on a writable mount, a program with the uid of its owner could change its mode and its times. mount(2)
 */
const UNCHANGEABLE = NO_PROGRAMS | MOUNT_ATTR.RDONLY;

/** The steps that make a /dev at the path `dev`. With `exec`, files that programs put there can be run. */
export function deviceSteps(dev: string, exec: boolean, { owner, terminal }: Setting): Step[] {
  return [
    filesystem('tmpfs', dev, [modeParameter(0o755), ...owner], exec ? NOSUID : NO_PROGRAMS),
    ...NODES.map((name) => bind(`/dev/${name}`, `${dev}/${name}`, UNCHANGEABLE)),
    ...LINKS.map(([name, to]): Step => ['make_link', `${dev}/${name}`, to]),
    makeStep('make_dir', { path: `${dev}/shm`, mode: 0o1777 }),
    ...(terminal ? terminalSteps(dev) : []),
  ];
}

/** The steps that mount a devpts of the sandbox's own, which has none of the host's terminals. pts(4) */
function terminalSteps(dev: string): Step[] {
  return [
    filesystem('devpts', `${dev}/pts`, ['newinstance', 'ptmxmode=0666', modeParameter(0o620)], NO_PROGRAMS),
    ['make_link', `${dev}/ptmx`, 'pts/ptmx'],
  ];
}
