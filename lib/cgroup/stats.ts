/**
 * The kernel's counts for a cgroup, `cgroups(7)`. The part of a controller that is not enabled is missing. Sizes are in
 * bytes; times are in microseconds.
 */
export interface CgroupStats {
  /** True while there are processes in the cgroup, or in a cgroup below it. */
  populated: boolean;
  /** True while these processes are frozen. */
  frozen: boolean;
  /** cpu.stat: `usage_usec`, `user_usec`, `system_usec`, and with the controller `nr_throttled` and others. */
  cpu?: Record<string, number>;
  /** memory.current, memory.peak (Linux 5.19), memory.swap.current and memory.events (`oom_kill` and others). */
  memory?: {
    /** Bytes in use. */
    current: number;
    /** The most bytes that have been in use at one time. */
    peak?: number;
    /** Bytes that are swapped out. */
    swap?: number;
    /** The counts of memory.events: `high`, `max`, `oom`, `oom_kill` and others. */
    events?: Record<string, number>;
  };
  /** pids.current, pids.peak (Linux 6.1). */
  pids?: {
    /** The number of processes and threads now. */
    current: number;
    /** The highest number that there has been. */
    peak?: number;
  };
  /** io.stat: for each device, by its numbers, `rbytes`, `wbytes`, `rios`, `wios` and others. */
  io?: Record<string, Record<string, number>>;
}

type Read = (file: string) => Promise<string | undefined>;

/** @param read - the text of a file of the cgroup; undefined where there is none */
export async function parseStats(events: string, read: Read): Promise<CgroupStats> {
  const { populated, frozen } = pairs(events);
  const [cpu, memory, pids, io] = await Promise.all([
    read('cpu.stat'),
    memoryStats(read),
    pidsStats(read),
    read('io.stat'),
  ]);
  return {
    populated: populated === 1,
    frozen: frozen === 1,
    ...(cpu === undefined ? {} : { cpu: pairs(cpu) }),
    ...(memory === undefined ? {} : { memory }),
    ...(pids === undefined ? {} : { pids }),
    ...(io === undefined ? {} : { io: devices(io) }),
  };
}

async function memoryStats(read: Read): Promise<CgroupStats['memory']> {
  const files = ['memory.current', 'memory.peak', 'memory.swap.current', 'memory.events'];
  const [current, peak, swap, events] = await Promise.all(files.map(read));
  if (current === undefined) return undefined;
  return {
    current: Number(current),
    ...(peak === undefined ? {} : { peak: Number(peak) }),
    ...(swap === undefined ? {} : { swap: Number(swap) }),
    ...(events === undefined ? {} : { events: pairs(events) }),
  };
}

async function pidsStats(read: Read): Promise<CgroupStats['pids']> {
  const [current, peak] = await Promise.all([read('pids.current'), read('pids.peak')]);
  if (current === undefined) return undefined;
  return { current: Number(current), ...(peak === undefined ? {} : { peak: Number(peak) }) };
}

/** `name number` on each line. */
function pairs(text: string): Record<string, number> {
  return Object.fromEntries(linesOf(text).map((line) => numbered(line.split(' '))));
}

/** `8:0 rbytes=1 wbytes=2` on each line. */
function devices(text: string): Record<string, Record<string, number>> {
  return Object.fromEntries(
    linesOf(text).map((line) => {
      const [device = '', ...counts] = line.split(' ');
      return [device, Object.fromEntries(counts.map((count) => numbered(count.split('='))))];
    }),
  );
}

function numbered([name = '', number]: string[]): [string, number] {
  return [name, Number(number)];
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
