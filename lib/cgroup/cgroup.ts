import { closeSync, constants, openSync, readFileSync, readdirSync, rmdirSync, writeSync } from 'node:fs';
import { readFile, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Errno } from '../kernel/errno';
import { NamespaceError } from '../errors/namespace-error';
import { type Parsed, abortSignal, integer, schema } from '../errors/schema';
import { atExit, untilDone } from '../handle/at-exit';
import { systemError } from '../errors/system-error';
import { writeCgroupFile } from './file';
import { type CgroupStats, parseStats } from './stats';

/** Milliseconds between two looks: the pause doubles each time, up to the longest. */
const PAUSE = { first: 1, longest: 50 };

/** The longest wait for the kernel, in milliseconds: processes that wait for a device neither freeze nor end. */
const PATIENCE = 30_000;

const FREEZE = schema<FreezeOptions>()({ timeout: integer(1, 2 ** 31 - 1), signal: abortSignal });

/** The limits of a wait. */
type Limits = Parsed<typeof FREEZE>;

/** Options of {@link Cgroup.freeze} and {@link Cgroup.thaw}. Unknown ones are errors. */
export interface FreezeOptions {
  /** The longest wait in milliseconds, 1 to 2^31 - 1. Default: 30,000. */
  timeout?: number | undefined;
  /** Aborting it ends the wait: the call rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/**
 * The cgroup v2 that was created for a program: see {@link ProgramOptions.cgroup}. It is removed when the program ends;
 * after that its methods reject with `ENOENT`.
 *
 * Its methods reject with a `NamespaceError`, `EACCES` when this process may not write to the cgroup. cgroups(7)
 */
export class Cgroup {
  /** Its directory, as this process sees it. */
  readonly path: string;
  #deleting: Promise<void> | undefined;
  #stay: (() => void) | undefined;

  /** @internal */
  constructor(path: string) {
    this.path = path;
  }

  /** Has it removed, with everything in it, when this process ends by itself. @internal */
  removeAtExit(): void {
    this.#stay ??= atExit(() => removeNow(this.path));
  }

  /** Takes back {@link removeAtExit}. @internal */
  stayAtExit(): void {
    this.#stay?.();
    this.#stay = undefined;
  }

  /** The pids of all processes in it, and in cgroups below it, as this process sees them. cgroup.procs */
  async processes(): Promise<number[]> {
    const lists = (await this.#directories()).map((directory) => readFile(join(directory, 'cgroup.procs'), 'utf8'));
    const texts = await this.#attempt('read', 'cgroup.procs', () => Promise.all(lists));
    // 0 stands for a process that has no pid in this process's pid namespace.
    return texts.flatMap((text) => text.split('\n').map(Number)).filter((pid) => pid > 0);
  }

  /** Reads the use of its processes, now and so far, as far as the enabled controllers count it. */
  async stats(): Promise<CgroupStats> {
    // This file exists as long as the cgroup does; each of the others may be missing.
    const events = await this.#read('cgroup.events');
    const readOptional = (file: string): Promise<string | undefined> =>
      readFile(join(this.path, file), 'utf8').catch(() => undefined);
    return parseStats(events, readOptional);
  }

  /**
   * Stops all processes in it until {@link thaw}; resolves when they have stopped. They can still be killed.
   *
   * A process that waits for a device or a file server in the kernel (state D in ps(1)) stops only when that has
   * answered. If one has not stopped within the time-out, none stays stopped. cgroup.freeze, Linux 5.2
   *
   * @throws NamespaceError `ETIMEDOUT` when a process does not stop; TypeError, RangeError for bad options
   */
  async freeze(options: FreezeOptions = {}): Promise<void> {
    const limits = FREEZE('options', options);
    await this.#write('cgroup.freeze', '1');
    try {
      await this.#until('frozen 1', 'freeze', limits);
    } catch (error) {
      await this.#write('cgroup.freeze', '0').catch(() => undefined);
      throw error;
    }
  }

  /** Lets them continue; resolves when they do. @throws NamespaceError `ETIMEDOUT`, as {@link freeze} */
  async thaw(options: FreezeOptions = {}): Promise<void> {
    const limits = FREEZE('options', options);
    await this.#write('cgroup.freeze', '0');
    await this.#until('frozen 0', 'thaw', limits);
  }

  /**
   * Kills all processes in it with SIGKILL, whatever their pid namespace, and also those that are forked meanwhile.
   * Resolves when there is none left. cgroup.kill, Linux 5.14; before that they are frozen and killed one by one.
   *
   * @throws NamespaceError `ETIMEDOUT` when a process has not ended after 30 seconds: it ends when the device or file
   *   server has answered that it waits for in the kernel
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

  /**
   * Kills the processes that are left in it, and deletes it. That happens by itself when the program ends. Calling it
   * again changes nothing.
   */
  delete(): Promise<void> {
    this.#deleting ??= this.#delete().catch((error: unknown) => {
      this.#deleting = undefined;
      throw error;
    });
    return this.#deleting;
  }

  /** {@link delete}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.delete();
  }

  async #delete(): Promise<void> {
    try {
      await this.kill();
      await this.#removeDirectories();
    } catch (error) {
      // Someone else has removed it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    this.stayAtExit();
  }

  /**
   * Removes this directory and those below it, the innermost first. The kernel may count a process for a moment after
   * it was reaped: EBUSY.
   */
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

  /**
   * Kills the processes one by one. They are frozen meanwhile, so they neither fork nor end by themselves, and the list
   * stays true.
   */
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

  /**
   * Waits until it is empty. With the end of the program it may be removed meanwhile: ENOENT, or ENODEV for a file that
   * is being read.
   */
  async #untilEmpty(): Promise<void> {
    try {
      await this.#until('populated 0', 'kill', {});
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (!['ENOENT', 'ENODEV'].includes(code)) throw error;
    }
  }

  /** Waits for a line of cgroup.events. */
  async #until(line: string, verb: string, { timeout = PATIENCE, signal }: Limits): Promise<void> {
    const end = Date.now() + timeout;
    for (let wait = PAUSE.first; ; wait = Math.min(2 * wait, PAUSE.longest)) {
      const events = await this.#read('cgroup.events');
      if (events.split('\n').includes(line)) return;
      if (Date.now() > end) throw await this.#tooLate(verb, timeout);
      await pause(wait, undefined, { signal });
    }
  }

  async #tooLate(verb: string, timeout: number): Promise<NamespaceError> {
    const pids = await this.processes().catch(() => []);
    return new NamespaceError({
      code: 'ETIMEDOUT',
      message: `not done within ${timeout} ms for the processes ${pids.join(', ')}`,
      step: `${verb} ${this.path}`,
      path: this.path,
      hint:
        "One that 'ps -o pid,state,wchan' shows in state D waits in the kernel for a device or a file server, and neither " +
        'stops nor ends before that has answered.',
    });
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

/** Kills all that is in a cgroup, and removes it: at the end of this process. */
function removeNow(path: string): void {
  untilDone(() => {
    const directories = directoriesNow(path);
    killNow(directories);
    for (const directory of directories.reverse()) rmdirSync(directory);
  });
}

/** This directory and all below it; none where the cgroup does not exist any more. */
function directoriesNow(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [path, ...entries.flatMap(({ name }) => directoriesNow(join(path, name)))];
  } catch {
    return [];
  }
}

/** Kills all processes. Without cgroup.kill, processes that are forked meanwhile are found by the next attempt. */
function killNow([path, ...below]: readonly string[]): void {
  if (path === undefined) return;
  try {
    writeNow(join(path, 'cgroup.kill'), '1');
  } catch {
    const lists = [path, ...below].map((directory) => readFileSync(join(directory, 'cgroup.procs'), 'utf8'));
    for (const pid of lists.join('').split('\n').map(Number)) if (pid > 0) killQuietly(pid);
  }
}

function writeNow(path: string, text: string): void {
  const fd = openSync(path, constants.O_WRONLY);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}
