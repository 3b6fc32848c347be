/** The place of this process in the version 2 hierarchy, and the names of the cgroups that this package makes there. */
import { randomBytes } from 'node:crypto';
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NamespaceError } from '../errors/namespace-error';
import { hasEnded, ownMark } from '../handle/maker';
import { isNested } from '../hints/nested';
import { HostFiles } from '../kernel/host-files';

/** The names that this package chooses begin with this. */
const PREFIX = 'linux-ns';

/**
 * The path of this process's cgroup within the version 2 hierarchy: `'/user.slice/…'`; undefined where there is none.
 */
function ownCgroupPath(host: HostFiles): string | undefined {
  return /^0::(.*)$/m.exec(host.proc('self/cgroup') ?? '')?.[1];
}

/**
 * The directory of this process's own cgroup.
 *
 * @throws NamespaceError `ERR_LINUX_NS_UNSUPPORTED` where the version 2 hierarchy is not mounted, or not as far as
 *   there
 */
export function ownCgroup(host = new HostFiles()): string {
  const path = ownCgroupPath(host);
  const mounts = host.mounts()?.filter(({ type }) => type === 'cgroup2') ?? [];
  for (const { root, target } of mounts) {
    const relative = path === undefined ? undefined : below(root, path);
    if (relative !== undefined) return join(target, relative);
  }
  throw new NamespaceError({
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    message: "the cgroup of this process was not found in a version 2 hierarchy ('cgroup2' in /proc/self/mountinfo)",
    step: 'find own cgroup',
    hint:
      mounts.length === 0
        ? notMounted(host)
        : 'It lies outside of what is mounted here. Give the directory of another in options.cgroup.parent.',
  });
}

function notMounted(host: HostFiles): string {
  return isNested(host, 'pid') === true ? NOT_IN_CONTAINER_HINT : NOT_ON_HOST_HINT;
}

const NOT_IN_CONTAINER_HINT =
  'This container was not given one: its host has to have version 2 (boot it with systemd.unified_cgroup_hierarchy=1), and ' +
  'the container a cgroup namespace of its own with a mount that can be written (Docker, Podman: --cgroupns=private --privileged).';

const NOT_ON_HOST_HINT =
  "Mount it with 'mount -t cgroup2 none /sys/fs/cgroup' (beside version 1: /sys/fs/cgroup/unified), as root, or boot with " +
  'systemd.unified_cgroup_hierarchy=1.';

/**
 * A path below a root, relative to it; undefined where it is not below. A path that begins with `/..` lies outside the cgroup namespace, and no way
 * leads to it: cgroup_namespaces(7).
 */
export function below(root: string, path: string): string | undefined {
  if (path.startsWith('/..')) return undefined;
  if (root === '/' || path === root) return path.slice(root === '/' ? 0 : root.length);
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}

/** A name that nobody else takes, and that tells which thread has made the cgroup. */
export function newName(host = new HostFiles()): string {
  return [PREFIX, ownMark(host), randomBytes(4).toString('hex')].join('-');
}

/**
 * Removes the empty cgroups here whose makers have ended: a Node that was killed, or a Worker that was terminated.
 * Nobody else would remove them. Cgroups of makers in other pid namespaces are left alone, since those cannot be seen.
 */
export async function removeStale(parent: string, host = new HostFiles()): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  const stale = names.filter((name) => {
    const [, mark = ''] = new RegExp(`^${PREFIX}-(.*)-[0-9a-f]+$`).exec(name) ?? [];
    return hasEnded(mark, host);
  });
  // One that is not empty, or that another process removes at this moment, is left.
  await Promise.all(stale.map((name) => rmdir(join(parent, name)).catch(() => undefined)));
}
