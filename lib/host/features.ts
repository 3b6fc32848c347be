/** Checks of kernel features: each is used once, in a short-lived task or in namespaces that are closed afterwards. */
import { tmpdir } from 'node:os';
import { createCgroup } from '../cgroup/create';
import { parseCgroup } from '../cgroup/cgroup-spec';
import { Errno } from '../kernel/errno';
import { run, runBody } from '../launch/launch';
import { PLACE } from '../plan/place';
import { openTree } from '../mount/detached';
import { mountIn, parseMount, stepsOfMount } from '../mount/mount';
import { Sandbox } from '../sandbox/sandbox';
import { hostUserland } from '../sandbox/host-userland';
import { unshare } from '../set/unshare';
import { native } from '../native';
import { attempt, refused } from './check';
import type { HostCheck } from './report';
import { makeStep } from '../plan/step';

const LANDLOCK_REASONS: ReadonlyMap<number | undefined, string> = new Map([
  [Errno.ENOSYS, 'not supported by this kernel'],
  [Errno.EOPNOTSUPP, 'disabled at boot'],
  [Errno.EPERM, 'refused, usually by a seccomp filter'],
]);

const LANDLOCK_REMEDY =
  "The option 'landlock' cannot be used, and programs cannot confine themselves with it. It needs Linux 5.13 with CONFIG_SECURITY_LANDLOCK, and landlock in the " +
  'list of the kernel parameter lsm=.';

/**
 * The kernel refuses a new proc that would show files which mounts cover in the existing one: mount_too_revealing().
 */
export async function procMount(): Promise<HostCheck> {
  const base = { id: 'proc-mount', title: 'proc in user namespaces', tried: 'mounted proc in new namespaces' };
  const outcome = await attempt(() =>
    mountIn({ unshare: { user: true, pid: true, mnt: true } }, { type: 'proc', target: '/proc' }, asIs),
  );
  return outcome === undefined ? { ...base, verdict: 'ok', found: 'can be mounted' } : refused(base, outcome);
}

export async function tmpfsMount(): Promise<HostCheck> {
  const base = { id: 'mounts', title: 'mounts in user namespaces', tried: 'mounted a tmpfs in new namespaces' };
  const outcome = await attempt(() =>
    mountIn({ unshare: { user: true, mnt: true } }, { type: 'tmpfs', target: tmpdir() }, asIs),
  );
  return outcome === undefined ? { ...base, verdict: 'ok', found: 'can be created' } : refused(base, outcome);
}

/**
 * Mounts an overlay over a new tmpfs. With other directories the result would depend on their filesystem and the mounts
 * below.
 */
export async function overlayMount(): Promise<HostCheck> {
  const base = {
    id: 'overlay',
    title: 'overlays in user namespaces',
    tried: 'mounted an overlay over a tmpfs in new namespaces',
  };
  const target = { unshare: { user: true, mnt: true } } as const;
  const directory = tmpdir();
  const outcome = await attempt(() =>
    run(target, [
      ...stepsOfMount(target, parseMount('mount', { type: 'tmpfs', target: directory })),
      makeStep('overlay', {
        lower: [directory],
        parameters: ['userxattr'],
        target: directory,
        flags: PLACE.DISCARD,
      }),
    ]),
  );
  return outcome === undefined
    ? { ...base, verdict: 'ok', found: 'can be mounted' }
    : refused(base, outcome, 'limited');
}

/**
 * An id-mapped mount needs CAP_SYS_ADMIN in the user namespace that owns the filesystem: that of the host, or a new
 * one. The map comes from a user namespace below either of them.
 */
export async function idmappedMount(): Promise<HostCheck> {
  const base = {
    id: 'idmapped-mounts',
    title: 'id-mapped mounts',
    tried: 'created one of a tmpfs in new namespaces, and one of the temporary directory of the host',
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
  if (inside === undefined && outside === undefined) return { ...base, verdict: 'ok', found: 'can be created' };
  if (inside === undefined) return { ...base, verdict: 'ok', found: 'only of mounts in user namespaces' };
  if (outside === undefined) return { ...base, verdict: 'limited', found: 'only of filesystems of the host' };
  return refused(base, inside, 'limited');
}

/** The whole of it, but for a /proc: that is a check of its own. */
export async function sandbox(): Promise<HostCheck> {
  const base = {
    id: 'sandbox',
    title: 'sandboxes',
    tried: 'created one with the programs of this host and without a /proc, and ran one of them',
  };
  const outcome = await attempt(async () => {
    await using made = await Sandbox.create({ ...hostUserland(), proc: false });
    await made.execFile('true');
  });
  return outcome === undefined ? { ...base, verdict: 'ok', found: 'can be created' } : refused(base, outcome);
}

/** Starts a task in a new cgroup, with CLONE_INTO_CGROUP, or by moving the task if clone3(2) is not available. */
export async function cgroupDelegation(): Promise<HostCheck> {
  const base = {
    id: 'cgroup-delegation',
    title: 'cgroups (version 2)',
    tried: 'created one below that of this process, started a task in it, and removed it',
  };
  const outcome = await attempt(async () => {
    const { cgroup, directory } = await createCgroup(parseCgroup('options.cgroup', {}));
    try {
      await runBody({}, { steps: [], ids: 'given', cgroup: directory.fd });
    } finally {
      await directory.close();
      await cgroup.delete();
    }
  });
  return outcome === undefined
    ? { ...base, verdict: 'ok', found: 'can be created' }
    : refused(base, outcome, 'limited');
}

/** The option `landlock` of programs needs it. landlock(7) */
export function landlock(): HostCheck {
  const base = { id: 'landlock', title: 'Landlock', tried: 'called landlock_create_ruleset(2) for its version' };
  try {
    return { ...base, verdict: 'ok', found: `ABI version ${native().landlockVersion()}` };
  } catch (error) {
    const { errno } = error as { errno?: number };
    const found = LANDLOCK_REASONS.get(errno) ?? `refused (errno ${errno ?? 0})`;
    return { ...base, verdict: 'limited', found, remedy: LANDLOCK_REMEDY };
  }
}

function asIs(path: string): string {
  return path;
}
