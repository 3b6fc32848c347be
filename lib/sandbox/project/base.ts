/**
 * The moment from which on a change on the host is one that the copy does not have. An upper directory that is kept has
 * it in a file beside it, as a later sandbox goes on with the same copy.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { systemError } from '../../errors/system-error';

export class Base {
  readonly #file: string | undefined;
  /** The moments when names were applied: what was on the host then is what the copy has. */
  readonly #applied = new Map<string, number>();
  /** Names that the host has had, and that the copy has, too. */
  readonly #seen = new Set<string>();
  #since: number;

  private constructor(file: string | undefined, since: number) {
    this.#file = file;
    this.#since = since;
  }

  /**
   * @param upper - the directory that is kept, if there is one
   * @param now - the time before the copy was mounted
   */
  static async of(upper: string | undefined, now: number): Promise<Base> {
    if (upper === undefined) return new Base(undefined, now);
    const file = `${upper}.base`;
    try {
      const since = Number(await readFile(file, 'utf8').catch(none));
      if (since > 0) return new Base(file, since);
      const base = new Base(file, now);
      await base.#keep();
      return base;
    } catch (error) {
      throw systemError(error, { step: `keep ${file}`, operation: 'file', path: file });
    }
  }

  /** Notes which files the host has. */
  saw(changes: readonly { readonly kind: string; readonly name: string }[]): void {
    for (const { kind, name } of changes) if (kind === 'M') this.#seen.add(name);
  }

  /** True if the host has had a file of that name when it was looked at before. */
  had(name: string): boolean {
    return this.#seen.has(name);
  }

  /** The moment for a name, in milliseconds since the epoch. */
  of(name: string): number {
    return this.#applied.get(name) ?? this.#since;
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
  async appliedAll(): Promise<void> {
    this.#applied.clear();
    this.#since = Date.now();
    if (this.#file !== undefined) await this.#keep();
  }

  async #keep(): Promise<void> {
    const file = this.#file ?? '';
    await writeFile(`${file}.new`, `${this.#since}\n`);
    await rename(`${file}.new`, file);
  }
}

function none(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}
