/** Holds many sandboxes, and starts many at once, in this process. See `measureApart`. */
import { readFileSync } from 'node:fs';
import { Sandbox } from 'linux-ns';
import { answer } from '../measure/apart';
import { summarize } from '../measure/statistics';
import { SPEC } from '../sandbox/contestants';
import { working } from '../launch/starters';
import { PodmanRoot, byBwrap, measureBatch, ours } from './batch';
import { AT_ONCE, FEW_AT_ONCE, HELD, type Parts, type Step } from './report';

/** Sandboxes that are made at once while the number of held ones grows. */
const TOGETHER = 10;
const KB = 1024;

/** The memory that the whole system could still give, in kB: proc_meminfo(5). */
function availableKB(): number {
  return Number(/^MemAvailable: +(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
}

async function holdUntil(count: number, held: Sandbox[]): Promise<void> {
  while (held.length < count) {
    const missing = Math.min(TOGETHER, count - held.length);
    held.push(...(await Promise.all(Array.from({ length: missing }, () => Sandbox.create(SPEC)))));
  }
}

/** Each start is alone: the created sandbox, /bin/true in it, and its end, in milliseconds. */
async function measureAlone(samples: number): Promise<Step['start']> {
  const times: number[] = [];
  for (let count = 0; count < samples; count++) {
    const began = performance.now();
    await ours();
    times.push(performance.now() - began);
  }
  return summarize(times);
}

async function measure(samples: number): Promise<Parts> {
  const podman = new PodmanRoot();
  const held: Sandbox[] = [];
  try {
    await measureAlone(5);
    const before = { available: availableKB(), rss: process.memoryUsage.rss() };
    const steps: Step[] = [];
    for (const count of HELD) {
      console.error(`holding ${count} sandboxes`);
      await holdUntil(count, held);
      steps.push({ held: count, start: await measureAlone(samples) });
    }
    const most = held.length;
    const memory = {
      systemKB: Math.round((before.available - availableKB()) / most),
      nodeKB: Math.round((process.memoryUsage.rss() - before.rss) / KB / most),
    };
    const others = await working([
      { name: 'bwrap', start: byBwrap },
      { name: 'podman', start: podman.start },
    ]);
    const start = (name: string) => others.find((other) => other.name === name)?.start;
    console.error(`starting ${AT_ONCE} at once`);
    const many: Parts['many'] = { ours: await measureBatch(AT_ONCE, ours) };
    const bwrap = start('bwrap');
    if (bwrap !== undefined) many.bwrap = await measureBatch(AT_ONCE, bwrap);
    console.error(`starting ${FEW_AT_ONCE} at once`);
    const few: Parts['few'] = { ours: await measureBatch(FEW_AT_ONCE, ours) };
    if (bwrap !== undefined) few.bwrap = await measureBatch(FEW_AT_ONCE, bwrap);
    const byPodman = start('podman');
    if (byPodman !== undefined) few.podman = await measureBatch(FEW_AT_ONCE, byPodman);
    const began = performance.now();
    await Promise.all(held.splice(0).map((box) => box.close()));
    return { steps, memory, many, few, closeMs: (performance.now() - began) / most };
  } finally {
    await Promise.all(held.map((box) => box.close()));
    podman.remove();
  }
}

void answer(measure);
