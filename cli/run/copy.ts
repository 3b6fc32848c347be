/** The copy of the project that a program of `linux-ns run --overlay` has worked on: what becomes of its changes. */
import { type FileHandle, mkdtemp, open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Change, Sandbox, SandboxSpec } from 'linux-ns';
import { type Given, type Option, UsageError } from '../command';
import { printDiff, printMessages } from '../output';
import { describeFailure } from '../report';
import { ask } from './question';

export const COPY_OPTIONS: readonly Option[] = [
  { name: 'overlay', help: 'work on a copy of --project; ask what to apply' },
  { name: 'apply', rare: true, help: 'with --overlay, apply the changes if the program ends with 0' },
  { name: 'discard', rare: true, help: 'with --overlay, discard the changes' },
  {
    ...{ name: 'diff', rare: true, value: 'FILE', completes: 'file' },
    help: 'with --overlay, write the changes to FILE, as git diff does; -: standard output',
  },
];

/** The exit status where the project has changed on the host: EX_TEMPFAIL of sysexits.h. */
const CONFLICT = 75;

/** The exit status where the question was interrupted, as by SIGINT. */
const INTERRUPTED = 130;

/** The most paths that are listed. */
const MOST_PATHS = 50;

const LETTERS: Readonly<Record<Change['change'], string>> = { added: 'A', modified: 'M', deleted: 'D' };

/** The most lines of a diff that are shown on the terminal, and the most characters of a line. */
const MOST_SHOWN = { lines: 2000, characters: 2000 };

/** What becomes of the changes; `keep` leaves them in the directory of --upper. */
type End = 'apply' | 'discard' | 'keep' | 'ask';

/** The copy, and what the options say about its end. */
export class ProjectCopy implements AsyncDisposable {
  readonly #path: string;
  readonly #isKept: boolean;
  readonly #end: End;
  readonly #diff: FileHandle | 'stdout' | undefined;

  private constructor(path: string, isKept: boolean, end: End, diff: FileHandle | 'stdout' | undefined) {
    this.#path = path;
    this.#isKept = isKept;
    this.#end = end;
    this.#diff = diff;
  }

  /**
   * Undefined if there is no copy.
   *
   * @param terminal - true if the program has a terminal, on which its user can be asked at the end
   * @throws UsageError where it is not known what is to become of the changes
   */
  static async open(
    given: Given,
    project: SandboxSpec['project'],
    terminal: boolean,
  ): Promise<ProjectCopy | undefined> {
    const said = (['apply', 'discard', 'diff'] as const).filter((name) => given.has(name));
    if (project?.mode !== 'overlay') {
      if (said.length > 0) throw new UsageError(`--${said[0]} needs --overlay`);
      return undefined;
    }
    const isKept = project.upper !== undefined;
    if (said.includes('apply') && said.includes('discard'))
      throw new UsageError('--apply and --discard cannot be used together');
    if (said.length === 0 && !isKept && !terminal)
      throw new UsageError(
        '--overlay: nobody can be asked without a terminal: use --apply, --discard, --diff FILE or --upper DIR',
      );
    const otherwise = terminal ? 'ask' : isKept ? 'keep' : 'discard';
    const end = said.find((name) => name !== 'diff') ?? otherwise;
    return new ProjectCopy(String(project.path), isKept, end, await openDiff(given.value('diff')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (typeof this.#diff === 'object') await this.#diff.close();
  }

  /**
   * Does what the options say, after the program has ended and nothing of it runs any more.
   *
   * @param status - the exit status of the program
   * @returns that of this process
   */
  async settle(sandbox: Sandbox, status: number): Promise<number> {
    if (this.#diff !== undefined) await this.#write(this.#diff, await sandbox.diff());
    if (this.#end === 'ask') return this.#ask(sandbox, status);
    if (this.#end === 'apply' && status === 0) return this.#apply(sandbox);
    if (this.#end === 'apply') {
      const after = this.#isKept ? 'kept' : 'discarded';
      printMessages([`linux-ns: run: the program ended with ${status}: nothing is applied, its changes are ${after}`]);
    }
    if (this.#end === 'discard' && this.#isKept) await sandbox.discard();
    return status;
  }

  async #write(to: FileHandle | 'stdout', diff: string): Promise<void> {
    if (to === 'stdout') printDiff(diff);
    else await to.writeFile(diff);
  }

  /** Lists the changes, and asks until they are applied, or given up by a key of their user. */
  async #ask(sandbox: Sandbox, status: number): Promise<number> {
    const changes = await sandbox.changes(this.#path);
    if (changes.length === 0) return status;
    const count = changes.length === 1 ? '1 change' : `${changes.length} changes`;
    const where = this.#isKept ? '' : ', in memory';
    printMessages([`linux-ns: run: ${count} in a copy of ${this.#path}${where}:`, ...linesOf(changes, this.#path)]);
    for (;;) {
      const key = await ask(this.#question(), ['y', 'd', 'n']);
      if (key === 'd') await this.#show(sandbox);
      else if (key !== 'y') return this.#giveUp(sandbox, key === undefined ? INTERRUPTED : status, key);
      else if (await this.#applies(sandbox)) return status;
    }
  }

  #question(): string {
    return `linux-ns: run: apply? y: yes, d: show the diff, n: no, ${this.#isKept ? 'discard them' : 'they are gone then'} [y/d/n] `;
  }

  async #show(sandbox: Sandbox): Promise<void> {
    try {
      printDiff(shortened(await sandbox.diff()));
    } catch (error) {
      printMessages(describeFailure('run', error));
    }
  }

  async #giveUp(sandbox: Sandbox, status: number, key: 'n' | undefined): Promise<number> {
    const isKept = this.#isKept && key === undefined;
    if (this.#isKept && !isKept) await sandbox.discard();
    printMessages([`linux-ns: run: nothing is applied, the changes are ${isKept ? 'kept' : 'discarded'}`]);
    return status;
  }

  /** @returns true if all was applied; otherwise it is told what was not */
  async #applies(sandbox: Sandbox): Promise<boolean> {
    try {
      await sandbox.apply();
      return true;
    } catch (error) {
      printMessages([...describeFailure('run', error), ...pathsOf(error, this.#path)]);
      return false;
    }
  }

  async #apply(sandbox: Sandbox): Promise<number> {
    try {
      await sandbox.apply();
      return 0;
    } catch (error) {
      printMessages([...describeFailure('run', error), ...pathsOf(error, this.#path)]);
      if (!this.#isKept && this.#diff === undefined) await rescue(sandbox);
      return codeOf(error) === 'ERR_LINUX_NS_CONFLICT' ? CONFLICT : 1;
    }
  }
}

/** The lines of a list of changes, of which there can be very many: a program chooses their number and their names. */
function linesOf(changes: readonly Change[], project: string): string[] {
  return atMost(
    changes.map(({ path, change, type }) => {
      const end = type === 'directory' ? '/' : '';
      return `  ${LETTERS[change]} ${relativeTo(project, path)}${end}`;
    }),
  );
}

/** The part of a diff that is shown, and the number of lines that are not. */
function shortened(diff: string): string {
  const lines = diff.replace(/\n$/, '').split('\n');
  const shown = lines.slice(0, MOST_SHOWN.lines).map((line) => {
    const { characters } = MOST_SHOWN;
    return line.length > characters ? `${line.slice(0, characters)}… (${line.length - characters} more)` : line;
  });
  const more = lines.length - shown.length;
  return [...shown, ...(more > 0 ? [`… and ${more} more lines, which --diff FILE has`] : [])].join('\n');
}

function pathsOf(error: unknown, project: string): string[] {
  const { paths = [] } = error as { paths?: readonly string[] };
  return atMost(paths.map((path) => `  ${relativeTo(project, path)}`));
}

function atMost(lines: readonly string[]): string[] {
  if (lines.length <= MOST_PATHS) return [...lines];
  return [...lines.slice(0, MOST_PATHS), `  and ${lines.length - MOST_PATHS} more`];
}

function relativeTo(project: string, path: string): string {
  return path.startsWith(`${project}/`) ? path.slice(project.length + 1) : path;
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

/** The file is opened before the program starts, which could put a link in its place, and while it can be refused. */
async function openDiff(file: string | undefined): Promise<FileHandle | 'stdout' | undefined> {
  if (file === undefined) return undefined;
  if (file === '-') return 'stdout';
  try {
    return await open(file, 'w');
  } catch (error) {
    throw new UsageError(`--diff: cannot write ${file}: ${codeOf(error) ?? ''}`);
  }
}

/** Writes what could not be applied to a file, since the copy is gone with this process. */
async function rescue(sandbox: Sandbox): Promise<void> {
  const diff = await sandbox.diff();
  const file = join(await mkdtemp(join(tmpdir(), 'linux-ns-changes-')), 'diff');
  await writeFile(file, diff, { mode: 0o600 });
  printMessages([`linux-ns: run: the changes, which are discarded, are in ${file}, without binary files`]);
}
