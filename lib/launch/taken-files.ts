/**
 * Files of this process's root that are made available in the root of a joined mount namespace:
 * src/nsinit/host_files.c.
 */
import type { Step } from '../../types/native';
import { PROPAGATION_FLAGS } from '../kernel/propagation';
import { MS_REC } from '../kernel/mount-flags';
import { CLONE_FLAGS, type NamespaceKind } from '../kernel/namespace-kind';
import { makeStep } from '../plan/step';

export interface TakenFiles {
  /** The directory that they are in, which is made in the other root: `/name`. */
  readonly directory: string;
  readonly files: readonly { readonly name: string; readonly path: string }[];
}

const UNSHARE_MOUNTS = makeStep('unshare', { flags: CLONE_FLAGS.mnt });

/**
 * The steps before the mount namespace is joined, where the files can be seen. Taking them needs CAP_SYS_ADMIN in the
 * user namespace that owns the mount namespace they are seen in. A task that gets this capability only by joining a
 * user namespace makes its own copy of the mount namespace there.
 */
export function takeSteps({ files }: TakenFiles, inCopy: boolean): Step[] {
  const take: Step = ['trees', files.map(({ path }) => path)];
  return inCopy ? [UNSHARE_MOUNTS, take] : [take];
}

/**
 * The steps after it. They act in a copy of the joined mount namespace, so that everything is gone with the task, and
 * nobody in there sees it. Files can be made only by ids that are mapped.
 */
export function putSteps(files: TakenFiles | undefined, unshared: readonly NamespaceKind[], inUser: boolean): Step[] {
  if (files === undefined) return [];
  const ids: Step[] = inUser ? [['default_ids']] : [];
  const copy: Step[] = unshared.includes('mnt') ? [] : [UNSHARE_MOUNTS];
  const put: Step = ['host_files', files.directory, files.files.map(({ name }) => name)];
  return [...ids, ...copy, ['propagation', '/', MS_REC | PROPAGATION_FLAGS.slave], put];
}
