import { lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type MountLine, parseMountLine } from './mount-line';

/**
 * Reads this host's `/proc`, `/sys` and `/etc`, synchronously (the kernel makes these files in memory, in
 * microseconds), and never throws: a file that is missing, or cannot be read, is `undefined`. An object is one look at
 * the host and reads each file once, so make a new one for the next look.
 *
 * The roots are parameters so that a test can show it the files of another host.
 */
export class HostFiles {
  readonly #proc: string;
  readonly #sys: string;
  readonly #etc: string;
  readonly #texts = new Map<string, string | undefined>();

  constructor(proc = '/proc', sys = '/sys', etc = '/etc') {
    this.#proc = proc;
    this.#sys = sys;
    this.#etc = etc;
  }

  /** The text of a file below /proc: `proc('self/status')`. */
  proc(path: string): string | undefined {
    return this.#text(join(this.#proc, path));
  }

  /** The text of a file below /sys: `sys('fs/cgroup/pids.max')`. */
  sys(path: string): string | undefined {
    return this.#text(join(this.#sys, path));
  }

  /** The text of a file below /etc: `etc('subuid')`. */
  etc(path: string): string | undefined {
    return this.#text(join(this.#etc, path));
  }

  /** The target of a link below /proc: `link('self/ns/net')` is `'net:[4026531840]'`. */
  link(path: string): string | undefined {
    return quietly(() => readlinkSync(join(this.#proc, path)));
  }

  /** True where there is such a name below /proc. */
  has(path: string): boolean {
    return quietly(() => lstatSync(join(this.#proc, path))) !== undefined;
  }

  /** The permission bits of any file, given its whole path. */
  mode(path: string): number | undefined {
    return quietly(() => statSync(path).mode);
  }

  /** The user id of the owner of any file, given its whole path; `kernel.overflowuid` for one that is not mapped. */
  owner(path: string): number | undefined {
    return quietly(() => statSync(path).uid);
  }

  /** A sysctl by the name that sysctl(8) knows it by: `sysctl('kernel.unprivileged_userns_clone')`. */
  sysctl(name: string): number | undefined {
    return numberOf(this.proc(`sys/${name.replaceAll('.', '/')}`));
  }

  /** A line of `/proc/self/status` (`proc_pid_status(5)`): `status('CapEff')`. */
  status(field: string): string | undefined {
    const status = this.proc('self/status');
    return status
      ?.split('\n')
      .find((line) => line.startsWith(`${field}:`))
      ?.slice(field.length + 1)
      .trim();
  }

  /**
   * The start time of a task below /proc, in clock ticks since the host was started. It is the 22nd field of
   * proc_pid_stat(5); the name before it may contain anything.
   */
  startTime(task: string | number): string | undefined {
    return this.#stat(task)?.[22 - 3];
  }

  /**
   * The place of the arguments of a program in its memory, which is another one after each exec: the 48th and 49th field of
   * proc_pid_stat(5). They are 0 for who may not look at the process.
   */
  argumentsPlace(task: string | number): string | undefined {
    return this.#stat(task)
      ?.slice(48 - 3, 50 - 3)
      .join('-');
  }

  /** A soft limit of `/proc/self/limits`: `limit('Max processes')`; Infinity when there is none. */
  limit(name: string): number | undefined {
    return this.#limit(name, 0);
  }

  /** The hard limit of the same name: see {@link limit}. */
  hardLimit(name: string): number | undefined {
    return this.#limit(name, 1);
  }

  /** The mounts that this process sees (`proc_pid_mountinfo(5)`); undefined without /proc. */
  mounts(): MountLine[] | undefined {
    return this.proc('self/mountinfo')?.split('\n').filter(Boolean).map(parseMountLine);
  }

  /** The fields of proc_pid_stat(5) from the third on. */
  #stat(task: string | number): string[] | undefined {
    const stat = this.proc(`${task}/stat`);
    return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  }

  #limit(name: string, column: 0 | 1): number | undefined {
    const limits = this.proc('self/limits');
    const line = limits?.split('\n').find((candidate) => candidate.startsWith(name));
    const limit = line?.slice(name.length).trim().split(/\s+/)[column];
    return limit === 'unlimited' ? Infinity : numberOf(limit);
  }

  #text(path: string): string | undefined {
    if (!this.#texts.has(path)) {
      this.#texts.set(
        path,
        quietly(() => readFileSync(path, 'utf8')),
      );
    }
    return this.#texts.get(path);
  }
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*-?\d+\s*$/.test(text) ? Number(text) : undefined;
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
