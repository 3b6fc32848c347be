/** The budget of a program of `linux-ns run`: options, verdict and exit status. */
import { constants } from 'node:os';
import type { NamespaceProcess, RunLimits, RunResult, RunVerdict, Sandbox } from 'linux-ns';
import { type Given, type Option, UsageError } from '../command';
import { printMessages } from '../output';
import type { Channels, RunningProgram } from '../program';
import { bytesOf, formatBytes, formatTime, timeOf } from '../quantities';

export const LIMIT_OPTIONS: readonly Option[] = [
  { name: 'limit-wall', value: 'TIME', help: 'end it after this time, e.g. 90s or 5m' },
  { name: 'limit-cpu', rare: true, value: 'TIME', help: 'end it after this CPU time, e.g. 10s' },
  { name: 'limit-memory', value: 'BYTES', help: 'end it when it has more memory, e.g. 512m' },
  { name: 'limit-output', rare: true, value: 'BYTES', help: 'end it when it has written more, e.g. 1m' },
  { name: 'limit-processes', rare: true, value: 'N', help: 'let it have so many processes and threads' },
  { name: 'limit-file-size', rare: true, value: 'BYTES', help: 'let it write no larger file' },
];

/** The limits as they are written: numbers are milliseconds and bytes. */
export type WrittenLimits = { readonly [Name in keyof RunLimits]: string | number };

type LimitName = keyof RunLimits;

interface Quantity {
  readonly option: string;
  readonly read: (what: string, text: string) => number;
  readonly format: (value: number) => string;
}

const QUANTITIES: Readonly<Record<LimitName, Quantity>> = {
  wall: { option: '--limit-wall', read: timeOf, format: formatTime },
  cpu: { option: '--limit-cpu', read: timeOf, format: formatTime },
  memory: { option: '--limit-memory', read: bytesOf, format: formatBytes },
  output: { option: '--limit-output', read: bytesOf, format: formatBytes },
  processes: { option: '--limit-processes', read: countOf, format: String },
  fileSize: { option: '--limit-file-size', read: bytesOf, format: formatBytes },
};

const NAMES = Object.keys(QUANTITIES) as LimitName[];

/** The words for a program that a limit has ended. */
const REASONS: Partial<Record<RunVerdict, string>> = {
  wall: 'it took longer',
  cpu: 'it used more CPU time',
  memory: 'it had more memory',
  output: 'it wrote more',
};

/**
 * The exit status by the limit: that of timeout(1), and those of a program that the kernel ends for such a reason with
 * SIGXCPU, for want of memory, or with SIGXFSZ.
 */
const STATUSES: Partial<Record<RunVerdict, number>> = {
  wall: 124,
  cpu: 128 + constants.signals.SIGXCPU,
  memory: 128 + constants.signals.SIGKILL,
  output: 128 + constants.signals.SIGXFSZ,
};

/** The limits that options say. */
export function limitsWritten(given: Given): WrittenLimits {
  const written = NAMES.map((name) => [name, given.value(QUANTITIES[name].option.slice(2))] as const);
  return Object.fromEntries(written.filter(([, text]) => text !== undefined));
}

/** The numbers of the limits; undefined if there is no limit. */
export function limitsOf(written: WrittenLimits): RunLimits | undefined {
  const some = NAMES.flatMap((name) => {
    const value = written[name];
    if (value === undefined) return [];
    const { option, read } = QUANTITIES[name];
    return [[name, typeof value === 'number' ? value : read(option, value)] as const];
  });
  return some.length === 0 ? undefined : Object.fromEntries(some);
}

/** The limits for people: `['wall', '10s']`. */
export function formatLimits(limits: RunLimits): (readonly [LimitName, string])[] {
  return NAMES.flatMap((name) => {
    const value = limits[name];
    return value === undefined ? [] : [[name, QUANTITIES[name].format(value)] as const];
  });
}

/** The program of a sandbox within its limits. What is not limited has no limit. */
export class Budget {
  readonly #limits: RunLimits;
  #verdict: RunVerdict | undefined;

  constructor(limits: RunLimits) {
    this.#limits = limits;
  }

  /**
   * Starts the program. Its end is that of the whole run. Where output is counted, it goes through this process.
   *
   * @param started - gets its process, before any of its output is read
   */
  async start(
    sandbox: Sandbox,
    file: string,
    args: readonly string[],
    { stdio, pty }: Channels,
    started: (child: NamespaceProcess) => void,
  ): Promise<RunningProgram> {
    const counts = this.#limits.output !== undefined && stdio !== undefined;
    return new Promise((resolve, reject) => {
      const result: Promise<RunResult<string | Buffer>> = sandbox.run(file, args, {
        pty,
        ...(counts ? THROUGH_HERE : {}),
        stdio: counts ? [stdio[0], 'pipe', 'pipe', ...stdio.slice(THROUGH)] : stdio,
        limits: { ...UNLIMITED, ...this.#limits },
        onStart: (child) => {
          started(child);
          resolve({ kill: (signal) => child.kill(signal), ended: result.then((end) => this.#exitOf(end)) });
        },
      });
      // Where it runs, the promise is settled already.
      result.then((end) => {
        if (end.verdict === 'start' && end.error !== undefined) reject(end.error);
        else resolve({ kill: () => false, ended: Promise.resolve(this.#exitOf(end)) });
      }, reject);
    });
  }

  /** Tells which limit has ended the program, if one has. */
  tell(): void {
    const verdict = this.#verdict;
    const reason = verdict === undefined ? undefined : REASONS[verdict];
    if (reason === undefined) return;
    const { option, format } = QUANTITIES[verdict as LimitName];
    const limit = format(this.#limits[verdict as LimitName] ?? 0);
    printMessages([`linux-ns: run: ${reason} than ${option} ${limit}, and was ended`]);
  }

  #exitOf({ verdict, code, signal }: RunResult<string | Buffer>): Awaited<RunningProgram['ended']> {
    this.#verdict = verdict;
    return { code: STATUSES[verdict] ?? code, signal };
  }
}

/** The program's own output; for that of this command there is output.ts. */
const THROUGH_HERE = { stdout: process.stdout, stderr: process.stderr };

/** The first descriptor after standard error. */
const THROUGH = 3;

const UNLIMITED: RunLimits = Object.fromEntries(NAMES.map((name) => [name, Infinity]));

function countOf(what: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new UsageError(`${what} must be a number of at least 1, not '${text}'`);
}
