import { native } from '../native';

/** What is to be closed together: another thread has to be woken for it. */
interface Batch {
  readonly fds: number[];
  readonly done: (() => void)[];
}

let batch: Batch | undefined;

/** Closes a descriptor that the addon made, off the event loop. What is closed in one go goes there in one go. */
export function closeFd(fd: number, done?: () => void): void {
  if (batch === undefined) {
    batch = { fds: [], done: [] };
    queueMicrotask(flush);
  }
  batch.fds.push(fd);
  if (done !== undefined) batch.done.push(done);
}

function flush(): void {
  const { fds = [], done = [] } = batch ?? {};
  batch = undefined;
  native().close(fds, () => {
    for (const call of done) call();
  });
}
