import type { ResourceNumbers } from '../../types/native';

/**
 * The resources that a program has used, and its children that it has waited for. Of a program with an init (a new pid
 * namespace) those of all its processes count. Children whose parent ignored their end (SIGCHLD) count nowhere.
 * getrusage(2)
 */
export interface ResourceUsage {
  /** CPU time in its own code, in milliseconds with a fraction. */
  cpuUser: number;
  /** CPU time in the kernel, in milliseconds. */
  cpuSystem: number;
  /** The time from its start to its end, in milliseconds. */
  wall: number;
  /**
   * The most memory that one of its processes had resident at a time, in bytes. Linux counts what a task had before its
   * exec as well: without a joined pid namespace or an init this is never less than what this process had at the start.
   */
  maxRss: number;
  /** Page faults that needed no I/O. */
  minorFaults: number;
  /** Page faults that needed I/O. */
  majorFaults: number;
  /** Bytes that were read from devices, and not from the page cache. */
  bytesRead: number;
  /** Bytes that are to be written to devices. */
  bytesWritten: number;
  /** The times that it has waited for something. */
  voluntarySwitches: number;
  /** The times that the kernel gave its processor to others. */
  involuntarySwitches: number;
}

/** In a millisecond. */
export const MICROSECONDS = 1000;

/** The units of {@link ResourceNumbers}. */
const KIB = 1024;
const BLOCK = 512;

export const NO_USAGE: ResourceNumbers = [0, 0, 0, 0, 0, 0, 0, 0, 0];

/** @param wall - in milliseconds */
export function resourceUsage(numbers: ResourceNumbers, wall: number): ResourceUsage {
  const [user, system, maxRss, minorFaults, majorFaults, read, written, voluntarySwitches, involuntarySwitches] =
    numbers;
  return {
    cpuUser: user / MICROSECONDS,
    cpuSystem: system / MICROSECONDS,
    wall,
    maxRss: maxRss * KIB,
    minorFaults,
    majorFaults,
    bytesRead: read * BLOCK,
    bytesWritten: written * BLOCK,
    voluntarySwitches,
    involuntarySwitches,
  };
}
