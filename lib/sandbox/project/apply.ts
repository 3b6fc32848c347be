/**
 * Writes the changes of a project's copy to the project. What programs have written is hostile, and they may still run:
 * files go by descriptor, each is whole before it has its name, and nothing is done where the host has changed.
 */
import { NamespaceError } from '../../errors/namespace-error';
import { NO_OPTIONS } from '../../errors/plain';
import { abortSignal, boolean, schema } from '../../errors/schema';
import { Errno } from '../../kernel/errno';
import type { Namespace } from '../../namespace/namespace';
import type { CallOptions } from '../../set/call-options';
import type { Base } from './base';
import { type Copy, type Listed, ancestorsOf, listChanges, pathOfName, typeBelow } from './listing';
import { carryOut, syncStep } from './operations';
import { isRefused } from './refused';
import { parseSelection, selected } from './selection';
import { type Done, type Wanted, transfer } from './transfer';

/** Options of {@link Sandbox.apply}. */
export interface ApplyOptions extends CallOptions {
  /**
   * True replaces and removes files of the host as well that have changed there since the copy was made. Default: false.
   */
  overwrite?: boolean | undefined;
}

const parse = schema<ApplyOptions>()({ signal: abortSignal, overwrite: boolean });

/** The errors of a step that found another state than was expected. */
const CONFLICTS: readonly number[] = [Errno.EEXIST, Errno.ESTALE, Errno.ENOTEMPTY, Errno.ENOTDIR, Errno.ELOOP];

/** Applies changes, and returns those that were. */
export async function applyChanges(
  join: readonly Namespace[],
  copy: Copy,
  paths: unknown,
  options: unknown,
): Promise<Listed[]> {
  const { signal, overwrite = false } = parse('options', options ?? NO_OPTIONS);
  const selection = paths === undefined ? undefined : parseSelection('paths', paths);
  const all = await listChanges(join, copy, signal);
  const changes = selection === undefined ? all : withDirectories(all, selected(copy.target, all, selection));
  refuse(copy, changes);
  if (!overwrite) refuseConflicts(copy, changes);
  await copy.base.adds(changes.flatMap(({ kind, name }) => (kind === 'A' ? [name] : [])));
  try {
    await carryOver(join, copy, changes, overwrite, signal);
  } catch (error) {
    // The error that is told is the first one.
    await copy.base.keep().catch(() => undefined);
    throw error;
  }
  if (selection === undefined) copy.base.appliedAll();
  await copy.base.keep();
  return [...changes];
}

/** The changes that were chosen, and the directories that they take. */
function withDirectories(all: readonly Listed[], chosen: readonly Listed[]): readonly Listed[] {
  const needed = new Set(
    chosen.flatMap(({ kind, name }) => (kind === 'A' || kind === 'M' ? [...ancestorsOf(name)] : [])),
  );
  const names = new Set(chosen.map(({ name }) => name));
  return all.filter(
    ({ name, type, kind }) => names.has(name) || (kind !== 'G' && type === 'directory' && needed.has(name)),
  );
}

function refuse({ target, covered }: Copy, changes: readonly Listed[]): void {
  const refused = changes.filter((change) => isRefused(change, covered));
  if (refused.length === 0) return;
  throw new NamespaceError({
    code: 'ERR_LINUX_NS_REFUSED',
    message: `${counted(refused.length, 'change')} cannot be applied`,
    path: pathOfName(target, refused[0]?.name ?? ''),
    paths: refused.map(({ name }) => pathOfName(target, name)),
    step: 'apply changes',
    hint:
      'Sockets, FIFOs and devices, paths on which the sandbox has mounted something, and the hooks and settings of git are not applied: ' +
      'discard() the paths of the error, or name others. Nothing has been applied.',
  });
}

function refuseConflicts({ target, base }: Copy, changes: readonly Listed[]): void {
  const conflicts = changes.filter((change) => isConflict(change, base));
  if (conflicts.length > 0)
    throw conflict(
      target,
      conflicts.map(({ name }) => name),
      'Nothing has been applied.',
    );
}

/**
 * The host has changed a file if its ctime is later than the copy: nobody sets that back, and a rename sets it, too
 * (inode(7)). What has become equal is no change any more. That the host has deleted a file is known where it was seen
 * there before. What the host has in a directory of the copy, and programs have not seen, is not theirs to delete.
 */
function isConflict(change: Listed, base: Base): boolean {
  const { kind, below, name } = change;
  if (kind === 'A') return base.had(name);
  const [directory = ''] = ancestorsOf(name);
  if (kind === 'G' && base.isUnseen(directory, name)) return true;
  return below.seconds * 1000 + below.nanoseconds / 1e6 > base.of(name);
}

function conflict(target: string, names: readonly string[], more: string): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_CONFLICT',
    message: `${counted(names.length, 'file')} of the project changed on the host since the copy was made`,
    path: pathOfName(target, names[0] ?? ''),
    paths: names.map((name) => pathOfName(target, name)),
    step: 'apply changes',
    hint: `${more} Compare them, and discard() the changes, apply() other paths, or give 'overwrite: true'.`,
  });
}

async function carryOver(
  join: readonly Namespace[],
  copy: Copy,
  changes: readonly Listed[],
  overwrite: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const wanted = changes.map((change) => wantedOf(change, copy.upper.fd, overwrite));
  const left = new Set(changes.map(({ name }) => name));
  for await (const done of transfer(join, wanted, copy.lower.fd, 'caller', signal)) {
    const failed = done.filter(({ result }) => result < 0);
    for (const { name, result } of done) if (result === 0) left.delete(name);
    for (const { name } of failed) left.add(name);
    copy.base.applied(done.flatMap(({ name, result }) => (result === 0 ? [name, ...ancestorsOf(name)] : [])));
    if (failed.length > 0) throw failure(copy, failed, [...left], changes.length);
  }
  const [result = 0] = changes.length === 0 ? [] : await carryOut(join, [syncStep(copy.lower.fd)], 'caller', signal);
  copy.base.removed(changes.flatMap(({ kind, name }) => (kind === 'D' || kind === 'G' ? [name] : [])));
  if (result < 0)
    throw new NamespaceError({ errno: result, syscall: 'syncfs', path: copy.target, step: 'apply changes' });
}

function wantedOf(change: Listed, from: number, overwrite: boolean): Wanted {
  const { name, kind, type, here, below } = change;
  const isGone = kind === 'D' || kind === 'G';
  const isDirectory = (isGone ? typeBelow(change) : type) === 'directory';
  const wasDirectory = typeBelow(change) === 'directory';
  const replaces = kind === 'M' && isDirectory !== wasDirectory;
  const expected = kind === 'A' ? 'none' : below;
  const isAny = overwrite || wasDirectory || (isDirectory && !replaces);
  return {
    name,
    from: isGone ? undefined : from,
    isDirectory,
    replaces,
    expected: isAny ? undefined : expected,
    file: !isGone && type === 'file' && here.links > 1 ? here.inode : undefined,
  };
}

function failure({ target }: Copy, failed: readonly Done[], left: readonly string[], count: number): NamespaceError {
  const [first] = failed as [Done];
  const applied = `${count - left.length} of ${counted(count, 'change')} have been applied, and each of these is whole; changes() lists the rest.`;
  if (failed.every(({ result }) => CONFLICTS.includes(-result))) return conflict(target, left, applied);
  const other = failed.find(({ result }) => !CONFLICTS.includes(-result)) ?? first;
  return new NamespaceError({
    errno: other.result,
    path: pathOfName(target, other.name),
    paths: left.map((name) => pathOfName(target, name)),
    step: 'apply changes',
    hint: applied,
  });
}

function counted(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}
