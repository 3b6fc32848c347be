/** Signals for all programs of a host. */
import type { NamespaceSet } from '../set/namespace-set';

/** Programs that start others while they are being stopped are looked for again, so often at most. */
const MOST_ROUNDS = 100;

/**
 * Sends a signal to all processes of a set's pid namespace but its init: until a round finds none that has not had it
 * yet. A process that has been stopped starts no others.
 */
export async function signalAll({ pid, init }: NamespaceSet, signal: NodeJS.Signals): Promise<void> {
  const reached = new Set<number>();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const found = ((await pid?.processes()) ?? []).filter((each) => each !== init && !reached.has(each));
    if (found.length === 0) return;
    for (const each of found) {
      reached.add(each);
      send(each, signal);
    }
  }
}

function send(process_: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process_, signal);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ESRCH') throw error;
  }
}
