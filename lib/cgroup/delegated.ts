/** The cgroups of this host in which this process may make others that limit memory and processes. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HostFiles } from '../kernel/host-files';
import type { MountLine } from '../kernel/mount-line';
import { below } from './place';

/** Directories in which a cgroup can be made. */
export type Delegated =
  | { readonly version: 2; readonly parent: string }
  /** One for each controller of {@link V1_CONTROLLERS}, in their order. */
  | { readonly version: 1; readonly parents: readonly string[] };

/** What a budget needs of version 1. There each controller has directories of its own: cgroups(7). */
const V1_CONTROLLERS = ['memory', 'pids', 'cpuacct'] as const;
const V2_CONTROLLERS = ['memory', 'pids'] as const;

/**
 * Version 2 where it is delegated: this process's cgroup, or the nearest one above it, that may be written to and passes
 * on the controllers. A service manager of a user has one above that of each program: `Delegate=` of
 * systemd.resource-control(5). Else version 1, which only root may write to as a rule. Undefined where there is neither.
 */
export function findDelegated(host = new HostFiles()): Delegated | undefined {
  const mounts = host.mounts() ?? [];
  const lines = (host.proc('self/cgroup') ?? '').split('\n');
  return findVersion2(mounts, lines) ?? findVersion1(mounts, lines);
}

function findVersion2(mounts: readonly MountLine[], lines: readonly string[]): Delegated | undefined {
  const path = lines.find((line) => line.startsWith('0::'))?.slice('0::'.length);
  const mount = mounts.find(({ type }) => type === 'cgroup2');
  if (path === undefined || mount === undefined) return undefined;
  const parent = above(mount, path).find(passesOn);
  return parent === undefined ? undefined : { version: 2, parent };
}

/** A directory and all above it, up to the mount. */
function above(mount: MountLine, path: string): string[] {
  const relative = below(mount.root, path);
  if (relative === undefined) return [];
  const all: string[] = [];
  for (let at = relative; at !== '' && at !== '/'; at = dirname(at)) all.push(join(mount.target, at));
  return [...all, mount.target];
}

/**
 * True where a new cgroup would have the controllers, and a process from below may be put into it: that takes the right
 * to write to cgroup.procs of the nearest one above both. A cgroup that has processes cannot pass controllers on which
 * it does not pass on already.
 */
function passesOn(directory: string): boolean {
  const on = wordsOf(join(directory, 'cgroup.subtree_control'));
  const isWritable = canWrite(directory) && canWrite(join(directory, 'cgroup.procs'));
  if (!isWritable) return false;
  if (V2_CONTROLLERS.every((each) => on.includes(each))) return true;
  const there = wordsOf(join(directory, 'cgroup.controllers'));
  const isEmpty = wordsOf(join(directory, 'cgroup.procs')).length === 0;
  return isEmpty && V2_CONTROLLERS.every((each) => there.includes(each));
}

function findVersion1(mounts: readonly MountLine[], lines: readonly string[]): Delegated | undefined {
  const parents = V1_CONTROLLERS.map((controller) => {
    const mount = mounts.find(({ type, superOptions }) => type === 'cgroup' && superOptions.includes(controller));
    const [, , path] =
      lines.map((line) => line.split(':')).find(([, names]) => names?.split(',').includes(controller)) ?? [];
    const relative = mount === undefined || path === undefined ? undefined : below(mount.root, path);
    return mount === undefined || relative === undefined ? undefined : join(mount.target, relative).replace(/\/$/, '');
  });
  const writable = parents.filter((path) => path !== undefined).filter(canWrite);
  return writable.length === V1_CONTROLLERS.length ? { version: 1, parents: writable } : undefined;
}

function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function wordsOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}
