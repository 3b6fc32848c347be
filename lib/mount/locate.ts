/** Makes a path what a task is to see: an absolute one in this process's mount namespace, as it is in another. */
export type Locate = (path: string) => string;
