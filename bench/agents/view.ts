/** Creates sandboxes with the host's view and with the host's programs alone, in this process. See `measureApart`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Sandbox, type SandboxSpec, hostUserland, hostView } from 'linux-ns';
import { answer } from '../measure/apart';
import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import { USERLAND, VIEW, type ViewTimes } from './report';

/** Milliseconds until the sandbox is there; the host is searched in them, too. */
function creating(name: string, spec: () => SandboxSpec): Contestant {
  return {
    name,
    sample: async () => {
      const began = performance.now();
      const box = await Sandbox.create(spec());
      const took = performance.now() - began;
      await box.close();
      return took;
    },
  };
}

async function measure(samples: number): Promise<ViewTimes> {
  const project = mkdtempSync(join(tmpdir(), 'ns-bench-view-'));
  try {
    const contestants = [
      creating(USERLAND, () => hostUserland({ writable: project })),
      creating(VIEW, () => hostView({ write: [project] })),
    ];
    return summarizeAll(await interleave(contestants, samples));
  } finally {
    rmSync(project, { recursive: true });
  }
}

void answer(measure);
