/** Features of the kernel, each used once in a task that ends at once, or in namespaces that go with their handles. */
import { tmpdir } from 'node:os';
import { createCgroup } from '../cgroup/create';
import { parseCgroup } from '../cgroup/spec';
import { Errno } from '../errors/errno';
import { run, runBody } from '../launch/target';
import { openTree } from '../mount/detached';
import { PLACE } from '../mount/flags';
import { mountIn, stepsOfMount } from '../mount/mount';
import { unshare } from '../namespace/unshare';
import { native } from '../native';
import { attempt, refused } from './check';
import type { HostCheck } from './report';

const LANDLOCK_REASONS: ReadonlyMap<number | undefined, string> = new Map([
  [Errno.ENOSYS, 'not in this kernel'],
  [Errno.EOPNOTSUPP, 'switched off when the system was started'],
  [Errno.EPERM, 'refused, by a seccomp filter as a rule'],
]);

const LANDLOCK_REMEDY =
  'Programs that would confine themselves with Landlock cannot. It came with Linux 5.13 (CONFIG_SECURITY_LANDLOCK), and is ' +
  "switched on by its name in the kernel's parameter lsm=.";

/** Where part of /proc is covered none can be mounted that shows more: the kernel's mount_too_revealing(). */
export async function procMount(): Promise<HostCheck> {
  const base = { id: 'proc-mount', title: 'a /proc of its own', tried: 'mounted one in new namespaces' };
  const outcome = await attempt(() =>
    mountIn({ unshare: { user: true, pid: true, mnt: true } }, { type: 'proc', target: '/proc' }, asIs),
  );
  return outcome === undefined ? { ...base, verdict: 'ok', found: 'can be mounted' } : refused(base, outcome);
}

export async function tmpfsMount(): Promise<HostCheck> {
  const base = { id: 'mounts', title: 'mounts in a user namespace', tried: 'mounted a tmpfs in new namespaces' };
  const outcome = await attempt(() =>
    mountIn({ unshare: { user: true, mnt: true } }, { type: 'tmpfs', target: tmpdir() }, asIs),
  );
  return outcome === undefined ? { ...base, verdict: 'ok', found: 'can be made' } : refused(base, outcome);
}

/** Of a directory that is in no other mount's way: what is possible with others depends on what is mounted below them. */
export async function overlayMount(): Promise<HostCheck> {
  const base = {
    id: 'overlay',
    title: 'overlays in a user namespace',
    tried: 'mounted one over a tmpfs in new namespaces',
  };
  const target = { unshare: { user: true, mnt: true } } as const;
  const directory = tmpdir();
  const outcome = await attempt(() =>
    run(target, [
      ...stepsOfMount(target, 'mount', { type: 'tmpfs', target: directory }),
      ['overlay', [directory], null, null, ['userxattr'], 0, directory, PLACE.DISCARD],
    ]),
  );
  return outcome === undefined
    ? { ...base, verdict: 'ok', found: 'can be mounted' }
    : refused(base, outcome, 'limited');
}

/**
 * Of the host's filesystems it takes who has mounted them; of those in a user namespace, its root. The maps are those of
 * a namespace that both have privilege in.
 */
export async function idmappedMount(): Promise<HostCheck> {
  const base = {
    id: 'idmapped-mounts',
    title: 'id-mapped mounts',
    tried: 'copied a tmpfs in new namespaces, and the host directory of temporary files, with another map',
  };
  const inside = await attempt(async () => {
    await using set = await unshare({ user: true, mnt: true });
    await using other = await unshare({ user: true }, { setns: set });
    await set.mount({ type: 'tmpfs', target: tmpdir() });
    await (await set.openTree(tmpdir(), { idmap: other.user })).close();
  });
  const outside = await attempt(async () => {
    await using other = await unshare({ user: true });
    await (await openTree(tmpdir(), { idmap: other.user })).close();
  });
  if (inside === undefined && outside === undefined) return { ...base, verdict: 'ok', found: 'can be made' };
  if (inside === undefined) return { ...base, verdict: 'ok', found: 'of what is mounted in a user namespace' };
  if (outside === undefined) return { ...base, verdict: 'limited', found: "of the host's filesystems only" };
  return refused(base, inside, 'limited');
}

/** CLONE_INTO_CGROUP, where clone3(2) is there; a task that is moved into it where not. */
export async function cgroupDelegation(): Promise<HostCheck> {
  const base = {
    id: 'cgroup-delegation',
    title: 'cgroups (version 2)',
    tried: 'made one below our own, started a task in it, and removed it',
  };
  const outcome = await attempt(async () => {
    const plan = parseCgroup('options.cgroup', {});
    if (plan === undefined) return;
    const { cgroup, directory } = await createCgroup(plan);
    try {
      await runBody({}, { steps: [], ids: 'given', cgroup: directory.fd });
    } finally {
      await directory.close();
      await cgroup.remove();
    }
  });
  return outcome === undefined ? { ...base, verdict: 'ok', found: 'can be made' } : refused(base, outcome, 'limited');
}

/** Nothing of ours uses it: what is started can, landlock(7). */
export function landlock(): HostCheck {
  const base = { id: 'landlock', title: 'Landlock', tried: 'asked for its version: landlock_create_ruleset(2)' };
  try {
    return { ...base, verdict: 'ok', found: `version ${native().landlockVersion()}` };
  } catch (error) {
    const { errno } = error as { errno?: number };
    const found = LANDLOCK_REASONS.get(errno) ?? `refused (errno ${errno ?? 0})`;
    return { ...base, verdict: 'limited', found, remedy: LANDLOCK_REMEDY };
  }
}

function asIs(path: string): string {
  return path;
}
