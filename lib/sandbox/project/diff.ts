/** The changes of a project's copy as text. */
import { throwIfAborted } from '../../errors/abort';
import { NamespaceError } from '../../errors/namespace-error';
import { abortSignal, integer, schema } from '../../errors/schema';
import { NO_OPTIONS } from '../../errors/plain';
import { Errno } from '../../kernel/errno';
import type { Namespace } from '../../namespace/namespace';
import type { CallOptions } from '../../set/call-options';
import { type Copy, type Listed, ancestorsOf, listChanges, typeBelow } from './listing';
import { readAll, readStep } from './operations';
import { type Side, modeOf, patchOf, quoted } from './patch';
import { type Selection, parseSelection, selected } from './selection';

/** Options of {@link Sandbox.diff}. */
export interface DiffOptions extends CallOptions {
  /**
   * Only these paths, and what lies below them: absolute ones in the sandbox, or relative to the project. Default: all
   * changes.
   */
  paths?: string | readonly string[] | undefined;
  /** The most bytes of a file whose contents are shown; a larger one is named as a binary file is. Default: 1 MiB. */
  maxFileBytes?: number | undefined;
  /** The most characters of the whole text: more is an error (`EFBIG`). Default: 16 Mi. */
  maxLength?: number | undefined;
}

const MOST_FILE_BYTES = 64 * 1024 * 1024;

const parse = schema<DiffOptions>()({
  signal: abortSignal,
  paths: parseSelection,
  maxFileBytes: integer(0, MOST_FILE_BYTES),
  maxLength: integer(1, 2 ** 29),
});

/** Files are read in groups that have about so many bytes at most, and so many files. */
const GROUP = { bytes: 4 * 1024 * 1024, files: 256 };

export async function diffOf(join: readonly Namespace[], copy: Copy, options: unknown): Promise<string> {
  const {
    signal,
    paths,
    maxFileBytes = 1024 * 1024,
    maxLength = 16 * 1024 * 1024,
  } = parse('options', options ?? NO_OPTIONS);
  const all = await listChanges(join, copy, signal);
  const changes = selectedOf(copy, all, paths);
  const filled = new Set(all.flatMap(({ name }) => [...ancestorsOf(name)]));
  let text = '';
  for (const group of groupsOf(changes, maxFileBytes)) {
    const sides = await sidesOf(join, copy, group, maxFileBytes, signal);
    for (const { change, before, after } of sides) {
      text += isShown(before) || isShown(after) ? await patchOf(change.name, before, after) : '';
      text += wordsFor(change, filled);
      if (text.length > maxLength) throw tooLong(maxLength);
    }
    throwIfAborted(signal);
  }
  return text;
}

function selectedOf(copy: Copy, all: readonly Listed[], paths: Selection | undefined): readonly Listed[] {
  return paths === undefined ? all : selected(copy.target, all, paths);
}

function isShown({ mode }: Side): boolean {
  return mode !== undefined;
}

function* groupsOf(changes: readonly Listed[], maxFileBytes: number): Iterable<Listed[]> {
  let group: Listed[] = [];
  let bytes = 0;
  for (const change of changes) {
    const size = Math.min(change.here.size, maxFileBytes) + Math.min(change.below.size, maxFileBytes);
    if (group.length === GROUP.files || (group.length > 0 && bytes + size > GROUP.bytes)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(change);
    bytes += size;
  }
  if (group.length > 0) yield group;
}

function typeHere({ kind, type }: Listed): Listed['type'] | undefined {
  return kind === 'D' || kind === 'G' ? undefined : type;
}

function isContents(type: string | undefined): boolean {
  return type === 'file' || type === 'symlink';
}

/** A change with the file of the host, and that of the copy. */
interface Compared {
  readonly change: Listed;
  readonly before: Side;
  readonly after: Side;
}

async function sidesOf(
  join: readonly Namespace[],
  { upper, lower }: Copy,
  changes: readonly Listed[],
  maxFileBytes: number,
  signal: AbortSignal | undefined,
): Promise<Compared[]> {
  const wanted = changes.flatMap((change) => [
    ...(isContents(typeBelow(change)) ? [readStep(lower.fd, change.name, maxFileBytes)] : []),
    ...(isContents(typeHere(change)) ? [readStep(upper.fd, change.name, maxFileBytes)] : []),
  ]);
  const read = wanted.length === 0 ? [] : await readAll(join, wanted, signal);
  let at = 0;
  const side = (type: string | undefined, mode: number): Side => {
    if (type === undefined || !isContents(type)) return { mode: undefined, data: undefined };
    const data = read[at++];
    return { mode: modeOf(type, mode), data: typeof data === 'object' ? data : undefined };
  };
  return changes.map((change) => {
    const before = side(typeBelow(change), change.below.mode);
    return { change, before, after: side(typeHere(change), change.here.mode) };
  });
}

/**
 * Changes that a patch cannot say are said in words, which patch(1) and `git apply` pass over: a directory that was added or
 * deleted and is empty, and special files.
 */
function wordsFor(change: Listed, filled: ReadonlySet<string>): string {
  const { name } = change;
  const type = typeHere(change);
  if (type !== undefined && !isContents(type) && type !== 'directory')
    return `File ${quoted(`b/${name}`)} is a ${type}\n`;
  if (filled.has(name)) return '';
  if (type === 'directory' && change.kind === 'A') return `Only in b: ${quoted(name)}/\n`;
  if (type === undefined && typeBelow(change) === 'directory') return `Only in a: ${quoted(name)}/\n`;
  return '';
}

function tooLong(maxLength: number): NamespaceError {
  return new NamespaceError({
    errno: Errno.EFBIG,
    step: 'diff the project',
    hint: `The text has more than ${maxLength} characters: give 'paths', a smaller 'maxFileBytes', or a larger 'maxLength'.`,
  });
}
