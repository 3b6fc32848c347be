/** The directories of test runners, by names that tell whose they are, so that what a killed one left is removed later. */
import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The place, the pid, and the start time of the process that made it; then what mkdtemp(3) adds. */
const NAME = /^linux-ns-test-([0-9a-f]{12})-(\d+)-(\d+)-[A-Za-z0-9]{6}$/;

/** The index of the start time among the fields of /proc/PID/stat that follow the name of the program: proc_pid_stat(5). */
const START_TIME = 19;

/** Others may not write in a directory, or may not rename what is not theirs: S_IWGRP, S_IWOTH, S_ISVTX of inode(7). */
const SHARED = 0o022;
const STICKY = 0o1000;

/** The name of a directory of this process, for mkdtemp(3). */
export function ownPrefix(): string {
  return `linux-ns-test-${placeOfPids()}-${process.pid}-${startTime('self') ?? '0'}-`;
}

/**
 * Removes the directories of processes that are gone. Left alone is all that is not this user's, or no directory, or in
 * the place of a process that runs or of which this one cannot know. No link is followed. What cannot be removed stays.
 */
export function removeLeftovers(parent: string): void {
  try {
    if (!isSafe(parent)) return;
    const place = placeOfPids();
    for (const name of readdirSync(parent)) {
      const [, itsPlace, pid = '', started = ''] = NAME.exec(name) ?? [];
      if (itsPlace === place && !mayRun(Number(pid), started)) removeOwn(join(parent, name));
    }
  } catch {
    // These are files of other runs, and this one goes on without.
  }
}

/** Where others can rename what they do not own, a name tells nothing. */
function isSafe(parent: string): boolean {
  const { mode } = statSync(parent);
  return (mode & SHARED) === 0 || (mode & STICKY) !== 0;
}

function removeOwn(path: string): void {
  try {
    const found = lstatSync(path);
    const isOwn = found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0;
    if (isOwn) rmSync(path, { recursive: true, force: true });
  } catch {
    // Somebody else has just removed it, or it has files of other users of the namespace.
  }
}

/** False only if it is certain that no process with this pid and start time runs. */
function mayRun(pid: number, started: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
  const isOwnProc = linkOf('/proc/self') === String(process.pid);
  const now = isOwnProc ? startTime(String(pid)) : undefined;
  return now === undefined || now === started;
}

/**
 * The machine since it was started, and the namespaces in which a pid and a start time mean something. A directory that
 * containers or machines share has the directories of all of them, and a process knows of those of its own place only.
 */
function placeOfPids(): string {
  const words = [
    textOf('/proc/sys/kernel/random/boot_id'),
    ...['pid', 'time'].map((kind) => linkOf(`/proc/self/ns/${kind}`)),
  ];
  return createHash('sha256').update(words.join()).digest('hex').slice(0, 12);
}

function startTime(process: string): string | undefined {
  const text = textOf(`/proc/${process}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[START_TIME];
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
