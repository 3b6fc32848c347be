/** Work on files, by name below directories: a task does it, step by step. src/nsinit/below.c */
import type { Step } from '../../../types/native';
import { runBody } from '../../launch/launch';
import type { Namespace } from '../../namespace/namespace';
import { BELOW } from '../../plan/place';
import { makeStep } from '../../plan/step';
import { type HostFile, usersOf } from './listing';

/** The state in which a name has to be; undefined is any, `'none'` says that nothing has the name. */
export type Expected = HostFile | 'none' | undefined;

export interface Put {
  readonly from: number;
  readonly source: string;
  readonly to: number;
  readonly target: string;
  readonly expected: Expected;
  /** True keeps the owner and the whole mode of the source. */
  readonly keepOwner?: boolean;
  /** True makes a second name for the source. */
  readonly link?: boolean;
}

export function putStep({ from, source, to, target, expected, keepOwner = false, link = false }: Put): Step {
  const flags = (keepOwner ? BELOW.KEEP_OWNER : 0) | (link ? BELOW.LINK : 0);
  return makeStep('put_below', {
    from,
    source: bytes(source),
    to,
    target: bytes(target),
    expected: numbersOf(expected),
    flags,
  });
}

export function removeStep(from: number, name: string, expected: Expected): Step {
  return makeStep('remove_below', { from, path: bytes(name), expected: numbersOf(expected) });
}

export function readStep(from: number, name: string, maxBytes: number): Step {
  return makeStep('read_below', { from, path: bytes(name), maxBytes });
}

export function syncStep(from: number): Step {
  return makeStep('sync_below', { from });
}

/**
 * Whose files a task makes: this process's, as on the host, or those of the root of the sandbox's user namespace, where
 * that has one.
 */
export type Maker = 'caller' | 'sandbox';

/** Carries out steps, and returns the answer to each: 0, or a negative errno. */
export async function carryOut(
  join: readonly Namespace[],
  steps: readonly Step[],
  maker: Maker,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const data = await answers(join, steps, maker, signal);
  return steps.map((_, index) => Number(data.readBigInt64LE(index * 8)));
}

/** Reads files, and returns the bytes of each, or a negative errno. */
export async function readAll(
  join: readonly Namespace[],
  steps: readonly Step[],
  signal: AbortSignal | undefined,
): Promise<(Buffer | number)[]> {
  const data = await answers(join, steps, 'caller', signal);
  let at = 0;
  return steps.map(() => {
    const size = Number(data.readBigInt64LE(at));
    at += 8;
    if (size < 0) return size;
    at += size;
    return data.subarray(at - size, at);
  });
}

async function answers(
  join: readonly Namespace[],
  steps: readonly Step[],
  maker: Maker,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const ids = maker === 'caller' ? 'given' : 'default';
  return (await runBody({ join: usersOf(join) }, { steps, ids, signal })).data;
}

function bytes(name: string): Uint8Array {
  return Buffer.from(name, 'latin1');
}

function numbersOf(expected: Expected): number[] {
  if (expected === undefined) return [];
  return expected === 'none' ? [0] : [expected.inode, expected.seconds, expected.nanoseconds];
}
