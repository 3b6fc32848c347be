import { native } from '../native';

/** Descriptors that are closed together, because another thread has to be woken to close them. */
interface Batch {
  readonly fds: number[];
  readonly done: (() => void)[];
}

let batch: Batch | undefined;

/**
 * Closes a descriptor that the addon made, off the event loop. All descriptors that are closed in one turn of the loop
 * are handed to the other thread together.
 */
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
