/** Makes the files below one directory as they are below another: in which order, and in portions that can be told about. */
import type { Step } from '../../../types/native';
import { throwIfAborted } from '../../errors/abort';
import { pause } from '../../event-loop/turns';
import { Errno } from '../../kernel/errno';
import type { Namespace } from '../../namespace/namespace';
import { type Expected, type Maker, carryOut, putStep, removeStep } from './operations';

/** A name that is to be as it is below another directory. */
export interface Wanted {
  readonly name: string;
  /** The descriptor of the directory that has it so; undefined where the name is to be gone. */
  readonly from: number | undefined;
  readonly isDirectory: boolean;
  /** True where something of another kind has to be removed first: a directory for a file, or a file for a directory. */
  readonly replaces: boolean;
  readonly expected: Expected;
  /** The same number for all names of one file; undefined for a file that has one name. */
  readonly file?: number | undefined;
}

/** One step for a name, and what has come of it. */
export interface Done {
  readonly name: string;
  /** 0, or a negative errno. */
  readonly result: number;
}

interface Work {
  readonly name: string;
  readonly step: Step;
}

/** The number of steps in one task. */
const PORTION = 128;

/** The number of times that a file is copied anew, if programs write it meanwhile. */
const ATTEMPTS = 3;

/**
 * Yields what has been done, portion by portion. What stands in the way goes first, then come directories, files, and
 * further names of files, and then what is to be gone. So nothing is removed unless everything else has its place.
 */
export async function* transfer(
  join: readonly Namespace[],
  wanted: readonly Wanted[],
  to: number,
  maker: Maker,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Done[], void> {
  const works = worksOf(wanted, to, maker === 'sandbox');
  for (let at = 0; at < works.length; at += PORTION) {
    throwIfAborted(signal);
    yield await doWorks(join, works.slice(at, at + PORTION), maker, signal);
    await pause();
  }
}

function worksOf(wanted: readonly Wanted[], to: number, keepOwner: boolean): Work[] {
  const firsts = new Map<number, string>();
  const remove = ({ name, expected }: Wanted): Work => ({ name, step: removeStep(to, name, expected) });
  const put = ({ name, from = -1, expected, replaces, file }: Wanted): Work => {
    const first = file === undefined ? undefined : firsts.get(file);
    if (file !== undefined && first === undefined) firsts.set(file, name);
    const state = replaces ? 'none' : expected;
    const source = first === undefined ? { from, source: name } : { from: to, source: first, link: true };
    return { name, step: putStep({ ...source, to, target: name, expected: state, keepOwner }) };
  };
  const ascending = [...wanted].sort((a, b) => (a.name < b.name ? -1 : 1));
  const descending = [...ascending].reverse();
  const replaced = new Set(wanted.filter(({ replaces }) => replaces).map(({ name }) => name));
  const isGone = ({ from }: Wanted): boolean => from === undefined;
  const inTheWay = (each: Wanted): boolean => each.replaces || (isGone(each) && isBelow(each.name, replaced));
  const present = ascending.filter((each) => !isGone(each));
  return [
    ...descending.filter(inTheWay).map(remove),
    ...present.filter(({ isDirectory }) => isDirectory).map(put),
    ...present.filter(({ isDirectory }) => !isDirectory).map(put),
    ...descending.filter((each) => isGone(each) && !inTheWay(each)).map(remove),
  ];
}

function isBelow(name: string, directories: ReadonlySet<string>): boolean {
  if (directories.size === 0) return false;
  for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) {
    if (directories.has(name.slice(0, at))) return true;
  }
  return false;
}

async function doWorks(
  join: readonly Namespace[],
  works: readonly Work[],
  maker: Maker,
  signal: AbortSignal | undefined,
): Promise<readonly Done[]> {
  const results = await carryOut(
    join,
    works.map(({ step }) => step),
    maker,
    signal,
  );
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    const again = [...works.entries()].filter(([index]) => results[index] === -Errno.EAGAIN);
    if (again.length === 0) break;
    const later = await carryOut(
      join,
      again.map(([, { step }]) => step),
      maker,
      signal,
    );
    again.forEach(([index], position) => (results[index] = later[position] ?? 0));
  }
  return works.map(({ name }, index) => ({ name, result: results[index] ?? 0 }));
}
