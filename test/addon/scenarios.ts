/** For processes of their own: see test/fixtures/scenario.ts. */
import { closeSync, openSync } from 'node:fs';
import type { Step, TaskEvent } from '../../types/native';
import { native } from '../../lib/native';
import { moreThan, possessions } from '../fixtures/possessions';

const SLEEP: Step = ['exec', 'sleep', ['sleep', '5'], ['PATH=/usr/bin:/bin']];
const NEW_USER_AND_PID = 0x30000000;

const PLANS: Record<string, { flags: number; steps: Step[] }> = {
  socket: { flags: 0, steps: [['socket', 2, 1, 0], ['exit']] },
  fork: { flags: 0, steps: [['fork'], SLEEP] },
  'fork exit': { flags: 0, steps: [['fork'], ['exit']] },
  init: { flags: NEW_USER_AND_PID, steps: [['init', 1], SLEEP] },
};

/** All descriptors are taken from when the task exists until its last event. */
export async function noDescriptorToReceive(plan: string): Promise<unknown> {
  await launch({ flags: 0, steps: [['exit']] }, () => undefined);
  const before = possessions();
  const taken: number[] = [];
  const events = await launch(PLANS[plan]!, () => {
    try {
      for (;;) taken.push(openSync('/dev/null', 'r'));
    } catch {
      // that was the last
    }
  });
  taken.forEach((fd) => closeSync(fd));
  const last = events.at(-1);
  const errno = last?.type === 'failed' ? last.failure.errno : undefined;
  return { types: events.map(({ type }) => type), errno, more: await moreThan(before) };
}

function launch(plan: { flags: number; steps: Step[] }, onCloned: () => void): Promise<TaskEvent[]> {
  return new Promise((resolve) => {
    const events: TaskEvent[] = [];
    const task = native().launch({ ...plan, manual: true }, (event) => {
      events.push(event);
      if (event.type === 'cloned') {
        onCloned();
        task.proceed();
      }
      // Only what should have failed comes to run.
      if (event.type === 'started') task.end();
      if (event.type === 'exit' || event.type === 'failed') resolve(events);
    });
  });
}

export async function throwingCallback(): Promise<unknown> {
  const seen: unknown[] = [];
  process.on('uncaughtException', (error) => seen.push(error.message));
  await new Promise<void>((resolve) => {
    native().launch({ flags: 0, steps: [['exec', '/bin/true', ['true'], []]] }, (event) => {
      if (event.type === 'started') throw new Error('thrown');
      seen.push(event.type);
      resolve();
    });
  });
  return seen;
}
