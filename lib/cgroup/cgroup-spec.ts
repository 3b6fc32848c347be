import { type Check, integer, list, orNull, required, schema } from '../errors/schema';
import {
  invalidType,
  invalidValue,
  outOfRange,
  validateBoolean,
  validateInteger,
  validateObject,
  validatePath,
  validateString,
} from '../errors/validate';

/** A limit, in bytes or as a number of things; `'max'` and `Infinity` mean no limit. */
export type CgroupMax = number | 'max';

/** The limits of one block device (io.max): the most bytes and operations per second. Default: no limit. */
export interface IoMax {
  /** Bytes read per second. */
  rbps?: CgroupMax | undefined;
  /** Bytes written per second. */
  wbps?: CgroupMax | undefined;
  /** Reads per second. */
  riops?: CgroupMax | undefined;
  /** Writes per second. */
  wiops?: CgroupMax | undefined;
}

/**
 * A cgroup v2 to create for a program: its place and its limits. Each limit is a file of the kernel (`memoryMax` is
 * memory.max) and needs the controller that its name begins with. That must be in `cgroup.controllers` of the parent;
 * it is enabled for the children of the parent (cgroup.subtree_control), and stays enabled. Units and defaults are the
 * kernel's. cgroups(7), the kernel's Documentation/admin-guide/cgroup-v2.rst
 */
export interface CgroupSpec {
  /**
   * The directory to create it in, a cgroup of the version 2 hierarchy: `'/sys/fs/cgroup/user.slice/…'`. With limits
   * the parent must have no processes of its own, unless it is the root cgroup. Default: the cgroup of this process.
   */
  parent?: string | URL | undefined;
  /** Its name there, which must not be taken. Default: a unique name that begins with `linux-ns-`. */
  name?: string | undefined;
  /** The most bytes of memory (memory.max). When the kernel cannot reclaim enough, it kills processes of the cgroup. */
  memoryMax?: CgroupMax | undefined;
  /** Bytes of memory above which processes are throttled and their memory is reclaimed. */
  memoryHigh?: CgroupMax | undefined;
  /** Bytes of memory that are reclaimed only if no other memory can be. */
  memoryLow?: CgroupMax | undefined;
  /** Bytes of memory that are never reclaimed. */
  memoryMin?: CgroupMax | undefined;
  /** The most bytes of swap; 0 for none. */
  memorySwapMax?: CgroupMax | undefined;
  /** True: the OOM killer kills all processes of the cgroup together, and not only one of them. */
  memoryOomGroup?: boolean | undefined;
  /** The most processes and threads, all together. */
  pidsMax?: CgroupMax | undefined;
  /**
   * The most microseconds of processor time in a period, summed over all processors; at least 1000. A number is for a
   * period of 100 000 microseconds.
   */
  cpuMax?:
    | CgroupMax
    | {
        /** Microseconds of processor time in each period, at least 1000. */
        quota: CgroupMax;
        /** The period in microseconds, 1000 to 1 000 000. The kernel's default is 100 000. */
        period?: number | undefined;
      }
    | undefined;
  /** Its share of the processors relative to its siblings, 1 to 10 000. The kernel's default is 100. */
  cpuWeight?: number | undefined;
  /** Its share of each device relative to its siblings, 1 to 10 000. The kernel's default is 100. */
  ioWeight?: number | undefined;
  /** Limits for block devices by their numbers: `{ '8:0': { rbps: 1048576 } }`. */
  ioMax?: Readonly<Record<string, IoMax>> | undefined;
  /** The processors it may use: `'0-3,7'` or numbers. */
  cpusetCpus?: string | readonly number[] | undefined;
  /** The memory nodes it may use: `'0-1'` or numbers. */
  cpusetMems?: string | readonly number[] | undefined;
  /** The most bytes of huge pages of each size: `{ '2MB': 4194304 }`. */
  hugetlbMax?: Readonly<Record<string, CgroupMax>> | undefined;
}

/** One write to a file of the new cgroup. */
export interface CgroupSetting {
  readonly controller: string;
  readonly file: string;
  readonly text: string;
}

/** A {@link CgroupSpec}, checked. */
export interface CgroupPlan {
  /** Undefined for this process's own. */
  readonly parent: string | undefined;
  readonly name: string | undefined;
  readonly settings: readonly CgroupSetting[];
}

const MAX_WEIGHT = 10_000;

/** cpu.max wants a quota of at least a millisecond, and a period of up to a second. */
const CPU = { least: 1000, longest: 1_000_000 };

const parseSpec = schema<CgroupSpec>()({
  parent: orNull(parseParent),
  name: orNull(parseName),
  memoryMax: limit('memory.max', maxText),
  memoryHigh: limit('memory.high', maxText),
  memoryLow: limit('memory.low', maxText),
  memoryMin: limit('memory.min', maxText),
  memorySwapMax: limit('memory.swap.max', maxText),
  memoryOomGroup: limit('memory.oom.group', flagText),
  pidsMax: limit('pids.max', maxText),
  cpuMax: limit('cpu.max', cpuMaxText),
  cpuWeight: limit('cpu.weight', weightText),
  ioWeight: limit('io.weight', (name, value) => `default ${weightText(name, value)}`),
  ioMax: orNull(devices),
  cpusetCpus: limit('cpuset.cpus', listText),
  cpusetMems: limit('cpuset.mems', listText),
  hugetlbMax: orNull(hugePages),
});

const parseCpu = schema<Exclude<CgroupSpec['cpuMax'], CgroupMax | undefined>>()({
  quota: required(quotaText),
  period: orNull(integer(CPU.least, CPU.longest)),
});

const parseIo = schema<IoMax>()({
  rbps: orNull(maxText),
  wbps: orNull(maxText),
  riops: orNull(maxText),
  wiops: orNull(maxText),
});

/**
 * Checks the option `cgroup`.
 *
 * @throws TypeError, RangeError with Node's codes
 */
export function parseCgroup(name: string, spec: unknown): CgroupPlan {
  const { parent, name: own, ...limits } = parseSpec(name, spec);
  return { parent, name: own, settings: Object.values(limits).flatMap((settings) => settings ?? []) };
}

/** The limit is one file of the cgroup. */
function limit(file: string, textOf: Check<string>): Check<CgroupSetting[] | undefined> {
  return orNull((name, value) => [setting(file, textOf(name, value))]);
}

/** The file's part before the first dot is the controller. */
function setting(file: string, text: string): CgroupSetting {
  return { controller: file.split('.')[0] ?? '', file, text };
}

function parseParent(name: string, parent: unknown): string {
  const path = validatePath(name, parent);
  if (!path.startsWith('/')) throw invalidValue(name, parent, 'must be an absolute path');
  return path;
}

/** Checks a name. One that a file of the kernel has, such as memory.max, is left to the kernel, which refuses it. */
function parseName(name: string, value: unknown): string {
  validateString(name, value);
  if (/^[^/\n.][^/\n]*$/.test(value)) return value;
  throw invalidValue(name, value, "must be the name of a directory that does not begin with '.'");
}

function maxText(name: string, value: unknown): string {
  if (value === 'max' || value === Infinity) return 'max';
  if (typeof value === 'string') throw invalidValue(name, value, "must be a number or 'max'");
  if (typeof value !== 'number') throw invalidType(name, "of type number or 'max'", value);
  validateInteger(name, value, 0);
  return String(value);
}

function flagText(name: string, value: unknown): string {
  validateBoolean(name, value);
  return value ? '1' : '0';
}

function weightText(name: string, value: unknown): string {
  validateInteger(name, value, 1, MAX_WEIGHT);
  return String(value);
}

function cpuMaxText(name: string, value: unknown): string {
  if (typeof value !== 'object') return quotaText(name, value);
  const { quota, period } = parseCpu(name, value);
  return period === undefined ? quota : `${quota} ${period}`;
}

function quotaText(name: string, quota: unknown): string {
  const text = maxText(name, quota);
  if (text !== 'max' && Number(text) < CPU.least) throw outOfRange(name, `>= ${CPU.least}`, quota);
  return text;
}

function listText(name: string, value: unknown): string {
  if (typeof value === 'string') {
    if (/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(value)) return value;
    throw invalidValue(name, value, "must be a list of numbers and ranges, as '0-3,7'");
  }
  const numbers = list(integer(0, Number.MAX_SAFE_INTEGER))(name, value);
  if (numbers.length === 0) throw invalidValue(name, value, 'must name one at least');
  return numbers.join(',');
}

/** One write for each device: io.max takes one at a time. */
function devices(name: string, value: unknown): CgroupSetting[] {
  validateObject(name, value);
  return Object.entries(value).map(([device, limits]: [string, unknown]) => {
    if (!/^\d+:\d+$/.test(device)) throw invalidValue(name, value, "must have keys of the form 'major:minor'");
    const words = Object.entries(parseIo(`${name}['${device}']`, limits)).flatMap(([key, text]) =>
      text === undefined ? [] : `${key}=${text}`,
    );
    return setting('io.max', [device, ...words].join(' '));
  });
}

function hugePages(name: string, value: unknown): CgroupSetting[] {
  validateObject(name, value);
  return Object.entries(value).map(([size, limit]: [string, unknown]) => {
    if (!/^\d+[KMG]B$/.test(size)) throw invalidValue(name, value, "must have sizes of pages as keys, as '2MB'");
    return setting(`hugetlb.${size}.max`, maxText(`${name}['${size}']`, limit));
  });
}
