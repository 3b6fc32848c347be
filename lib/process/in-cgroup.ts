import type { Cgroup } from '../cgroup/cgroup';
import { type CgroupEnd, createCgroup } from '../cgroup/create';
import type { CgroupPlan } from '../cgroup/cgroup-spec';
import type { Task } from '../task/task';

/** A program that runs. */
export interface Running {
  readonly task: Task;
  /** The cgroup that was made for it, and that it started in; undefined if none was made. */
  readonly cgroup: Cgroup | undefined;
}

/**
 * Makes a cgroup, if the plan has one, and starts a task in it; `start` gets the descriptor of the cgroup. The cgroup
 * is removed when the task ends, or if it could not be started.
 */
export async function startInCgroup(
  plan: CgroupPlan | undefined,
  end: CgroupEnd,
  start: (cgroup: number | undefined) => Promise<Task>,
): Promise<Running> {
  if (plan === undefined) return { task: await start(undefined), cgroup: undefined };
  const { cgroup, directory } = await createCgroup(plan, end);
  try {
    const task = await start(directory.fd);
    void task.exited.then(() => removeOrWarn(cgroup));
    return { task, cgroup };
  } catch (error) {
    await removeOrWarn(cgroup);
    throw error;
  } finally {
    await directory.close();
  }
}

async function removeOrWarn(cgroup: Cgroup): Promise<void> {
  try {
    await cgroup.delete();
  } catch (error) {
    process.emitWarning(`The cgroup ${cgroup.path} could not be removed`, {
      code: 'LINUX_NS_CGROUP_LEFT',
      detail: (error as Error).message,
    });
  }
}
