/** Undoes work that is under way when Node ends by process.exit(), or by an error that nobody catches. */

const pending = new Set<() => void>();

/**
 * Registers a function that undoes something when this thread's Node ends. The function that is returned takes the
 * registration back. `undo` runs when nothing else can run any more, so it is synchronous and should take milliseconds.
 * Nobody sees its errors: the process ends.
 *
 * A process that is killed, and a Worker that is terminated, do not come to this: what can be left then has to be
 * recognised by a process that finds it later (`lib/handle/maker.ts`).
 */
export function atExit(undo: () => void): () => void {
  if (pending.size === 0) process.on('exit', undoAll);
  pending.add(undo);
  return () => {
    pending.delete(undo);
    if (pending.size === 0) process.off('exit', undoAll);
  };
}

function undoAll(): void {
  for (const undo of pending) {
    try {
      undo();
    } catch {
      // nobody is left to be told
    }
  }
}

/**
 * Tries again and again, for the second that an exit may be held up at most, until it does not throw any more:
 * processes that were killed take a moment to end.
 */
export function untilDone(attempt: () => void): void {
  const end = Date.now() + 1000;
  for (;;) {
    try {
      attempt();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
