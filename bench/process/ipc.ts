import { type ChildProcess, type SerializationType, fork as nodeFork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type ForkOptions, NAMESPACE_KINDS, type NamespaceProcess, fork } from 'linux-ns';
import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import type { Summary } from '../measure/statistics';
import { NODE, OURS, OURS_SAME_SESSION } from './names';

const ECHO = join(__dirname, 'echo.js');
const TRIPS_PER_SAMPLE = 500;
/** The number of messages that are under way at any time. */
export const IN_FLIGHT = [1, 16] as const;
const MESSAGE = { id: 1, text: 'x'.repeat(1000) };

type Child = NamespaceProcess | ChildProcess;

const STARTS: Readonly<Record<string, (serialization: SerializationType) => Promise<Child>>> = {
  [OURS]: (serialization) => forkOurs({ serialization }),
  [OURS_SAME_SESSION]: (serialization) => forkOurs({ serialization, newSession: false }),
  [NODE]: async (serialization) => nodeFork(ECHO, { execArgv: [], serialization }),
};

/** Round trips per second of messages of 1 kB, to a Node that sends each back. */
export async function measureIpc(rounds: number): Promise<Record<string, Summary>> {
  const children: Child[] = [];
  try {
    const contestants: Contestant[] = [];
    for (const serialization of ['json', 'advanced'] as const) {
      for (const [name, start] of Object.entries(STARTS)) {
        const child = await start(serialization);
        children.push(child);
        contestants.push(...IN_FLIGHT.map((count) => trips(ipcName(name, serialization, count), child, count)));
      }
    }
    return summarizeAll(await interleave(contestants, rounds));
  } finally {
    await Promise.all(children.map(hangUp));
  }
}

export function ipcName(who: string, serialization: SerializationType, inFlight: number): string {
  return `${who}, ${serialization}, ${inFlight} at once`;
}

function forkOurs(options: ForkOptions): Promise<NamespaceProcess> {
  return fork(ECHO, { execArgv: [], unshare: [...NAMESPACE_KINDS], ...options });
}

function trips(name: string, child: Child, inFlight: number): Contestant {
  return {
    name,
    async sample() {
      const began = performance.now();
      await tripsOf(child, TRIPS_PER_SAMPLE, inFlight);
      return (TRIPS_PER_SAMPLE / (performance.now() - began)) * 1000;
    },
  };
}

function tripsOf(child: Child, count: number, inFlight: number): Promise<void> {
  return new Promise((resolve) => {
    let toSend = count - inFlight;
    let toCome = count;
    const onMessage = (): void => {
      if (toSend-- > 0) child.send(MESSAGE);
      if (--toCome > 0) return;
      child.removeListener('message', onMessage);
      resolve();
    };
    child.on('message', onMessage);
    for (let sent = 0; sent < inFlight; sent++) child.send(MESSAGE);
  });
}

/** Node tells no 'close' of a process that it has disconnected. */
async function hangUp(child: Child): Promise<void> {
  const exited = once(child, 'exit');
  child.disconnect();
  await exited;
}
