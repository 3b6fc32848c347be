/** The changes that programs have made in an overlay. src/nsinit/changes.c looks for them. */
import { throwIfAborted } from '../errors/abort';
import { NamespaceError } from '../errors/namespace-error';
import { validateString } from '../errors/validate';
import { MOST } from '../hints/inside';
import { runBody } from '../launch/launch';
import type { Descriptor } from '../handle/descriptor';
import type { Namespace } from '../namespace/namespace';
import { mapInTurns, sortInTurns } from '../event-loop/turns';
import { type FileType, records, typeOf } from './file-type';
import { makeStep } from '../plan/step';
import { type Copy, type Listed, listChanges, pathOfName, usersOf } from './project/listing';

/** A path in a sandbox that differs from the lower layers of the overlay that it is in. */
export interface Change {
  /** The absolute path in the sandbox. */
  readonly path: string;
  /** The kind of change. */
  readonly change: 'added' | 'modified' | 'deleted';
  /** The type of the file; for a deleted one, the type that it had. */
  readonly type: FileType;
}

/** The kinds of change, by the letters that the step `changes` sends. */
const CHANGES: Readonly<Record<string, Change['change']>> = { A: 'added', M: 'modified', D: 'deleted' };

/** An overlay of a sandbox. */
export interface OverlayLayers {
  /** The absolute path of its target in the sandbox; `'/'` for the root. */
  readonly target: string;
  readonly upper: Descriptor;
  /** The lower layers, merged into one directory. */
  readonly lower: Descriptor;
  /** The overlay itself, as programs see it. */
  readonly merged: Descriptor;
}

/**
 * Lists the changes. A task that is root in the user namespace looks for them: files in the layers may belong to any
 * user inside, and lie at any depth.
 *
 * @param copy - the project: one of the overlays, of which contents and permissions count
 * @param target - the target of the overlay; undefined for all overlays
 */
export async function changesIn(
  join: readonly Namespace[],
  overlays: readonly OverlayLayers[],
  copy: Copy | undefined,
  target: unknown,
  signal: AbortSignal | undefined,
): Promise<Change[]> {
  const changes: Change[] = [];
  for (const overlay of wanted(overlays, target)) {
    const found =
      overlay.target === copy?.target
        ? changesOf(copy, await listChanges(join, copy, signal))
        : await changesOfLayers(join, overlay, signal);
    for (const change of found) changes.push(change);
    throwIfAborted(signal);
  }
  return sortInTurns(changes, (a, b) => (a.path < b.path ? -1 : 1));
}

async function changesOfLayers(
  join: readonly Namespace[],
  { upper, lower, target }: OverlayLayers,
  signal: AbortSignal | undefined,
): Promise<Change[]> {
  const most = { maxBytes: MOST.bytes, maxEntries: MOST.entries };
  const step = makeStep('changes', { upper: upper.fd, lower: lower.fd, ...most });
  const { data } = await runBody({ join: usersOf(join) }, { steps: [step], ids: 'given', signal });
  const prefix = target === '/' ? '' : target;
  return mapInTurns(records(data, 2), (record) => changeOf(record, prefix));
}

/** The changes of a project, without what deleted directories had. */
export function changesOf({ target }: Pick<Copy, 'target'>, listed: readonly Listed[]): Change[] {
  return listed.flatMap(({ name, kind, type }) => {
    const change = CHANGES[kind];
    return change === undefined ? [] : [{ path: pathOfName(target, name), change, type }];
  });
}

function wanted(overlays: readonly OverlayLayers[], target: unknown): readonly OverlayLayers[] {
  if (target === undefined) {
    if (overlays.length === 0) throw noOverlay('This Sandbox has no overlay');
    return overlays;
  }
  validateString('target', target);
  const path = target.replace(/\/+$/, '') || '/';
  const found = overlays.filter((overlay) => overlay.target === path);
  if (found.length === 0) throw noOverlay(`There is no overlay at ${target} in this Sandbox`);
  return found.slice(-1);
}

/** Makes a change from a record: a letter for the kind, a byte for the type, and the path. */
function changeOf([head, path]: readonly [head: Buffer, path: string], target: string): Change {
  const change = CHANGES[String.fromCharCode(head[0] ?? 0)] ?? 'modified';
  return { path: target + path, change, type: typeOf(head[1]) ?? 'file' };
}

function noOverlay(message: string): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_NO_OVERLAY',
    message,
    step: 'list changes',
    hint:
      "Give the spec a root with 'lower' (and 'upper', to keep what is written), or an entry of type 'overlay': only an overlay " +
      'records what has changed.',
  });
}
