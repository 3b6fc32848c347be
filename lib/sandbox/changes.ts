/** What has been written to an overlay: src/nsinit/changes.c. */
import type { Step } from '../../types/native';
import { NamespaceError } from '../errors/namespace-error';
import { MOST } from '../host/hints/inside';
import { runBody } from '../launch/target';
import type { Descriptor } from '../namespace/descriptor';
import type { Namespace } from '../namespace/namespace';
import { mapInTurns, sortInTurns } from '../turns';
import { type FileType, records, typeOf } from './file-type';

/** A path in a sandbox that differs from the lower layers of its root. */
export interface Change {
  /** In the sandbox, absolute. */
  readonly path: string;
  /** What has happened to it. */
  readonly change: 'added' | 'modified' | 'deleted';
  /** What it is, or what it was if it is deleted. */
  readonly type: FileType;
}

/** Letters that the step `changes` sends. */
const CHANGES: Readonly<Record<string, Change['change']>> = { A: 'added', M: 'modified', D: 'deleted' };

/** A task that is root in the user namespace looks: whom files in there belong to, and how deep they lie, is up to others. */
export async function changesIn(join: readonly Namespace[], layers: readonly Descriptor[]): Promise<Change[]> {
  const [upper, lower] = layers;
  if (upper === undefined || lower === undefined) throw noOverlay();
  const user = join.filter(({ kind }) => kind === 'user');
  const step: Step = ['changes', upper.fd, lower.fd, MOST.bytes, MOST.entries];
  const { data } = await runBody({ join: user }, { steps: [step], ids: 'given' });
  const changes = await mapInTurns(records(data, 2), changeOf);
  return sortInTurns(changes, (a, b) => (a.path < b.path ? -1 : 1));
}

/** A letter, a byte for the type, and the path. */
function changeOf([head, path]: readonly [head: Buffer, path: string]): Change {
  const change = CHANGES[String.fromCharCode(head[0] ?? 0)] ?? 'modified';
  return { path, change, type: typeOf(head[1]) ?? 'file' };
}

function noOverlay(): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_NO_OVERLAY',
    message: 'The root of this Sandbox is no overlay',
    step: 'list changes',
    hint: "Give the spec a root with 'lower' (and 'upper', to keep what is written): only an overlay records what has changed.",
  });
}
