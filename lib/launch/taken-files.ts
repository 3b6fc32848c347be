/** Files of this process's root in that of a joined mount namespace: src/nsinit/host_files.c. */
import type { Step } from '../../types/native';
import { PROPAGATION_FLAGS } from '../kernel/propagation';
import { MS_REC } from '../kernel/mount-flags';
import { CLONE_FLAGS, type NamespaceKind } from '../kernel/namespace-kind';
import { makeStep } from '../plan/step';

export interface TakenFiles {
  /** The directory they are in, which becomes a new one: `/name`. */
  readonly directory: string;
  readonly files: readonly { readonly name: string; readonly path: string }[];
}

const UNSHARE_MOUNTS = makeStep('unshare', { flags: CLONE_FLAGS.mnt });

/**
 * Before the mount namespace is joined: where the files can be seen. To take them takes CAP_SYS_ADMIN in the user
 * namespace that owns the one they are seen in: who gets that only by joining one makes a copy for himself there.
 */
export function takeSteps({ files }: TakenFiles, inCopy: boolean): Step[] {
  const take: Step = ['trees', files.map(({ path }) => path)];
  return inCopy ? [UNSHARE_MOUNTS, take] : [take];
}

/**
 * After it: in a copy of it, so that all is gone with the task, and nobody in there has a part in it. Files can be made
 * only by ids that are mapped.
 */
export function putSteps(files: TakenFiles | undefined, unshared: readonly NamespaceKind[], inUser: boolean): Step[] {
  if (files === undefined) return [];
  const ids: Step[] = inUser ? [['default_ids']] : [];
  const copy: Step[] = unshared.includes('mnt') ? [] : [UNSHARE_MOUNTS];
  const put: Step = ['host_files', files.directory, files.files.map(({ name }) => name)];
  return [...ids, ...copy, ['propagation', '/', MS_REC | PROPAGATION_FLAGS.slave], put];
}
