import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { ownPrefix, removeLeftovers } from './leftovers';

/** An empty directory for temporary files, in place of the one that all processes share. */
export interface Temporary {
  /** The directory that it is mounted on. */
  readonly directory: string;
  /** Absolute paths below the directory that stay visible. */
  readonly kept: readonly string[];
}

/**
 * The temporary directory of a process of its own.
 *
 * @param directory - the one that it would have otherwise
 * @param needed - files and directories that the process uses. Where one of them is below `directory`, all that is in
 * the same directory there stays visible
 */
export function temporaryFor(directory: string, needed: readonly string[]): Temporary {
  const real = realpathSync(directory);
  const below = needed.map((path) => resolve(path)).filter((path) => path.startsWith(real + sep));
  const tops = below.map((path) => join(real, path.slice(real.length + 1).split(sep)[0] ?? ''));
  return { directory: real, kept: [...new Set(tops)] };
}

/**
 * A directory of the test runner. Its own temporary files are there, and the processes that it forks see them in their
 * otherwise empty directories: Vitest hands modules to its workers by such files, and Jest has its cache there.
 */
export class RunnerDirectory {
  readonly path: string;
  /** The directory for the runner's temporary files. */
  readonly tmp: string;

  /**
   * Makes one, and removes those that killed runners have left beside it.
   *
   * @throws errors of `fs` if it cannot be made
   */
  static make(): RunnerDirectory {
    const parent = realpathSync(tmpdir());
    removeLeftovers(parent);
    const directory = new RunnerDirectory(mkdtempSync(join(parent, ownPrefix())));
    mkdirSync(directory.tmp);
    return directory;
  }

  constructor(path: string) {
    this.path = path;
    this.tmp = join(path, 'tmp');
  }

  /** Notes that a process has been isolated. */
  mark(): void {
    writeFileSync(this.#marker, '');
  }

  /** True if any process has been isolated. */
  get marked(): boolean {
    return existsSync(this.#marker);
  }

  get #marker(): string {
    return join(this.path, 'isolated');
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
