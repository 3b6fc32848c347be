/** A cgroup for one run of a program and all its processes: limits, and what they have used. */
import { rmdirSync } from 'node:fs';
import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { atExit, untilDone } from '../handle/at-exit';
import { type Created, createCgroup } from './create';
import { type Delegated, findDelegated } from './delegated';
import { writeCgroupFile } from './file';
import { newName, removeStale } from './place';
import { type CgroupSpec, parseCgroup } from './cgroup-spec';

interface BudgetLimits {
  /** Bytes; Infinity for no limit. */
  readonly memory: number;
  /** Processes and threads; Infinity for no limit. */
  readonly processes: number;
}

export interface CgroupBudget {
  readonly version: 1 | 2;
  /** The descriptor of the directory that the program is born in. Version 1 has {@link place}. */
  readonly directory?: number;
  /** Puts a task into it, before it has done anything. */
  readonly place?: (pid: number) => Promise<void>;
  /** The CPU time of all that have ever been in it, in milliseconds. */
  cpu(): Promise<number>;
  /** True if the kernel has killed one of them for want of memory. */
  outOfMemory(): Promise<boolean>;
  /** Removes it, once all in it have ended. */
  remove(): Promise<void>;
}

/** nsinit, on its way to the program: as many tasks as it is at a time. */
const OWN_PROCESSES = 3;

/** Milliseconds; the kernel counts a process for a moment after it was reaped. */
const REMOVAL = { patience: 10_000, pause: 5 };

const MICROSECONDS = 1000;
const NANOSECONDS = 1e6;

/**
 * Makes a cgroup for a run. Undefined where this host has none for this process, or refuses this one.
 *
 * @param free - false where the program is born in another cgroup of version 2
 */
export async function openBudget(limits: BudgetLimits, free: boolean): Promise<CgroupBudget | undefined> {
  const delegated = findDelegated();
  if (delegated === undefined || (delegated.version === 2 && !free)) return undefined;
  try {
    return delegated.version === 2 ? await openVersion2(delegated, limits) : await openVersion1(delegated, limits);
  } catch {
    return undefined; // somebody has removed the parent, or has as many cgroups there as may be
  }
}

async function openVersion2(
  { parent }: Extract<Delegated, { version: 2 }>,
  { memory, processes }: BudgetLimits,
): Promise<CgroupBudget> {
  const spec = { parent, memoryMax: most(memory), memoryOomGroup: true, pidsMax: most(processes + OWN_PROCESSES) };
  const { cgroup, directory } = await withoutSwap(spec);
  const valueOf = async (file: string, name: string): Promise<number> => {
    const text = await readFile(join(cgroup.path, file), 'utf8');
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  };
  return {
    version: 2,
    directory: directory.fd,
    cpu: async () => (await valueOf('cpu.stat', 'usage_usec')) / MICROSECONDS,
    outOfMemory: async () => (await valueOf('memory.events', 'oom_kill')) > 0,
    remove: async () => {
      await directory.close();
      await cgroup.delete();
    },
  };
}

function most(limit: number): number | 'max' {
  return limit === Infinity ? 'max' : limit;
}

/** A kernel without swap has no limit of it. */
async function withoutSwap(spec: CgroupSpec): Promise<Created> {
  try {
    return await createCgroup(parseCgroup('cgroup', { ...spec, memorySwapMax: 0 }));
  } catch {
    return createCgroup(parseCgroup('cgroup', spec));
  }
}

async function openVersion1(
  { parents }: Extract<Delegated, { version: 1 }>,
  { memory, processes }: BudgetLimits,
): Promise<CgroupBudget> {
  const name = newName();
  await Promise.all(parents.map((parent) => removeStale(parent)));
  const directories = parents.map((parent) => join(parent, name));
  const [ofMemory = '', ofPids = '', ofCpu = ''] = directories;
  const stay = atExit(() => directories.forEach((each) => untilDone(() => rmdirSync(each))));
  const remove = async (): Promise<void> => {
    await Promise.all(directories.map(removeDirectory));
    stay();
  };
  try {
    await Promise.all(directories.map((each) => mkdir(each)));
    const bytes = memory === Infinity ? '-1' : String(memory);
    await writeCgroupFile(join(ofMemory, 'memory.limit_in_bytes'), bytes);
    // With swap; there is no such file on a kernel that does not account for it.
    await writeCgroupFile(join(ofMemory, 'memory.memsw.limit_in_bytes'), bytes).catch(() => undefined);
    await writeCgroupFile(join(ofPids, 'pids.max'), String(most(processes + OWN_PROCESSES)));
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    version: 1,
    place: async (pid) => {
      await Promise.all(directories.map((each) => writeCgroupFile(join(each, 'cgroup.procs'), String(pid))));
    },
    cpu: async () => Number(await readFile(join(ofCpu, 'cpuacct.usage'), 'utf8')) / NANOSECONDS,
    outOfMemory: async () => /^oom_kill [1-9]/m.test(await readFile(join(ofMemory, 'memory.oom_control'), 'utf8')),
    remove,
  };
}

async function removeDirectory(path: string): Promise<void> {
  for (const end = Date.now() + REMOVAL.patience; ;) {
    try {
      await rmdir(path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || Date.now() > end) return;
      await pause(REMOVAL.pause);
    }
  }
}
