/** Finds the processes behind sockets, by what /proc says of the descriptors of each. */
import { type Dir, opendirSync, readdirSync } from 'node:fs';
import { eachInTurns, pause } from '../../../event-loop/turns';
import { HostFiles } from '../../../kernel/host-files';

/** The most descriptors of one process that are looked at. A program can have a million of them. */
const MOST_DESCRIPTORS = 4096;

/** Processes that have been found before: a program that has connected once will do so again. */
const MOST_RECENT = 16;

/**
 * Processes in one network namespace. Each call of the kernel takes some microseconds, and all of them together are made in
 * turns. A program can hide its sockets, by threads that share no descriptors for example; then it is not found.
 */
export class Owners {
  readonly #network: string;
  #recent: number[] = [];

  /** @param inode - of the network namespace */
  constructor(inode: bigint) {
    this.#network = `net:[${inode}]`;
  }

  /**
   * The process that has each socket. Where several have one, it is that with the lowest id.
   *
   * @param sockets - inodes
   */
  async find(sockets: ReadonlySet<number>): Promise<Map<number, number>> {
    const wanted = new Set([...sockets].map((inode) => `socket:[${inode}]`));
    const found = new Map<number, number>();
    const look = async (pid: number): Promise<void> => {
      for (const link of await this.#socketsOf(pid, wanted)) {
        wanted.delete(link);
        found.set(Number(link.slice('socket:['.length, -1)), pid);
      }
    };
    for (const pid of this.#recent) if (wanted.size > 0) await look(pid);
    if (wanted.size > 0) for (const pid of processes()) if (wanted.size > 0) await look(pid);
    this.#recent = [...new Set([...found.values(), ...this.#recent])].slice(0, MOST_RECENT);
    return found;
  }

  async #socketsOf(pid: number, wanted: ReadonlySet<string>): Promise<string[]> {
    await pause();
    const host = new HostFiles();
    if (host.link(`${pid}/ns/net`) !== this.#network) return [];
    const found: string[] = [];
    await eachInTurns(descriptorsOf(pid), (descriptor) => {
      const link = host.link(`${pid}/fd/${descriptor}`);
      if (link !== undefined && wanted.has(link)) found.push(link);
    });
    return found;
  }
}

/** What is known of a process without asking its own memory, which it could make as slow as it likes. */
export interface ProcessFacts {
  readonly pidInside: number;
  readonly file: string | undefined;
  /** Another one where the process is another, or runs another program, or the same one with other arguments. */
  readonly identity: string;
}

/** Undefined for a process that is gone. */
export function factsOf(pid: number): ProcessFacts | undefined {
  const host = new HostFiles();
  const status = host.proc(`${pid}/status`);
  const start = host.startTime(pid);
  if (status === undefined || start === undefined) return undefined;
  const pids = /^NSpid:\t(.*)$/m.exec(status)?.[1]?.split('\t').map(Number);
  const file = host.link(`${pid}/exe`);
  return { pidInside: pids?.at(-1) ?? pid, file, identity: `${pid} ${start} ${host.argumentsPlace(pid)} ${file}` };
}

function processes(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

function* descriptorsOf(pid: number): Generator<string, void, undefined> {
  const directory = opened(`/proc/${pid}/fd`);
  if (directory === undefined) return;
  try {
    for (let count = 0; count < MOST_DESCRIPTORS; count++) {
      const entry = directory.readSync();
      if (entry === null) return;
      yield entry.name;
    }
  } catch {
    // It has ended meanwhile.
  } finally {
    directory.closeSync();
  }
}

/** Undefined for a process that is gone, or may not be looked at. */
function opened(path: string): Dir | undefined {
  try {
    return opendirSync(path);
  } catch {
    return undefined;
  }
}
