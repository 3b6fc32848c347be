/**
 * Work directories of overlays, on the host: a sandbox's own, and gone with it. A program of another sandbox may be able to
 * write where they lie, and put something else there. So they are known by descriptor, nothing is followed, and nothing is
 * removed but what the kernel makes in them.
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

/** Names that overlays have in their work directory: the kernel's Documentation/filesystems/overlayfs.rst. */
const NAMES_OF_KERNEL: readonly string[] = ['work', 'index'];

/** The kernel makes its directories so that nobody may look into them. */
const OWNER_ALONE = 0o700;

/** O_PATH, open(2): no right to read is needed, and a path of /proc leads to what was opened. */
const O_PATH = 0o10000000;
const DIRECTORY = constants.O_DIRECTORY | constants.O_NOFOLLOW;

interface WorkDirectory {
  readonly path: string;
  readonly fd: number;
  /** False for one that was there: a sandbox may use it at the moment, which the lock of `upper` tells later. */
  readonly made: boolean;
}

export class WorkDirectories {
  readonly #directories: WorkDirectory[] = [];
  readonly #settled: () => void;
  #sandbox: { end(): void } | undefined;

  /** @param diesWithProcess - whether they are removed when this process ends by itself */
  constructor(diesWithProcess: boolean) {
    this.#settled = diesWithProcess ? atExit(() => this.#removeNow()) : () => undefined;
  }

  /**
   * Makes one, to be removed. What a sandbox has left whose process was killed will do. Where there is no directory for it
   * there is no upper layer either, and the overlay fails for want of that.
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

  /** The sandbox that writes there, and has to be ended first. From here on they are its own. */
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

  /** What cannot be removed is left, and so is what somebody else has put there. */
  *#removal(directory: WorkDirectory): Generator<void> {
    if (!directory.made && this.#sandbox === undefined) return;
    for (const name of NAMES_OF_KERNEL) yield* removalOf(directory.fd, Buffer.from(name));
    if (isThere(directory)) attempt(() => rmdirSync(directory.path));
  }
}

/** False where there is something by that name, undefined where there is nothing to make it in. */
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

/** Whether it is what an overlay leaves, and of this user. */
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

/** Whether its path still leads to it. */
function isThere({ path, fd }: WorkDirectory): boolean {
  const is = lstatSync(path, { throwIfNoEntry: false });
  const was = fstatSync(fd);
  return is?.ino === was.ino && is.dev === was.dev;
}

/** Deeper than this nothing of the kernel's lies. */
const MOST_LEVELS = 8;

/** Removes what is under a name in a directory, with all that is in it: by descriptor, one entry each time. */
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
