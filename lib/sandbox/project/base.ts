/**
 * The moment from which on a change on the host is one that the copy does not have, and what was applied since. An upper
 * directory that is kept has it in a file beside it, as a later sandbox goes on with the same copy.
 */
import { constants } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { systemError } from '../../errors/system-error';

/** Who can write in the directory of the file may have put a link or a FIFO there, which are not followed or waited for. */
const READ = { encoding: 'utf8', flag: constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK } as const;

/** The contents of the file, as JSON. */
interface Kept {
  readonly since: number;
  readonly applied: readonly (readonly [name: string, moment: number])[];
  readonly added: readonly string[];
}

export class Base {
  readonly #file: string | undefined;
  /** The moments when names were applied: what was on the host then is what the copy has. */
  readonly #applied: Map<string, number>;
  /** Names that the host has from the copy. */
  readonly #added: Set<string>;
  /** Names that the host has had, and that the copy has, too. */
  readonly #seen = new Set<string>();
  #since: number;

  private constructor(file: string | undefined, { since, applied, added }: Kept) {
    this.#file = file;
    this.#since = since;
    this.#applied = new Map(applied);
    this.#added = new Set(added);
  }

  /**
   * @param upper - the directory that is kept, if there is one
   * @param now - the time before the copy was mounted
   */
  static async of(upper: string | undefined, now: number): Promise<Base> {
    const fresh: Kept = { since: now, applied: [], added: [] };
    if (upper === undefined) return new Base(undefined, fresh);
    const file = `${upper}.base`;
    const text = await readFile(file, READ).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw systemError(error, { step: `keep ${file}`, operation: 'file', path: file });
    });
    const base = new Base(file, text === '' ? fresh : (JSON.parse(text) as Kept));
    if (text === '') await base.keep();
    return base;
  }

  /** Notes which files the host has. */
  saw(changes: readonly { readonly kind: string; readonly name: string }[]): void {
    for (const { kind, name } of changes) if (kind === 'M') this.#seen.add(name);
  }

  /** True if the host has had a file of that name when it was looked at before. */
  had(name: string): boolean {
    return this.#seen.has(name);
  }

  /** True if the directory was applied, and the name in it is the host's: the copy does not show it. */
  isUnseen(directory: string, name: string): boolean {
    return this.#added.has(directory) && !this.#added.has(name);
  }

  /** The moment for a name, in milliseconds since the epoch. */
  of(name: string): number {
    return this.#applied.get(name) ?? this.#since;
  }

  /** Notes what the host is about to get from the copy. */
  async adds(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    for (const name of names) this.#added.add(name);
    await this.keep();
  }

  /** The host has no longer these names. */
  removed(names: readonly string[]): void {
    for (const name of names) this.#added.delete(name);
  }

  /** The host has these names as the copy has them. */
  applied(names: Iterable<string>): void {
    const now = Date.now();
    for (const name of names) {
      this.#applied.set(name, now);
      this.#seen.delete(name);
    }
  }

  /** The host has all as the copy has it. */
  appliedAll(): void {
    this.#applied.clear();
    this.#since = Date.now();
  }

  /** Writes the file that a later sandbox reads, if there is one: it is whole, or the one before. */
  async keep(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    const kept: Kept = { since: this.#since, applied: [...this.#applied], added: [...this.#added] };
    try {
      await rm(`${file}.new`, { force: true });
      await writeFile(`${file}.new`, `${JSON.stringify(kept)}\n`, { flag: 'wx' });
      await rename(`${file}.new`, file);
    } catch (error) {
      throw systemError(error, { step: `keep ${file}`, operation: 'file', path: file });
    }
  }
}
