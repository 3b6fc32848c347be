/** One program within a budget, and how it ended. */
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { StartTimeout } from '../../errors/abort';
import { NamespaceError } from '../../errors/namespace-error';
import { withoutPrototype } from '../../errors/plain';
import { invalidValue } from '../../errors/validate';
import { type CgroupBudget, openBudget } from '../../cgroup/budget';
import { validateJoin } from '../../launch/join';
import { Deadline } from '../../process/deadline';
import { feed } from '../../process/input';
import { endProcess, type NamespaceProcess, taskOf } from '../../process/namespace-process';
import type { ProgramPlace } from '../../process/programs';
import { parseFile } from '../../process/schemas';
import { type SpawnRequest, requestOf, sortArguments, startSpawn } from '../../process/spawn';
import type { StdioSlot } from '../../process/stdio';
import { type Exit, exitOf } from '../../task/task';
import { NO_USAGE, type ResourceUsage } from '../../task/usage';
import { Watch, lowerOf, rlimitsOf } from './budget';
import { type Limits, limitsOf } from './limits';
import { type CheckedRun, parseRunOptions } from './options';
import { Output } from './output';
import type { RunResult, RunVerdict } from './result';

/** Times in milliseconds. All of them together are less than the second in which a run settles after its limit. */
const GRACE = {
  /** For the init to kill what is left, and to count it. Then the init is killed. */
  init: 300,
  /** For the kernel to end what was killed. Then the result tells what is known. */
  end: 300,
  /** For streams that others hold open after the end. */
  streams: 200,
};

/** A run that Node itself has ended, of which nothing else is known. */
const KILLED: Exit = exitOf(null, 'SIGKILL', NO_USAGE, 0);
const NOT_RUN: Exit = exitOf(null, null, NO_USAGE, 0);

/** The arguments of {@link Sandbox.run}, checked. */
export interface RunRequest {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: CheckedRun;
  readonly limits: Limits;
}

/** Checks the arguments, without a sandbox to run the program in. */
export function parseRun(file: unknown, args: unknown, options: unknown): RunRequest {
  const [list, bag] = sortArguments(args, options);
  const checked = parseRunOptions('options', bag);
  return { file: parseFile('file', file), args: list, options: checked, limits: limitsOf(checked.limits) };
}

/**
 * Runs a program in a pid namespace of its own, below that of the place: so all its processes are known, counted and
 * killed together, whatever they do.
 */
export async function runWithin(
  { setns, confinement }: ProgramPlace,
  { file, args, options, limits }: RunRequest,
): Promise<RunResult<string | Buffer>> {
  const narrowed = confinement.narrow(withoutPrototype(options, { setns: validateJoin('options.setns', setns) }));
  const own = {
    unshare: { pid: true as const },
    dieWithParent: true,
    killSignal: constants.signals.SIGKILL,
  };
  const asked = requestOf(file, args, withoutPrototype(narrowed, own), confinement.confine);
  const request = { ...asked, stdio: stdioOf(options, asked.stdio) };
  const run = new Run(limits, options, new Deadline(limits.wall === Infinity ? 0 : limits.wall, options.signal));
  return run.result(request, confinement.started);
}

/** Without `stdio` the program reads what `input` has, and nothing else. */
function stdioOf({ input, stdio, pty, stdout, stderr }: CheckedRun, asked: readonly StdioSlot[]): readonly StdioSlot[] {
  // Each of these belongs to one descriptor: 0, 1 and 2.
  const slots = stdio === undefined && input === undefined ? [IGNORED, ...asked.slice(1)] : asked;
  for (const [fd, [name, value]] of Object.entries({ input, stdout, stderr }).entries()) {
    if (value === undefined || (pty === undefined && slots[fd]?.type === 'pipe')) continue;
    throw invalidValue(`options.${name}`, value, `can be given only where descriptor ${fd} is a pipe`);
  }
  return slots;
}

const IGNORED = { type: 'ignore' } as const;

/** The program with its limits, in the cgroup of the run, if there is one. */
function withBudget(request: SpawnRequest, limits: Limits, cgroup: CgroupBudget | undefined): SpawnRequest {
  const { program } = request;
  const rlimits = lowerOf(program.limits.rlimits ?? [], rlimitsOf(limits, cgroup !== undefined));
  const bornIn = cgroup?.directory ?? program.bornIn;
  const limited = { ...program, limits: withoutPrototype(program.limits, { rlimits }), bornIn, place: cgroup?.place };
  return { ...request, program: limited };
}

class Run {
  readonly #limits: Limits;
  readonly #input: Buffer | undefined;
  readonly #encoding: BufferEncoding | undefined;
  /** Those who get its output as it comes. */
  readonly #readers: { readonly stdout: Writable | undefined; readonly stderr: Writable | undefined };
  readonly #onStart: CheckedRun['onStart'];
  readonly #deadline: Deadline;
  readonly #output: Output;
  readonly #timers: NodeJS.Timeout[] = [];
  #child: NamespaceProcess | undefined;
  #cgroup: CgroupBudget | undefined;
  #watch: Watch | undefined;
  #exited = false;
  /** The limit for which this process has ended the run. */
  #exceeded: RunVerdict | undefined;
  /** Resolves when nothing more is waited for. */
  readonly #givenUp: Promise<void>;
  #giveUp: () => void = () => undefined;

  constructor(limits: Limits, options: CheckedRun, deadline: Deadline) {
    const { input, encoding = 'utf8', stdout, stderr, onStart } = options;
    this.#limits = limits;
    this.#input = input;
    this.#encoding = encoding === 'buffer' ? undefined : encoding;
    this.#readers = { stdout, stderr };
    this.#onStart = onStart;
    this.#deadline = deadline;
    this.#output = new Output(limits.output, () => this.#end('output'));
    this.#givenUp = new Promise((resolve) => (this.#giveUp = resolve));
    if (deadline.left > 0) this.#after(deadline.left, () => this.#end('wall'));
  }

  async result(request: SpawnRequest, started: (child: NamespaceProcess) => void): Promise<RunResult<string | Buffer>> {
    try {
      await this.#openCgroup(request.program.bornIn === undefined);
      const child = await this.#start(withBudget(request, this.#limits, this.#cgroup), started);
      return child === undefined ? this.#tell(KILLED) : await this.#follow(child);
    } catch (error) {
      if (error instanceof StartTimeout) return { ...this.#tell(NOT_RUN), verdict: 'wall' };
      if (!(error instanceof NamespaceError)) throw error;
      const verdict = (await this.#hadTooLittleMemory(error)) ? 'memory' : 'start';
      return { ...this.#tell(NOT_RUN), verdict, error };
    } finally {
      this.#watch?.stop();
      await this.#removeCgroup();
      this.#timers.forEach(clearTimeout);
    }
  }

  /** The files are read and written by threads that others may keep busy: so nobody waits for long. */
  async #openCgroup(free: boolean): Promise<void> {
    const opening = openBudget(this.#limits, free);
    const opened = await Promise.race([opening, this.#givenUp]);
    this.#cgroup = opened ?? undefined;
    if (opened === undefined) void opening.then((late) => late?.remove()).catch(() => undefined);
  }

  /** Where something may still be in it, nobody waits for the removal. */
  async #removeCgroup(): Promise<void> {
    await Promise.race([this.#cgroup?.remove().catch(() => undefined), this.#givenUp]);
  }

  /** Undefined if it was given up, although the start has not come to an end. */
  async #start(
    request: SpawnRequest,
    started: (child: NamespaceProcess) => void,
  ): Promise<NamespaceProcess | undefined> {
    const starting = startSpawn({ ...request, timeout: 0 }, this.#deadline);
    const child = await Promise.race([starting, this.#givenUp]);
    void starting.then(
      (late) => {
        started(late);
        if (child === undefined) endProcess(late);
      },
      () => undefined,
    );
    return child ?? undefined;
  }

  /** True if the program could not be loaded within its limit: the cgroup says it, or execve(2) under RLIMIT_DATA. */
  async #hadTooLittleMemory({ code }: NamespaceError): Promise<boolean> {
    if (this.#cgroup === undefined) return code === 'ENOMEM';
    return this.#cgroup.outOfMemory().catch(() => false);
  }

  /** Waits for the end of the program, however it comes. */
  async #follow(child: NamespaceProcess): Promise<RunResult<string | Buffer>> {
    this.#child = child;
    let aborted: Error | undefined;
    child.on('error', (error) => (aborted ??= error));
    this.#listen(child);
    if (this.#input !== undefined) feed(child.stdin, this.#input);
    this.#watch = new Watch(taskOf(child), this.#limits, this.#cgroup, (what) => this.#end(what));
    this.#tellStart(child);
    const exit = (await Promise.race([child.exited, this.#givenUp])) ?? KILLED;
    this.#exited = true;
    const [missed] = await Promise.all([this.#watch.finish(), this.#ends(child)]);
    this.#exceeded ??= missed;
    const result = this.#tell(exit);
    if (aborted !== undefined) throw aborted;
    return result;
  }

  #tellStart(child: NamespaceProcess): void {
    try {
      this.#onStart?.(child);
    } catch (error) {
      endProcess(child);
      throw error;
    }
  }

  #listen({ stdout, stderr, pty }: NamespaceProcess): void {
    for (const [name, stream] of Object.entries({ stdout, stderr }) as ['stdout' | 'stderr', Readable | null][]) {
      const reader = this.#readers[name];
      if (reader === undefined) this.#output.gather(name, stream);
      else this.#output.pass(stream, reader);
    }
    this.#output.count(pty, () => pty?.unpipe().resume()); // nobody shows the rest, but it is read
  }

  /** Waits for the rest of the output. One who reads it as it comes may take until the limit of time. */
  async #ends({ stdin, stdout, stderr, pty }: NamespaceProcess): Promise<void> {
    const readable = { writable: false };
    const closed = [stdout, stderr, pty].map(async (each) => each && finished(each, readable).catch(() => undefined));
    const isRead = Object.values(this.#readers).some((reader) => reader !== undefined);
    const over = isRead ? this.#givenUp : new Promise<void>((resolve) => this.#after(GRACE.streams, resolve));
    await Promise.race([Promise.all(closed), over]);
    for (const stream of [stdin, stdout, stderr]) stream?.destroy();
  }

  /** Ends the run for a limit. The init, which counts all that it kills, is asked first. */
  #end(exceeded: RunVerdict): void {
    if (this.#exceeded !== undefined) return;
    if (exceeded === 'wall' && this.#exited) {
      this.#giveUp(); // only its output is still being read
      return;
    }
    this.#exceeded = exceeded;
    this.#after(GRACE.init + GRACE.end, this.#giveUp);
    const child = this.#child;
    if (child === undefined) return;
    taskOf(child).endByInit();
    this.#after(GRACE.init, () => endProcess(child));
  }

  #after(milliseconds: number, call: () => void): void {
    this.#timers.push(setTimeout(call, milliseconds));
  }

  #tell(exit: Exit): RunResult<string | Buffer> {
    const usage = this.#usageOf(exit);
    return {
      verdict: this.#exceeded ?? this.#verdictOf(exit, usage),
      code: exit.code,
      signal: exit.signal,
      stdout: this.#output.of('stdout', this.#encoding),
      stderr: this.#output.of('stderr', this.#encoding),
      truncated: this.#output.truncated,
      usage,
      limitedBy: this.#cgroup === undefined ? 'rlimit' : `cgroup${this.#cgroup.version}`,
    };
  }

  /** Time that nobody has waited for, but that was seen, counts as time in the program's own code. */
  #usageOf({ usage }: Exit): ResourceUsage {
    const unseen = Math.max(0, (this.#watch?.cpu ?? 0) - usage.cpuUser - usage.cpuSystem);
    return { ...usage, cpuUser: usage.cpuUser + unseen };
  }

  /** The verdict on a run that has ended by itself: it may have used too much between two looks. */
  #verdictOf({ code, signal }: Exit, { cpuUser, cpuSystem, maxRss }: ResourceUsage): RunVerdict {
    const { cpu, memory } = this.#limits;
    if (cpuUser + cpuSystem > cpu) return 'cpu';
    if (this.#cgroup === undefined && maxRss > memory) return 'memory';
    if (signal !== null) return 'signal';
    return code === 0 ? 'ok' : 'exit';
  }
}
