/** The changes of a project's copy, with what is needed to compare files later. src/nsinit/changes.c looks for them. */
import { throwIfAborted } from '../../errors/abort';
import { mapInTurns, sortInTurns } from '../../event-loop/turns';
import type { Descriptor } from '../../handle/descriptor';
import { MOST } from '../../hints/inside';
import { runBody } from '../../launch/launch';
import type { Namespace } from '../../namespace/namespace';
import { BELOW } from '../../plan/place';
import { makeStep } from '../../plan/step';
import { type FileType, typeOf } from '../file-type';
import type { Base } from './base';

/** The layers of a project's copy, and what is mounted on it. */
export interface Copy {
  /** The absolute path of the project, in the sandbox and on the host. */
  readonly target: string;
  readonly upper: Descriptor;
  readonly lower: Descriptor;
  /** The copy as programs see it. */
  readonly merged: Descriptor;
  /** Names of what other entries of the sandbox have mounted in the copy. */
  readonly covered: readonly string[];
  /** The moment from which on a change on the host is not in the copy. */
  readonly base: Base;
}

/** One change. Names are relative to the project, with one character for each byte, as they need not be UTF-8. */
export interface Listed {
  readonly name: string;
  /** Added, modified, deleted; G (gone) is for what a deleted directory had. */
  readonly kind: 'A' | 'M' | 'D' | 'G';
  readonly type: FileType;
  /** The file in the copy; zeros where it is deleted. */
  readonly here: { readonly mode: number; readonly links: number; readonly inode: number; readonly size: number };
  /** The file on the host; zeros where there is none. */
  readonly below: HostFile;
}

/** The marks that tell a file of the host from another one, and from itself once it has been changed. */
export interface HostFile {
  readonly mode: number;
  readonly inode: number;
  readonly size: number;
  /** The time of its last change: ctime of inode(7). */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** A letter, a byte for the type, and nine numbers of 64 bits. */
const HEAD_BYTES = 74;

/** Lists all changes, sorted by name, so that a directory comes before what it has. */
export async function listChanges(
  join: readonly Namespace[],
  { upper, lower, covered, base }: Copy,
  signal: AbortSignal | undefined,
): Promise<readonly Listed[]> {
  const most = { maxBytes: MOST.bytes, maxEntries: MOST.entries };
  const step = makeStep('changes', { upper: upper.fd, lower: lower.fd, flags: BELOW.PROJECT, ...most });
  const { data } = await runBody({ join: usersOf(join) }, { steps: [step], ids: 'given', signal });
  const listed = await mapInTurns(heads(data), ([at, end]) => listedOf(data, at, end));
  throwIfAborted(signal);
  base.saw(listed);
  const sorted = await sortInTurns(listed, (a, b) => (a.name < b.name ? -1 : 1));
  const own = withoutUnseen(sorted, base);
  return covered.length === 0 ? own : withoutMountPoints(own, covered);
}

/** The user namespace alone: files are reached by descriptor, whatever mounts there are. */
export function usersOf(join: readonly Namespace[]): readonly Namespace[] {
  return join.filter(({ kind }) => kind === 'user');
}

/** The absolute path in the sandbox, for people: bytes that are no UTF-8 become U+FFFD. */
export function pathOfName(target: string, name: string): string {
  return `${target}/${Buffer.from(name, 'latin1').toString()}`;
}

/** The name, relative to the project, of an absolute path below it; undefined for other paths. */
export function nameOfPath(target: string, path: string): string | undefined {
  return path.startsWith(`${target}/`) ? Buffer.from(path.slice(target.length + 1)).toString('latin1') : undefined;
}

/** The type of the file that the host has. */
export function typeBelow({ below: { mode } }: Listed): FileType | undefined {
  return mode === 0 ? undefined : typeOf(mode >> 12);
}

function* heads(data: Buffer): Iterable<readonly [at: number, end: number]> {
  for (let at = 0; at < data.length;) {
    const end = data.indexOf(0, at + HEAD_BYTES);
    yield [at, end];
    at = end + 1;
  }
}

function listedOf(data: Buffer, at: number, end: number): Listed {
  const number = (index: number): number => Number(data.readBigUInt64LE(at + 2 + index * 8));
  return {
    name: data.toString('latin1', at + HEAD_BYTES + 1, end),
    kind: String.fromCharCode(data[at] ?? 0) as Listed['kind'],
    type: typeOf(data[at + 1]) ?? 'file',
    here: { mode: number(0), links: number(1), inode: number(2), size: number(3) },
    below: { mode: number(4), inode: number(5), size: number(6), seconds: number(7), nanoseconds: number(8) },
  };
}

/**
 * A directory that was applied shows what the copy has in it, and not what the host adds there. So a name that is missing
 * in it was deleted only if the copy has had it: the others are left out.
 */
function withoutUnseen(listed: readonly Listed[], base: Base): readonly Listed[] {
  const unseen = new Set<string>();
  return listed.filter(({ kind, name }) => {
    const [directory = ''] = ancestorsOf(name);
    const isUnseen = (kind === 'D' && base.isUnseen(directory, name)) || (kind === 'G' && unseen.has(directory));
    if (isUnseen) unseen.add(name);
    return !isUnseen;
  });
}

/**
 * Leaves out what is in the copy only because something is mounted there: mount points, and directories that were made
 * on the way to them and have nothing else.
 */
function withoutMountPoints(listed: readonly Listed[], covered: readonly string[]): Listed[] {
  const points = new Set(covered);
  const rest = listed.filter(({ kind, name }) => !(kind === 'A' && points.has(name)));
  const onTheWay = new Set(covered.flatMap((name) => [...ancestorsOf(name)]));
  const filled = new Set(rest.flatMap(({ name }) => (onTheWay.has(name) ? [] : [...ancestorsOf(name)])));
  return rest.filter(({ kind, name }) => !(kind === 'A' && onTheWay.has(name)) || filled.has(name));
}

/** The directories that a name is in, the nearest first. */
export function* ancestorsOf(name: string): Iterable<string> {
  for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) yield name.slice(0, at);
}
