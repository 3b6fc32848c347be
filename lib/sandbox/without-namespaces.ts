/** Makes a sandbox without namespaces: `isolation: 'landlock'`. */
import { NamespaceError } from '../errors/namespace-error';
import { createCgroup } from '../cgroup/create';
import { ownCredentials } from '../idmap/credentials';
import type { NamespaceKind } from '../kernel/namespace-kind';
import { landlockReport, landlockSteps } from '../landlock/landlock';
import { launch } from '../launch/launch';
import { setOf } from '../set/namespace-set';
import type { Built } from './build';
import { MountPoints } from './mount-points';
import { OwnNetwork } from './own-network';
import type { SandboxPlan } from './parse';
import { WorkDirectories } from './work';

/**
 * Makes it: a task that stays as long as the sandbox. It takes on the ruleset, and enters the directory of programs, so
 * that a kernel without Landlock and a path that does not exist are errors now.
 */
export async function buildWithoutNamespaces(plan: SandboxPlan, signal: AbortSignal | undefined): Promise<Built> {
  const { cwd, landlock } = plan.rules;
  const cgroup = plan.cgroup === undefined ? undefined : await createCgroup(plan.cgroup, { diesWithProcess: true });
  try {
    const rules = landlock.flatMap(landlockSteps);
    const task = await launch(
      {},
      { steps: [['no_new_privs'], ['chdir', cwd, 0], ...rules, ['hold']], ids: 'given', signal },
    );
    task.unref();
    const { uid, gid } = ownCredentials();
    const [ruleset] = landlock.map(landlockReport);
    return {
      task,
      set: setOf([], task),
      above: [],
      ids: { uid: { id: uid, ranges: [] }, gid: { id: gid, ranges: [] }, groups: undefined },
      cgroup,
      overlays: [],
      copy: undefined,
      points: new MountPoints(),
      work: new WorkDirectories(true),
      network: new OwnNetwork([]),
      nullDevice: undefined,
      report: { proc: 'none', reason: undefined, landlock: ruleset },
      ownsPid: false,
    };
  } catch (error) {
    await cgroup?.directory.close();
    await cgroup?.cgroup.delete();
    throw error;
  }
}

const HAS: Partial<Record<NamespaceKind, string>> = { mnt: 'files', pid: 'processes' };

/** The error of a method that needs a namespace. */
export function withoutNamespace(kind: 'mnt' | 'pid'): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_NO_SUCH_KIND',
    message: `This Sandbox has no ${HAS[kind] ?? kind} of its own`,
    kind,
    hint:
      "It was made with isolation: 'landlock', and so its files and processes are those of this host: read them with Node's own " +
      'functions, and run programs with spawn(), execFile(), exec() and fork().',
  });
}
