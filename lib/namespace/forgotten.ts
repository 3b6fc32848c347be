/** What is left of a handle that nobody has closed, and what nobody can reach any more. It must not refer to the handle. */
export interface Remains {
  /** What it was, as the subject of a sentence: 'A Namespace (net:[4026531840])'. */
  what: string;
  /** Closes what the handle owned. */
  close: () => unknown;
}

const forgotten = new FinalizationRegistry<Remains>(({ what, close }) => {
  close();
  // As FileHandle's does: it works out in the end, but when is up to the garbage collector.
  process.emitWarning(`${what} was collected as garbage and closed then; call close() on it`, {
    code: 'LINUX_NS_UNCLOSED',
    detail: 'Until the garbage collector runs, which it may never do, what nothing else uses is kept alive by it.',
  });
});

/** Closes, with a process warning, what `handle` owns if it is collected before {@link disown}. */
export function own(handle: object, remains: Remains): void {
  forgotten.register(handle, remains, handle);
}

/** The handle has been closed, or has passed what it owned on to another. */
export function disown(handle: object): void {
  forgotten.unregister(handle);
}
