import { Sandbox } from 'linux-ns';
import { privateKB } from '../measure/memory';
import { children } from '../measure/possessions';
import { SPEC } from './contestants';

/** Sandboxes that are there at once. */
export interface Held {
  sandboxes: number;
  /** Private memory of all their processes, for each sandbox, in kB. */
  privateKB: number;
  /** Processes of each. */
  processes: number;
  /** By how much this process has grown, for each, in kB. */
  nodeKB: number;
}

const KB = 1024;

export async function measureHeld(count: number): Promise<Held> {
  const before = { pids: new Set(children()), rss: process.memoryUsage.rss() };
  const sandboxes = await Promise.all(Array.from({ length: count }, () => Sandbox.create(SPEC)));
  try {
    const pids = children().filter((pid) => !before.pids.has(pid));
    const total = pids.reduce((sum, pid) => sum + privateKB(pid), 0);
    const grown = process.memoryUsage.rss() - before.rss;
    return {
      sandboxes: count,
      privateKB: total / count,
      processes: pids.length / count,
      nodeKB: Math.round(grown / KB / count),
    };
  } finally {
    await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
  }
}
