/**
 * Work directories of overlays, on the host. They belong to one sandbox, and are removed with it. A program of another
 * sandbox may be able to write where they lie, and put something else in their place. So they are held by descriptor,
 * no link is followed, and only the directories that the kernel makes in them are removed.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { NamespaceError } from '../errors/namespace-error';
import { systemError } from '../errors/system-error';
import { pause } from '../event-loop/turns';
import { atExit, untilDone } from '../handle/at-exit';

/** The names that the kernel uses in the work directory of an overlay: its Documentation/filesystems/overlayfs.rst. */
const NAMES_OF_KERNEL: readonly string[] = ['work', 'index'];

/** The mode that lets the owner read a directory: the kernel makes its own with mode 0. */
const OWNER_ALONE = 0o700;

/** Opens without the right to read, and the path /proc/self/fd/N then leads to the opened file. open(2) */
const O_PATH = 0o10000000;
const DIRECTORY = constants.O_DIRECTORY | constants.O_NOFOLLOW;

interface WorkDirectory {
  readonly path: string;
  readonly fd: number;
  /**
   * False if the directory was there already. Another sandbox may be using it: the lock on `upper` shows that later.
   */
  readonly made: boolean;
}

export class WorkDirectories {
  readonly #directories: WorkDirectory[] = [];
  readonly #settled: () => void;
  #sandbox: { end(): void } | undefined;

  /** @param diesWithProcess - true if they are removed when this process exits */
  constructor(diesWithProcess: boolean) {
    this.#settled = diesWithProcess ? atExit(() => this.#removeNow()) : () => undefined;
  }

  /**
   * Makes a work directory, which {@link remove} removes. One that another sandbox has left, because its process was
   * killed, is used again. If the parent directory does not exist, there is no upper layer either, and mounting the
   * overlay fails for that reason.
   */
  make(path: string): void {
    const step = `make work directory ${path}`;
    try {
      const made = makeDirectory(path);
      if (made === undefined) return;
      const fd = openSync(path, constants.O_RDONLY | DIRECTORY);
      this.#directories.push({ path, fd, made });
      if (!made && !isLeft(fd)) throw occupied(path, step);
    } catch (error) {
      throw systemError(error, { step, operation: 'file', path });
    }
  }

  /**
   * Names the sandbox that writes there, and has to be ended before they are removed. From here on the directories are
   * its own.
   */
  usedBy(sandbox: { end(): void }): void {
    this.#sandbox = sandbox;
  }

  async remove(): Promise<void> {
    const directories = this.#directories.splice(0);
    for (const directory of directories) {
      for (const _ of this.#removal(directory)) await pause();
      closeSync(directory.fd);
    }
    this.#settled();
  }

  #removeNow(): void {
    if (this.#directories.length === 0) return;
    this.#sandbox?.end();
    untilDone(() => {
      for (const directory of this.#directories) for (const _ of this.#removal(directory));
      if (this.#directories.some(isThere)) throw new Error('not yet');
    });
  }

  /** Removes a directory. Entries that cannot be removed stay, and so do entries that somebody else has put there. */
  *#removal(directory: WorkDirectory): Generator<void> {
    if (!directory.made && this.#sandbox === undefined) return;
    for (const name of NAMES_OF_KERNEL) yield* removalOf(directory.fd, Buffer.from(name));
    if (isThere(directory)) attempt(() => rmdirSync(directory.path));
  }
}

/** Makes a directory. Returns false if the path exists already, undefined if its parent does not exist. */
function makeDirectory(path: string): boolean | undefined {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code === 'ENOENT') return undefined;
    throw error;
  }
}

/** True if the directory belongs to this user, and has only the entries that an overlay leaves. */
function isLeft(fd: number): boolean {
  return (
    fstatSync(fd).uid === process.geteuid?.() && namesIn(fd).every((name) => NAMES_OF_KERNEL.includes(name.toString()))
  );
}

function occupied(path: string, step: string): NamespaceError {
  return new NamespaceError({
    code: 'EEXIST',
    message: `${path} has other things in it than an overlay leaves`,
    path,
    step,
    hint: "It would be removed with the sandbox. Move it away, or give the overlay another 'upper', or a 'work' of its own.",
  });
}

/** True if the path of the directory still leads to it. */
function isThere({ path, fd }: WorkDirectory): boolean {
  const is = lstatSync(path, { throwIfNoEntry: false });
  const was = fstatSync(fd);
  return is?.ino === was.ino && is.dev === was.dev;
}

/** The number of levels to go down at most: the kernel's own entries lie less deep. */
const MOST_LEVELS = 8;

/** Removes the entry of that name in a directory, and all that is in it. It goes by descriptor, one entry at a time. */
function* removalOf(directory: number, name: Buffer, level = 0): Generator<void> {
  const path = Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), name]);
  yield;
  if (attempt(() => rmdirSync(path)) || attempt(() => unlinkSync(path))) return;
  let child = -1;
  if (level === MOST_LEVELS || !attempt(() => (child = openSync(path, O_PATH | DIRECTORY)))) return;
  try {
    attempt(() => chmodSync(`/proc/self/fd/${child}`, OWNER_ALONE));
    for (const inside of namesIn(child)) yield* removalOf(child, inside, level + 1);
    attempt(() => rmdirSync(path));
  } finally {
    closeSync(child);
  }
}

function namesIn(directory: number): Buffer[] {
  try {
    return readdirSync(`/proc/self/fd/${directory}`, { encoding: 'buffer' });
  } catch {
    return [];
  }
}

function attempt(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
