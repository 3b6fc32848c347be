import { type FileHandle, mkdir, open, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { NamespaceError } from '../errors/namespace-error';
import { controllerMissing } from '../hints/cgroup';
import { HostFiles } from '../kernel/host-files';
import { systemError } from '../errors/system-error';
import { Cgroup } from './cgroup';
import { writeCgroupFile } from './file';
import { newName, ownCgroup, removeStale } from './place';
import type { CgroupPlan, CgroupSetting } from './cgroup-spec';

/** `CGROUP2_SUPER_MAGIC` of `<linux/magic.h>`. */
const CGROUP2 = 0x63677270;

/** A cgroup without a process, and a descriptor of its directory, for CLONE_INTO_CGROUP; both the caller's. */
export interface Created {
  readonly cgroup: Cgroup;
  readonly directory: FileHandle;
}

/** The end of a cgroup that nobody has removed before. */
export interface CgroupEnd {
  /** Its programs die with this process, and it is removed then. Default: true. */
  diesWithProcess?: boolean;
}

/**
 * Makes a cgroup: enables the controllers that it needs, creates the directory, and writes its limits. On rejection
 * there is no directory; the controllers stay enabled, since others may rely on them by now.
 *
 * Rejects with a NamespaceError: `ERR_LINUX_NS_UNSUPPORTED` for a controller that is not there, `EBUSY` when the parent
 * has processes and can't pass controllers on, `EACCES`, `EEXIST`, and what the kernel says to the limits.
 */
export async function createCgroup(
  { parent: given, name, settings }: CgroupPlan,
  { diesWithProcess = true }: CgroupEnd = {},
): Promise<Created> {
  const parent = given ?? ownCgroup();
  await checkHierarchy(parent);
  await enable(parent, [...new Set(settings.map(({ controller }) => controller))]);
  if (name === undefined) await removeStale(parent);
  const path = join(parent, name ?? newName());
  const cgroup = new Cgroup(path);
  // Registered before the directory is made, because it exists before this process knows that. A name that the caller
  // chose may belong to somebody else's cgroup, and is not registered here.
  if (diesWithProcess && name === undefined) cgroup.removeAtExit();
  try {
    await attempt({ step: `create cgroup ${path}`, operation: 'cgroup-create', path }, () => mkdir(path));
  } catch (error) {
    cgroup.stayAtExit();
    throw error;
  }
  if (diesWithProcess) cgroup.removeAtExit();
  try {
    for (const setting of settings) await writeSetting(path, setting);
    const directory = await attempt({ step: `open cgroup ${path}`, operation: 'cgroup-open', path }, () => open(path));
    return { cgroup, directory };
  } catch (error) {
    await cgroup.delete().catch(() => undefined);
    throw error;
  }
}

async function checkHierarchy(parent: string): Promise<void> {
  const what = { step: 'find parent cgroup', operation: 'cgroup-open', path: parent };
  const { type } = await attempt(what, () => statfs(parent));
  if (type === CGROUP2) return;
  throw new NamespaceError({
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    message: `${parent} is no cgroup of the version 2 hierarchy`,
    step: what.step,
    path: parent,
    hint:
      "'grep cgroup2 /proc/self/mountinfo' tells where that is mounted: /sys/fs/cgroup, or /sys/fs/cgroup/unified where " +
      'version 1 is in use too.',
  });
}

async function enable(parent: string, needed: readonly string[]): Promise<void> {
  if (needed.length === 0) return;
  const there = await wordsOf(join(parent, 'cgroup.controllers'));
  const missing = needed.filter((controller) => !there.includes(controller));
  if (missing.length > 0) throw missingError(parent, missing);
  const path = join(parent, 'cgroup.subtree_control');
  const on = await wordsOf(path);
  const off = needed.filter((controller) => !on.includes(controller));
  if (off.length === 0) return;
  const what = { step: `enable ${off.join(', ')} in ${path}`, operation: 'cgroup-enable', path };
  await attempt(what, () => writeCgroupFile(path, off.map((controller) => `+${controller}`).join(' ')));
}

function missingError(parent: string, missing: readonly string[]): NamespaceError {
  const path = join(parent, 'cgroup.controllers');
  return new NamespaceError({
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    message: `no ${missing.join(', ')} controller in ${path}`,
    step: `enable ${missing.join(', ')} in ${join(parent, 'cgroup.subtree_control')}`,
    path,
    hint: controllerMissing(missing, new HostFiles()),
  });
}

function writeSetting(directory: string, { file, text }: CgroupSetting): Promise<void> {
  const path = join(directory, file);
  const what = { step: `write ${text} to ${file}`, operation: 'cgroup-set', path };
  return attempt(what, () => writeCgroupFile(path, text));
}

async function wordsOf(path: string): Promise<string[]> {
  const text = await attempt({ step: `read ${path}`, operation: 'cgroup-open', path }, () => readFile(path, 'utf8'));
  return text.split(/\s+/).filter((word) => word !== '');
}

async function attempt<T>(what: { step: string; operation: string; path: string }, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw systemError(error, what);
  }
}
