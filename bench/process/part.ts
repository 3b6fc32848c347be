/** The process that is compared with Node's child_process, in one and the same heap. See `measureApart`. */
import { answer } from '../measure/apart';
import type { Summary } from '../measure/statistics';
import { measureIpc } from './ipc';
import { measureNodeStart } from './node-start';
import { measurePipe } from './pipe';

export interface PartResult {
  /** MB/s */
  pipe: Record<string, Summary>;
  /** Round trips per second. */
  ipc: Record<string, Summary>;
  /** Milliseconds. */
  nodeStart: Record<string, Summary>;
}

const STARTS_PER_PIPE = 10;
const STARTS_PER_IPC = 5;

async function measure(samples: number): Promise<PartResult> {
  return {
    pipe: await measurePipe(Math.ceil(samples / STARTS_PER_PIPE)),
    ipc: await measureIpc(Math.ceil(samples / STARTS_PER_IPC)),
    nodeStart: await measureNodeStart(samples),
  };
}

void answer(measure);
