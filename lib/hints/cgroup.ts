/** Hints about cgroups of version 2: cgroups(7), the kernel's Documentation/admin-guide/cgroup-v2.rst. */
import { Errno } from '../kernel/errno';
import type { HostFiles } from '../kernel/host-files';
import { type Explainer, type Failure, byErrno } from './failure';
import { listed, named } from './wording';

/** The way in which a cgroup is delegated to an ordinary user. */
const DELEGATE =
  "systemd delegates one with Delegate=yes in a unit, or 'systemd-run --user --scope -p Delegate=yes node …'; root with " +
  "'mkdir' and 'chown -R USER' of a directory, in which Node then has to be started as well.";

/** Explains why a task could not start in a cgroup: CLONE_INTO_CGROUP, clone(2), or a write to its cgroup.procs. */
export const explainEnterCgroup: Explainer = byErrno({
  [Errno.EACCES]: (_, host) => enteringRefused(host),
  [Errno.EPERM]: (_, host) => enteringRefused(host),
  [Errno.EBUSY]: () =>
    'The cgroup has controllers enabled for its children, so it cannot have processes itself (cgroups(7)).',
  [Errno.EOPNOTSUPP]: () =>
    'The cgroup, or the one it was made in, is threaded, and takes no whole processes (cgroups(7)).',
  [Errno.ENODEV]: () => 'The cgroup was removed while the program was being started in it.',
});

/** Explains a failed mkdir of a cgroup. */
export const explainCreateCgroup: Explainer = byErrno({
  [Errno.EACCES]: notDelegated,
  [Errno.EPERM]: notDelegated,
  [Errno.EROFS]: () =>
    'The cgroup file system is mounted read-only, as containers have it. Start the container with a cgroup namespace of ' +
    'its own and a writable mount (Docker: --privileged, or --security-opt writable-cgroups=true).',
  [Errno.EEXIST]: () =>
    'There is a cgroup of that name already: remove it (rmdir), give another name, or leave the name out.',
  [Errno.ENOENT]: () => 'The parent cgroup does not exist.',
  [Errno.EAGAIN]: () =>
    'The limits cgroup.max.depth or cgroup.max.descendants of a cgroup above allow no more cgroups.',
  [Errno.EBUSY]: () => 'The limits cgroup.max.depth or cgroup.max.descendants of a cgroup above allow no more cgroups.',
});

/** Explains a failed write to cgroup.subtree_control. */
export const explainEnableController: Explainer = byErrno({
  [Errno.EACCES]: notDelegated,
  [Errno.EPERM]: notDelegated,
  [Errno.EBUSY]: (failure) =>
    `The cgroup ${named(directoryOf(failure.path), 'chosen as parent')} has processes of its own, most likely this one, ` +
    'and only a cgroup without any can pass controllers on to its children (cgroups(7), "no internal processes"). Start ' +
    "Node in a child of it (systemd: DelegateSubgroup=node, version 254), and give this one as 'parent'; or another that " +
    'has no processes.',
  [Errno.ENOENT]: () => 'A controller was taken away from the parent cgroup meanwhile.',
  [Errno.EOPNOTSUPP]: () => 'The parent cgroup is threaded, and this controller does not work there (cgroups(7)).',
});

/** Explains a failed write to the file of a limit. */
export const explainSetCgroup: Explainer = byErrno({
  [Errno.ENOENT]: (failure) =>
    `This kernel has no ${named(failure.path, 'such file')}: it is older than that limit, or built or booted without it ` +
    '(memory.swap.max: swapaccount=1; io.weight: an io scheduler with weights).',
  [Errno.EINVAL]: () => 'The kernel does not take that value for this limit.',
  [Errno.ERANGE]: () => 'The value is outside of what the kernel takes for this limit.',
  [Errno.ENODEV]: () => "There is no block device of that number: 'lsblk' shows them.",
  [Errno.EACCES]: notDelegated,
});

/** Explains why writing to, or reading from, a running cgroup failed. */
export const explainUseCgroup: Explainer = byErrno({
  [Errno.ENOENT]: (failure) =>
    failure.path?.endsWith('cgroup.kill') === true ? undefined : 'The cgroup has been removed: its program has ended.',
  [Errno.EACCES]: notDelegated,
});

/** Explains why a controller is not in the cgroup.controllers of a parent. */
export function controllerMissing(missing: readonly string[], host: HostFiles): string {
  const legacy = missing.filter((controller) => inVersion1(controller, host));
  if (legacy.length > 0) {
    return (
      `${listed(legacy)} ${legacy.length > 1 ? 'are' : 'is'} in use by cgroup version 1 on this host, and a controller is ` +
      'in one version only (cgroups(7)): boot with systemd.unified_cgroup_hierarchy=1, or cgroup_no_v1=' +
      `${legacy.join(',')}.`
    );
  }
  const unknown = missing.filter((controller) => !knownToKernel(controller, host));
  if (unknown.length > 0) {
    return (
      `The kernel offers no ${listed(unknown)} controller here (cgroup.controllers of the first cgroup): it was built ` +
      'without, or booted with cgroup_disable=.'
    );
  }
  return (
    'A cgroup has the controllers that all above it pass on (cgroup.subtree_control). ' +
    `${DELEGATE} Or give a 'parent' that has them.`
  );
}

/** In /proc/PID/cgroup each version 1 hierarchy has a line with its controllers; io was called blkio there. */
function inVersion1(controller: string, host: HostFiles): boolean {
  const name = controller === 'io' ? 'blkio' : controller;
  const lines = (host.proc('self/cgroup') ?? '').split('\n');
  return lines.some((line) => /^[1-9]\d*:([^:]*):/.exec(line)?.[1]?.split(',').includes(name));
}

/** True where the kernel has the controller. Also true where /proc or /sys cannot be read: then nothing is claimed. */
function knownToKernel(controller: string, host: HostFiles): boolean {
  const mount = host.mounts()?.find(({ type, root }) => type === 'cgroup2' && root === '/');
  const below = mount?.target.replace(/^\/sys\//, '') ?? '';
  const all = host.sys(`${below}/cgroup.controllers`);
  return all === undefined || all.split(/\s+/).includes(controller) || isNestedCgroup(host);
}

/** In a container the topmost cgroup that can be seen is not the topmost of all, and says nothing about the kernel. */
function isNestedCgroup(host: HostFiles): boolean {
  return host.link('self/ns/cgroup') !== 'cgroup:[4026531835]';
}

function enteringRefused(host: HostFiles): string {
  const own = /^0::(.*)$/m.exec(host.proc('self/cgroup') ?? '')?.[1] ?? '/';
  return (
    'To start a program in another cgroup takes write permission on the cgroup.procs of the nearest cgroup that is above ' +
    `both it and this process's own, ${own} (cgroups(7), "Delegation"). ${DELEGATE}`
  );
}

function notDelegated(failure: Failure, host: HostFiles): string {
  const uid = host.status('Uid')?.split(/\s+/)[1];
  return (
    `${named(failure.path, 'The cgroup')} can't be written by ${uid === undefined ? 'this process' : `uid ${uid}`}: the ` +
    `cgroup it is in has not been delegated to that user. ${DELEGATE}`
  );
}

function directoryOf(path: string | undefined): string | undefined {
  return path?.replace(/\/[^/]*$/, '');
}
