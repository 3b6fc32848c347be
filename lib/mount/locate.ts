/**
 * Makes the path that a task has to use: an absolute one for this process's mount namespace, and the same path for
 * another.
 */
export type Locate = (path: string) => string;
