import { readFile, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Errno } from '../errors/errno';
import { systemError } from '../launch/failure';
import { writeCgroupFile } from './file';
import { type CgroupStats, parseStats } from './stats';

/** Milliseconds between two looks: doubled each time, up to the longer one. */
const PAUSE = { first: 1, longest: 50 };

/** How long the kernel may take to let go of a cgroup of which the last process has ended: milliseconds. */
const PATIENCE = 10_000;

/**
 * The cgroup v2 that was created for a program: see {@link ProgramOptions.cgroup}. It is removed when the program ends;
 * after that its methods reject with `ENOENT`.
 *
 * Its methods reject with a `NamespaceError`, `EACCES` when this process may not write to the cgroup. cgroups(7)
 */
export class Cgroup {
  /** Its directory, as this process sees it. */
  readonly path: string;
  #removing: Promise<void> | undefined;

  /** @internal */
  constructor(path: string) {
    this.path = path;
  }

  /** The pids of all processes in it, and in cgroups below it, as this process sees them. cgroup.procs */
  async processes(): Promise<number[]> {
    const lists = (await this.#directories()).map((directory) => readFile(join(directory, 'cgroup.procs'), 'utf8'));
    const texts = await this.#attempt('read', 'cgroup.procs', () => Promise.all(lists));
    // 0 stands for one that this process's pid namespace does not have.
    return texts.flatMap((text) => text.split('\n').map(Number)).filter((pid) => pid > 0);
  }

  /** What its processes use and have used, as far as the controllers that are enabled count it. */
  async stats(): Promise<CgroupStats> {
    // It tells whether the cgroup is there at all; the others may each be missing.
    const events = await this.#read('cgroup.events');
    const readOptional = (file: string): Promise<string | undefined> =>
      readFile(join(this.path, file), 'utf8').catch(() => undefined);
    return parseStats(events, readOptional);
  }

  /**
   * Stops all processes in it until {@link thaw}; resolves when they have stopped. They can still be killed.
   * cgroup.freeze, Linux 5.2
   */
  async freeze(): Promise<void> {
    await this.#write('cgroup.freeze', '1');
    await this.#until('frozen 1');
  }

  /** Lets them continue; resolves when they do. */
  async thaw(): Promise<void> {
    await this.#write('cgroup.freeze', '0');
    await this.#until('frozen 0');
  }

  /**
   * Kills all processes in it with SIGKILL, whatever their pid namespace, and also those that are forked meanwhile.
   * Resolves when there is none left. cgroup.kill, Linux 5.14; before that they are frozen and killed one by one.
   */
  async kill(): Promise<void> {
    try {
      await this.#write('cgroup.kill', '1');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await this.#killEach();
    }
    await this.#untilEmpty();
  }

  /** Kills what is left in it and removes it. Happens by itself when the program ends. Idempotent. */
  remove(): Promise<void> {
    this.#removing ??= this.#remove().catch((error: unknown) => {
      this.#removing = undefined;
      throw error;
    });
    return this.#removing;
  }

  /** {@link remove}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }

  async #remove(): Promise<void> {
    try {
      await this.kill();
      await this.#removeDirectories();
    } catch (error) {
      // Someone else has removed it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  /** Those that were made inside first. The kernel may count a process for a moment after it was reaped: EBUSY. */
  async #removeDirectories(): Promise<void> {
    const end = Date.now() + PATIENCE;
    for (let wait = PAUSE.first; ; wait = Math.min(2 * wait, PAUSE.longest)) {
      try {
        const directories = await this.#directories();
        await this.#attempt('remove', undefined, async () => {
          for (const directory of directories.reverse()) await rmdir(directory);
        });
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).errno !== -Errno.EBUSY || Date.now() > end) throw error;
        await pause(wait);
      }
    }
  }

  /** Frozen, they neither fork nor end by themselves: what the list says is still so when they are killed. */
  async #killEach(): Promise<void> {
    await this.freeze();
    const pids = await this.processes();
    await this.#attempt('kill', 'cgroup.procs', () => {
      for (const pid of pids) killQuietly(pid);
      return Promise.resolve();
    });
    await this.#write('cgroup.freeze', '0');
  }

  /** This directory and all below it, each before those in it. */
  #directories(): Promise<string[]> {
    return this.#attempt('read', undefined, () => treeOf(this.path));
  }

  /** With the program's end it may be removed meanwhile: ENOENT, or ENODEV of a file that is being read. */
  async #untilEmpty(): Promise<void> {
    try {
      await this.#until('populated 0');
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (!['ENOENT', 'ENODEV'].includes(code)) throw error;
    }
  }

  /** Waits for a line of cgroup.events. */
  async #until(line: string): Promise<void> {
    for (let wait = PAUSE.first; ; wait = Math.min(2 * wait, PAUSE.longest)) {
      const events = await this.#read('cgroup.events');
      if (events.split('\n').includes(line)) return;
      await pause(wait);
    }
  }

  #read(file: string): Promise<string> {
    return this.#attempt('read', file, () => readFile(join(this.path, file), 'utf8'));
  }

  #write(file: string, text: string): Promise<void> {
    return this.#attempt('write', file, () => writeCgroupFile(join(this.path, file), text));
  }

  async #attempt<T>(verb: string, file: string | undefined, act: () => Promise<T>): Promise<T> {
    const path = file === undefined ? this.path : join(this.path, file);
    try {
      return await act();
    } catch (error) {
      throw systemError(error, { step: `${verb} ${path}`, operation: `cgroup-${verb}`, path });
    }
  }
}

async function treeOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => treeOf(join(directory, name)));
  return [directory, ...(await Promise.all(below)).flat()];
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
