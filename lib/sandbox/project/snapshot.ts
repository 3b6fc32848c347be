/**
 * The state of a project's copy, kept and put back. What lies below a mounted overlay may not be changed: so it is put
 * back through the overlay, as a program of the sandbox would do it.
 */
import { OURS, mustBeOurs } from '../../errors/illegal-constructor';
import { NamespaceError } from '../../errors/namespace-error';
import { invalidType } from '../../errors/validate';
import { Descriptor } from '../../handle/descriptor';
import { inspectAs } from '../../handle/inspect';
import { run } from '../../launch/launch';
import type { Namespace } from '../../namespace/namespace';
import { makeStep } from '../../plan/step';
import { type Copy, type Listed, ancestorsOf, listChanges, pathOfName, typeBelow, usersOf } from './listing';
import type { Maker } from './operations';
import { parseSelection, selected } from './selection';
import { type Wanted, transfer } from './transfer';

let construct: (kept: Kept) => ProjectSnapshot;
let keptOf: (snapshot: ProjectSnapshot) => Kept;

/** The parts of a snapshot: the changes, and a filesystem in memory with their files. */
interface Kept {
  readonly copy: Copy;
  readonly changes: readonly Listed[];
  readonly files: Descriptor;
}

/**
 * The state of the copy of a project at a moment: {@link Sandbox.snapshot}. It is kept in memory, until it or the sandbox
 * is closed.
 */
export class ProjectSnapshot {
  static {
    construct = (kept) => new ProjectSnapshot(OURS, kept);
    keptOf = (snapshot) => snapshot.#kept;
    inspectAs(this, ({ closed }) => ({ closed }));
  }

  readonly #kept: Kept;

  private constructor(key: symbol, kept: Kept) {
    mustBeOurs(key, 'await sandbox.snapshot()');
    this.#kept = kept;
  }

  /** True when it has been closed. */
  get closed(): boolean {
    return this.#kept.files.closed;
  }

  /** Frees the memory. Calling it again changes nothing. */
  async close(): Promise<void> {
    await this.#kept.files.close();
  }

  /** Calls {@link ProjectSnapshot.close}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Copies all changes to memory. */
export async function takeSnapshot(
  join: readonly Namespace[],
  copy: Copy,
  signal: AbortSignal | undefined,
): Promise<ProjectSnapshot> {
  const changes = (await listChanges(join, copy, signal)).filter(isKept);
  const files = await memory(join);
  try {
    const present = changes.filter(isPresent);
    const names = new Set(present.map(({ name }) => name));
    const above = new Set(present.flatMap(({ name }) => [...ancestorsOf(name)]).filter((name) => !names.has(name)));
    const directories = [...above].map((name): Wanted => plain(name, copy.merged.fd, true));
    const wanted = present.map(({ name, type }): Wanted => plain(name, copy.upper.fd, type === 'directory'));
    await move(join, copy, [...directories, ...wanted], files.fd, 'take a snapshot', signal);
    return construct({ copy, changes, files });
  } catch (error) {
    await files.close();
    throw error;
  }
}

/** Makes the copy as it was. */
export async function restoreSnapshot(
  join: readonly Namespace[],
  copy: Copy,
  snapshot: unknown,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!(snapshot instanceof ProjectSnapshot)) throw invalidType('snapshot', 'an instance of ProjectSnapshot', snapshot);
  const { copy: origin, changes, files } = keptOf(snapshot);
  if (files.closed)
    throw new NamespaceError({ code: 'ERR_LINUX_NS_CLOSED', message: 'This ProjectSnapshot is closed' });
  if (origin !== copy) throw invalidType('snapshot', 'a snapshot of this sandbox', snapshot);
  const now = await listChanges(join, copy, signal);
  await move(join, copy, differences(copy, now, changes, files.fd), copy.merged.fd, 'restore a snapshot', signal);
}

/** Makes the copy as the project is: all of it, or some paths. */
export async function discardChanges(
  join: readonly Namespace[],
  copy: Copy,
  paths: unknown,
  signal: AbortSignal | undefined,
): Promise<void> {
  const selection = paths === undefined ? undefined : parseSelection('paths', paths);
  const all = await listChanges(join, copy, signal);
  const now = selection === undefined ? all : selected(copy.target, all, selection);
  await move(join, copy, differences(copy, now, [], -1), copy.merged.fd, 'discard changes', signal);
}

/** The state that each name has to get, so that changes which are there now become those that were. */
function differences(copy: Copy, now: readonly Listed[], then: readonly Listed[], files: number): Wanted[] {
  const [current, former] = [now, then].map((list) => new Map(list.map((change) => [change.name, change]))) as [
    Map<string, Listed>,
    Map<string, Listed>,
  ];
  const names = [...new Set([...current.keys(), ...former.keys()])];
  return names.flatMap((name): Wanted[] => {
    const [is, was] = [current.get(name), former.get(name)];
    const [has, wants] = [typeIn(is, was), typeIn(was, is)];
    const isDirectory = (wants ?? has) === 'directory';
    if (isMountedOn(name, copy)) return [];
    if (wants === undefined) return has === undefined ? [] : [{ ...plain(name, -1, isDirectory), from: undefined }];
    const from = was === undefined ? copy.lower.fd : files;
    const replaces = has !== undefined && isDirectory !== (has === 'directory');
    return [{ ...plain(name, from, isDirectory), replaces }];
  });
}

/** The type of a file by one list of changes; where that does not have it, it is as on the host, which the other knows. */
function typeIn(change: Listed | undefined, other: Listed | undefined): string | undefined {
  if (change !== undefined) return isPresent(change) ? change.type : undefined;
  return other === undefined ? undefined : typeBelow(other);
}

function isMountedOn(name: string, { covered }: Copy): boolean {
  return covered.length > 0 && [name, ...ancestorsOf(name)].some((each) => covered.includes(each));
}

function isPresent({ kind }: Listed): boolean {
  return kind === 'A' || kind === 'M';
}

/** Special files are of programs that run: they are neither kept nor put back. */
function isKept(change: Listed): boolean {
  return !isPresent(change) || ['file', 'directory', 'symlink'].includes(change.type);
}

function plain(name: string, from: number, isDirectory: boolean): Wanted {
  return { name, from, isDirectory, replaces: false, expected: undefined };
}

/**
 * A filesystem in memory that is mounted nowhere: it lasts as long as its descriptor is open. The user namespace of programs
 * need not own the mounts of the sandbox, so it is made in a mount namespace of that one.
 */
async function memory(join: readonly Namespace[]): Promise<Descriptor> {
  const step = makeStep('fs', {
    type: 'tmpfs',
    source: 'tmpfs',
    parameters: ['mode=0755'],
    attributes: 0,
    target: null,
    flags: 0,
  });
  const { fds } = await run({ join: usersOf(join), unshare: { mnt: true } }, [step]);
  return new Descriptor(fds[0] ?? -1);
}

async function move(
  join: readonly Namespace[],
  { target }: Copy,
  wanted: readonly Wanted[],
  to: number,
  step: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const maker: Maker = 'sandbox';
  for await (const done of transfer(join, wanted, to, maker, signal)) {
    const failed = done.filter(({ result }) => result < 0);
    const [first] = failed;
    if (first === undefined) continue;
    throw new NamespaceError({
      errno: first.result,
      path: pathOfName(target, first.name),
      paths: failed.map(({ name }) => pathOfName(target, name)),
      step,
    });
  }
}
