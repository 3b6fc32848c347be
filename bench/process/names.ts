/** The names of the contestants that are compared. */
export const OURS = 'linux-ns';
export const NODE = 'child_process';
/**
 * Ours, in the session of this process, as Node's is. A session has a fair share of a busy CPU to itself (autogroups,
 * sched(7)): two processes that wait for each other are slower in two.
 */
export const OURS_SAME_SESSION = 'linux-ns, same session';
