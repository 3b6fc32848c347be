/** What has been written to an overlay: src/nsinit/changes.c. */
import { NamespaceError } from '../errors/namespace-error';
import { runBody } from '../launch/target';
import type { Descriptor } from '../namespace/descriptor';
import type { Namespace } from '../namespace/namespace';
import { FILE_TYPES, type FileType } from './file-type';

/** A path in a sandbox that differs from the lower layers of its root. */
export interface Change {
  /** In the sandbox, absolute. */
  readonly path: string;
  /** What has happened to it. */
  readonly change: 'added' | 'modified' | 'deleted';
  /** What it is, or what it was if it is deleted. */
  readonly type: FileType;
}

/** Of all changes together, with their paths. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Letters that the step `changes` sends. */
const CHANGES: Readonly<Record<string, Change['change']>> = { A: 'added', M: 'modified', D: 'deleted' };

/** A task that is root in the user namespace looks: whom files in there belong to, and how deep they lie, is up to others. */
export async function changesIn(join: readonly Namespace[], layers: readonly Descriptor[]): Promise<Change[]> {
  const [upper, lower] = layers;
  if (upper === undefined || lower === undefined) throw noOverlay();
  const user = join.filter(({ kind }) => kind === 'user');
  const { data } = await runBody({ join: user }, { steps: [['changes', upper.fd, lower.fd, MAX_BYTES]], ids: 'given' });
  return parseChanges(data).sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A letter, a byte for the type, the path and a NUL. */
function parseChanges(data: Buffer): Change[] {
  const changes: Change[] = [];
  for (let at = 0; at < data.length;) {
    const end = data.indexOf(0, at + 2);
    const change = CHANGES[String.fromCharCode(data[at] ?? 0)] ?? 'modified';
    changes.push({ path: data.toString('utf8', at + 2, end), change, type: FILE_TYPES[data[at + 1] ?? 0] ?? 'file' });
    at = end + 1;
  }
  return changes;
}

function noOverlay(): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_NO_OVERLAY',
    message: 'The root of this Sandbox is no overlay',
    step: 'list changes',
    hint: "Give the spec a root with 'lower' (and 'upper', to keep what is written): only an overlay records what has changed.",
  });
}
