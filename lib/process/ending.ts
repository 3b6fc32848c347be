import { constants } from 'node:os';
import type { Task } from '../task/task';

/** The milliseconds between SIGTERM and SIGKILL when a process is closed. */
export const CLOSE_GRACE = 2000;

/** Asks a task to end, kills it if it has not ended after {@link CLOSE_GRACE}, and waits until it is gone. */
export async function endTask(task: Task): Promise<void> {
  // The caller waits for the end, so the task keeps Node running until then.
  task.ref();
  task.kill(constants.signals.SIGTERM);
  const timer = setTimeout(() => task.end(), CLOSE_GRACE);
  await task.exited;
  clearTimeout(timer);
}
