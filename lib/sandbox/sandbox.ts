import { OURS, mustBeOurs } from '../errors/illegal-constructor';
import type { Readable, Writable } from 'node:stream';
import type { FreezeOptions } from '../cgroup/cgroup';
import type { CgroupStats } from '../cgroup/stats';
import type { Bytes } from '../errors/bytes';
import { NamespaceError, closedError } from '../errors/namespace-error';
import { closeWhenForgotten, notForgotten } from '../handle/forgotten';
import { inspectAs } from '../handle/inspect';
import type { Egress } from '../network/egress/egress';
import type { Policy } from '../network/egress/policy/policy';
import type { Forward } from '../network/forward/forward';
import type { Pool } from '../pool/pool';
import type { PoolOptions } from '../pool/pool-options';
import type { NamespaceSet } from '../set/namespace-set';
import { type CallOptions, signalOf } from '../set/call-options';
import { type Confinement, type ProgramPlace, Programs } from '../process/programs';
import type { NamespaceProcess } from '../process/namespace-process';
import { type Built, build, discard, layersOf, removeMountPoints } from './build';
import { type Change, changesIn, changesOf } from './changes';
import {
  type Inside,
  type SandboxDirent,
  type SandboxMkdirOptions,
  type SandboxReadOptions,
  type SandboxWriteOptions,
  mkdirIn,
  readFileIn,
  readStreamIn,
  readdirIn,
  writeFileIn,
  writeStreamIn,
} from './files';
import type * as exposing from './expose';
import type * as pooling from './pool';
import { Feeds } from './feeds';
import { type SandboxPlan, parseSpec } from './parse';
import type * as applying from './project/apply';
import type { ApplyOptions } from './project/apply';
import type * as diffing from './project/diff';
import type { DiffOptions } from './project/diff';
import type { Copy } from './project/listing';
import type * as snapshots from './project/snapshot';
import type { ProjectSnapshot } from './project/snapshot';
import { type Withheld, confinementOf } from './rules';
import type { RunOptions } from './run/options';
import type { RunResult } from './run/result';
import { type RunRequest, parseRun, runWithin } from './run/run';
import { buildWithoutNamespaces, withoutNamespace } from './without-namespaces';
import type { ExposeOptions, SandboxReport, SandboxSpec } from './sandbox-spec';

/** The sandbox of each port that is exposed: it lives as long as that. */
const exposed = new WeakMap<Forward, Sandbox>();

/**
 * Sandboxes that are ready before anybody asks for them. {@link Sandbox.pool} makes it. Each is used once, and its property
 * `warmed` is what {@link PoolOptions.warm} has prepared.
 *
 * @example
 * ```ts
 * await using pool = await Sandbox.pool(hostUserland(), {
 *   size: 8,
 *   warm: async (box) => box.spawn('python3', ['-ic', ''], { stdio: 'pipe' }),
 * });
 * await using box = await pool.take();
 * box.warmed.stdin?.end('print(6 * 7)\n');
 * ```
 */
export interface SandboxPool<Warmed = undefined> extends Pool<Sandbox, Warmed> {
  /**
   * Takes a sandbox, runs a program in it as {@link Sandbox.run} does, and closes it. It is closed while the caller goes on
   * with the result; {@link Pool.close} waits for that, too, and ends programs that run.
   *
   * @throws The errors of {@link Sandbox.run} and {@link Pool.take}
   */
  run(
    file: string,
    args: readonly string[] | null | undefined,
    options: RunOptions & { encoding: 'buffer' | null },
  ): Promise<RunResult<Buffer>>;
  /** The same, and the output is text. */
  run(
    file: string,
    args?: readonly string[] | null,
    options?: RunOptions & { encoding?: BufferEncoding | undefined },
  ): Promise<RunResult>;
}

let construct: (built: Built, rules: Omit<Confinement, 'started'>) => Sandbox;

/**
 * A root and namespaces of their own for programs. They have no access to anything that {@link SandboxSpec} does not
 * give them. A sandbox needs no privilege.
 *
 * This package's init, a small process, keeps the sandbox until {@link close} is called or this process ends, in
 * whatever way: then all that runs in it is killed. Any number of programs can run in it at a time; entering it takes
 * each about a millisecond. A sandbox does not keep Node running.
 *
 * Close it, or declare it with `await using`. A sandbox that is forgotten is closed when it is collected as garbage,
 * with a process warning (`LINUX_NS_UNCLOSED`).
 *
 * @example
 * ```ts
 * await using sandbox = await Sandbox.create({ ...hostUserland(), hostname: 'box' });
 * console.log((await sandbox.execFile('hostname')).stdout); // 'box\n'
 * ```
 */
export class Sandbox extends Programs<Withheld> {
  static {
    construct = (built, rules) => new Sandbox(OURS, built, rules);
    inspectAs(this, (sandbox) => ({
      init: sandbox.#built.set.init,
      programs: sandbox.#running.size,
      cgroup: sandbox.#built.cgroup?.cgroup.path,
      egress: sandbox.egress,
      closed: sandbox.closed,
    }));
  }

  readonly #built: Built;
  readonly #confinement: Confinement;
  readonly #running = new Set<NamespaceProcess>();
  readonly #snapshots = new Set<ProjectSnapshot>();
  readonly #writing = new Map<Feeds, Promise<void>>();
  /** Ends the programs that are prepared, and have not been started. */
  readonly #waiting = new Set<() => Promise<void>>();
  #closing: Promise<void> | undefined;

  private constructor(key: symbol, built: Built, rules: Omit<Confinement, 'started'>) {
    super();
    mustBeOurs(key, 'await Sandbox.create()');
    this.#built = built;
    this.#confinement = { ...rules, started: (child) => this.#track(child) };
    // The set is this object's from here on, and closed with it.
    notForgotten(built.set);
    closeWhenForgotten(this, `A Sandbox (init ${built.task.initPid})`, built, releaseForgotten);
  }

  /**
   * Creates a sandbox with everything in its root. A bad spec is refused before anything is started. If a step fails
   * later, the error names the entry, and nothing is left behind.
   *
   * @throws TypeError, RangeError for a bad spec, also one that contradicts itself
   * @throws NamespaceError with `step` (`'mounts[3]: bind /x on /y'`), `path`, and a `hint`
   */
  static async create(spec: SandboxSpec = {}, options: CallOptions = {}): Promise<Sandbox> {
    return createFrom(parseSpec(spec), signalOf(options));
  }

  /**
   * Makes a pool of sandboxes that are all alike. It is there when `options.min` of them are ready. The spec is read once.
   *
   * @throws TypeError, RangeError for a bad spec or bad options, also for a spec with a stream, which only one sandbox could read
   * @throws NamespaceError the error of {@link Sandbox.create}, if that has failed three times in a row; or the error of
   * `warm`
   *
   * @example
   * ```ts
   * await using pool = await Sandbox.pool(hostUserland(), { size: 8 });
   * const { verdict, stdout } = await pool.run('python3', ['-c', 'print(6 * 7)'], { limits: { wall: 5000 } });
   * ```
   */
  static async pool<Warmed = undefined>(
    spec: SandboxSpec,
    options: PoolOptions<Sandbox, Warmed>,
  ): Promise<SandboxPool<Warmed>> {
    const plan = parseSpec(spec);
    const { poolOf } = require('./pool') as typeof pooling;
    const ways = {
      create: createFrom,
      run: (box: Sandbox, request: RunRequest) => box.#runWithin(request),
    };
    return (await poolOf<Sandbox, Warmed>(plan, options, ways)) as SandboxPool<Warmed>;
  }

  /**
   * Its namespaces, which are closed with it. A program that is started by this set runs in the sandbox's root, but
   * without the sandbox's limits on capabilities, system calls and ids, as with `spawn({ setns })`.
   */
  get namespaces(): NamespaceSet {
    return this.#built.set;
  }

  /**
   * The pid, as this process sees it, of the init that keeps it. Undefined without a pid namespace of its own, and once
   * the init has ended.
   */
  get init(): number | undefined {
    return this.#built.set.init;
  }

  /** The choices that the spec has left to this host, `proc: 'auto'`. */
  get report(): SandboxReport {
    return this.#built.report;
  }

  /**
   * The connections that its programs make to the outside, and the policy that decides about them, which can be changed
   * here. Undefined if {@link SandboxSpec.network} is not a policy. It is closed with the sandbox; if it is closed before,
   * programs reach nothing any more.
   *
   * @example
   * ```ts
   * await using sandbox = await Sandbox.create({ ...hostUserland(), network: { allow: ['packages.example.com'] } });
   * sandbox.egress?.on('request', ({ name, port, decision }) => console.log(decision, name, port));
   * sandbox.egress?.allow('*.github.com:443');
   * ```
   */
  get egress(): Egress | undefined {
    return this.#built.network.egress;
  }

  /** True as soon as `close()` has been called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Runs a program to its end within a budget, and resolves with how it ended and what it has used. All its processes
   * together are counted and, over a limit or at its end, killed: they are in a pid namespace of their own, below the
   * sandbox's. What they have changed in the sandbox's files stays.
   *
   * Never rejects for what the program does, and settles within a second after `limits.wall`, also if the program stops
   * itself or others, forks, daemonises, floods its output, closes it, or ignores signals. Rejects with a `TypeError` or
   * `RangeError` for bad arguments, with `ERR_LINUX_NS_CLOSED`, and with an `AbortError`.
   *
   * @example
   * ```ts
   * const { verdict, stdout, usage } = await sandbox.run('python3', ['-c', 'print(input())'], {
   *   input: 'hello',
   *   limits: { cpu: 1000, wall: 3000, memory: 256 * 2 ** 20 },
   * }); // 'ok', 'hello\n', { cpuUser: 15.2, … }
   * ```
   */
  async run(
    file: string,
    args: readonly string[] | null | undefined,
    options: RunOptions & { encoding: 'buffer' | null },
  ): Promise<RunResult<Buffer>>;
  async run(
    file: string,
    args?: readonly string[] | null,
    options?: RunOptions & { encoding?: BufferEncoding | undefined },
  ): Promise<RunResult>;
  async run(
    file: string,
    args: readonly string[] | null | undefined,
    options: RunOptions,
  ): Promise<RunResult<string | Buffer>>;
  async run(file: string, args?: readonly string[] | null, options?: RunOptions): Promise<RunResult<string | Buffer>> {
    return this.#runWithin(parseRun(file, args, options));
  }

  async #runWithin(request: RunRequest): Promise<RunResult<string | Buffer>> {
    if (this.#set().mnt === undefined) throw withoutNamespace('pid');
    return runWithin(this.programPlace(), request);
  }

  /**
   * Reads a file with the rights of a program inside; symbolic links cannot lead out. Regular files only: `EINVAL` for
   * others.
   *
   * @param path - in the sandbox; a relative one starts at its root
   */
  async readFile(
    path: string,
    options: BufferEncoding | (SandboxReadOptions & { encoding: BufferEncoding }),
  ): Promise<string>;
  async readFile(
    path: string,
    options?: (SandboxReadOptions & { encoding?: null | undefined }) | null,
  ): Promise<Buffer>;
  async readFile(path: string, options?: BufferEncoding | SandboxReadOptions | null): Promise<string | Buffer> {
    return readFileIn(this.#inside(), path, options);
  }

  /**
   * Writes a file as a program inside would, and creates it if needed; symbolic links cannot lead out. It is written
   * with the ids of the sandbox, so that quotas, and what a filesystem keeps back for root, are as they are for
   * programs.
   *
   * @throws NamespaceError `ENOSPC` when the filesystem is full, `EDQUOT`; what was written until then stays;
   * `ERR_LINUX_NS_CLOSED` when the sandbox is closed before a stream has ended
   */
  async writeFile(path: string, data: string | Bytes | Readable, options?: SandboxWriteOptions): Promise<void> {
    const feeds = new Feeds();
    const writing = writeFileIn(this.#inside(), feeds, path, data, options);
    this.#writing.set(feeds, writing);
    try {
      await writing;
    } finally {
      this.#writing.delete(feeds);
    }
  }

  /**
   * Opens a file with the rights of a program inside, and returns a stream of its contents. See {@link readFile}. The
   * `signal` ends the stream, too.
   */
  async createReadStream(path: string, options?: CallOptions): Promise<Readable> {
    return readStreamIn(this.#inside(), path, options);
  }

  /**
   * Opens a file as {@link writeFile} does, and returns a stream into it. The data is written by this process. The
   * `signal` ends the stream, too.
   */
  async createWriteStream(path: string, options?: SandboxWriteOptions): Promise<Writable> {
    return writeStreamIn(this.#inside(), path, options);
  }

  /**
   * Lists the entries of a directory, sorted by name, without `.` and `..`.
   *
   * @throws NamespaceError `EFBIG` for more than a million entries, or 256 MiB of names; and the errors of openat(2)
   */
  async readdir(path: string, options?: CallOptions): Promise<SandboxDirent[]> {
    return readdirIn(this.#inside(), path, options);
  }

  /** Creates a directory with the rights of a program inside. mkdir(2) */
  async mkdir(path: string, options?: SandboxMkdirOptions): Promise<void> {
    await mkdirIn(this.#inside(), path, options);
  }

  /**
   * Lists the paths in overlays that differ from the lower layers: they were added, modified or deleted. They are
   * sorted by path. The entries of an added directory are listed too, those of a deleted one are not.
   *
   * In the copy of a {@link SandboxSpec.project} contents, the target of a link and permissions count: what was only
   * touched, or has another owner, is not listed, and neither is what was put back as it was.
   *
   * @param target - the overlay: `'/'` for the root, if that is an overlay, or the `target` of an entry. Default: all
   * of them
   * @throws NamespaceError `ERR_LINUX_NS_NO_OVERLAY` where there is no overlay, or none at `target`; `EFBIG` for more
   * than a million paths, or 256 MiB of them, in one overlay
   */
  async changes(target?: string, options: CallOptions = {}): Promise<Change[]> {
    const signal = signalOf(options);
    this.#mustBeOpen();
    const { overlays, copy } = this.#built;
    return changesIn(this.#inside().join, overlays, copy, target, signal);
  }

  /**
   * The changes in the copy of the {@link SandboxSpec.project} as text, as `git diff` writes it: `git apply` and patch(1)
   * read it. Sorted by path, with three lines around each difference. Files with a NUL or that are no UTF-8, and large
   * ones, are named and not shown (`Binary files a/x and b/x differ`). What such a text cannot say is said in a line that
   * these programs pass over: `Only in b: d/` for an empty directory, `File b/x is a fifo`. A file that was renamed is
   * deleted and added. Owners, times and extended attributes are left out.
   *
   * @throws NamespaceError `ERR_LINUX_NS_NO_OVERLAY` where the project is no copy; `EFBIG` for a text that is longer than
   * `maxLength`; `ESTALE` when a program has moved a directory meanwhile
   * @throws RangeError for a path outside of the project
   *
   * @example
   * ```ts
   * const project = { path: '.', mode: 'overlay' } as const;
   * await using sandbox = await Sandbox.create({ ...hostUserland(), cwd: undefined, project });
   * await sandbox.exec('echo more >> README.md');
   * console.log(await sandbox.diff()); // diff --git a/README.md b/README.md …
   * ```
   */
  async diff(options?: DiffOptions): Promise<string> {
    const { diffOf } = require('./project/diff') as typeof diffing;
    const { join } = this.#inside();
    return diffOf(join, this.#copy('diff the project'), options);
  }

  /**
   * Writes the changes in the copy of the {@link SandboxSpec.project} to the project on the host: all of them, or those at
   * some paths and below them, with the directories that they take. Resolves with the changes when they are on the disk.
   *
   * Either nothing is written, as something is refused or in conflict, or each file is written beside its place, and takes
   * that when it is whole. If it fails in the middle (`ENOSPC`), or this process ends, each file of the project is the old
   * or the new one; `changes()` lists the rest, and so does a later sandbox with the same `upper`. Files belong to this
   * process's user, or to the owner of the one that they replace, and have the permissions, the time and the `user.*`
   * attributes of the copy, but never a set-user-ID bit. No link is followed; links are written as they are.
   *
   * Programs that still run can write between a `diff()` and this: {@link freeze} the sandbox, or end them before, if what
   * was shown is to be what is applied.
   *
   * @param paths - absolute in the sandbox, or relative to the project. Default: all changes
   * @throws NamespaceError `ERR_LINUX_NS_CONFLICT` if files changed on the host since the copy was made, and are not equal
   * to it; `ERR_LINUX_NS_REFUSED` for special files, hooks and settings of git, and paths on which the sandbox mounts
   * something, as `protect` and `mask` do; `EAGAIN` for a file that a program keeps writing; other codes of the
   * filesystem. `paths` has all that were not applied
   *
   * @example
   * ```ts
   * const project = { path: '.', mode: 'overlay' } as const;
   * await using sandbox = await Sandbox.create({ ...hostUserland(), cwd: undefined, project });
   * await sandbox.exec('echo more >> README.md; rm -rf dist');
   * await sandbox.apply('README.md'); // and dist stays
   * ```
   */
  async apply(paths?: string | readonly string[], options?: ApplyOptions): Promise<Change[]> {
    const { applyChanges } = require('./project/apply') as typeof applying;
    const { join } = this.#inside();
    const copy = this.#copy('apply changes');
    return changesOf(copy, await applyChanges(join, copy, paths, options));
  }

  /**
   * Makes the copy of the {@link SandboxSpec.project} as the project on the host is now, or some paths of it and what lies
   * below them. It is done as a program in the sandbox would do it: see {@link restore}.
   *
   * @param paths - absolute in the sandbox, or relative to the project. Default: all changes
   * @throws NamespaceError as {@link restore}
   */
  async discard(paths?: string | readonly string[], options: CallOptions = {}): Promise<void> {
    const { discardChanges } = require('./project/snapshot') as typeof snapshots;
    const { join } = this.#inside();
    await discardChanges(join, this.#copy('discard changes'), paths, signalOf(options));
  }

  /**
   * Keeps the state of the copy of the {@link SandboxSpec.project}, to come back to it by {@link restore}: a copy in memory
   * of what has changed, not of the project. There can be several. Sockets, FIFOs and devices are left out. Programs may
   * run: each file is kept as it was at one moment, but not all at the same one, unless the sandbox is frozen.
   *
   * @throws NamespaceError `EAGAIN` for a file that a program keeps writing; `ENOSPC`, more than half of the machine's memory
   *
   * @example
   * ```ts
   * const project = { path: '.', mode: 'overlay' } as const;
   * await using sandbox = await Sandbox.create({ ...hostUserland(), cwd: undefined, project });
   * await using before = await sandbox.snapshot();
   * await sandbox.exec('rm -rf *');
   * await sandbox.restore(before);
   * ```
   */
  async snapshot(options: CallOptions = {}): Promise<ProjectSnapshot> {
    const { takeSnapshot } = require('./project/snapshot') as typeof snapshots;
    const { join } = this.#inside();
    const snapshot = await takeSnapshot(join, this.#copy('take a snapshot'), signalOf(options));
    if (this.closed) await snapshot.close();
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  /**
   * Makes the copy of the {@link SandboxSpec.project} as it was when the snapshot was taken. What is equal already is left
   * alone; each other file is replaced as a whole, through the mounted overlay. So programs may run: a file that they have
   * open stays the old one, and the directory that they are in stays, unless the snapshot does not have it.
   *
   * @throws NamespaceError with the `paths` that failed: `ENOTEMPTY` if programs write meanwhile, `ENOSPC`;
   * `ERR_LINUX_NS_CLOSED`
   */
  async restore(snapshot: ProjectSnapshot, options: CallOptions = {}): Promise<void> {
    const { restoreSnapshot } = require('./project/snapshot') as typeof snapshots;
    const { join } = this.#inside();
    await restoreSnapshot(join, this.#copy('restore a snapshot'), snapshot, signalOf(options));
  }

  /** The resources that all its programs together use and have used. @throws NamespaceError `ERR_LINUX_NS_NO_CGROUP` */
  async stats(): Promise<CgroupStats> {
    return this.#cgroup('stats').stats();
  }

  /**
   * Stops all that runs in it until {@link thaw}; resolves when everything has stopped. Programs that are started while
   * it is frozen begin to run with the thaw.
   *
   * @throws NamespaceError `ERR_LINUX_NS_NO_CGROUP` without {@link SandboxSpec.cgroup}; `ETIMEDOUT` as
   * {@link Cgroup.freeze}
   */
  async freeze(options?: FreezeOptions): Promise<void> {
    await this.#cgroup('freeze').freeze(options);
  }

  /** Lets everything continue. See {@link freeze}. */
  async thaw(options?: FreezeOptions): Promise<void> {
    await this.#cgroup('thaw').thaw(options);
  }

  /**
   * Makes a server inside reachable by a port of this host: `Network.forward()`. It listens on the host's loopback
   * unless options say otherwise, and it works in this process. The server need not run yet, and can be started again;
   * while none listens, connections are reset.
   *
   * @param port - the port that the server inside listens on
   * @returns the forward: its `port` is that of the host. It is closed with the sandbox, or before by its `close()`. It
   * keeps Node running, and the sandbox from being collected as garbage, until then
   * @throws NamespaceError `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` with `address`, `port` and `hint`;
   * `ERR_LINUX_NS_NO_SUCH_KIND` for a sandbox that has the host's network; `ERR_LINUX_NS_CLOSED`
   * @throws TypeError, RangeError for bad options
   *
   * @example
   * ```ts
   * await sandbox.spawn('python3', ['-m', 'http.server', '8000']);
   * await waitFor.port(sandbox, 8000);
   * const { port } = await sandbox.expose(8000);
   * console.log(await fetch(`http://127.0.0.1:${port}/`));
   * ```
   */
  async expose(port: number, options: ExposeOptions = {}): Promise<Forward> {
    const { expose } = require('./expose') as typeof exposing;
    const made = await expose(() => this.#built.network.of(this.#set()), port, options);
    exposed.set(made, this);
    return made;
  }

  /**
   * Kills all that runs in it, and removes the sandbox (see {@link SandboxSpec.share} for one without a pid namespace).
   * Resolves when nothing of it is left but the `upper` directory of an overlay. Calling it again changes nothing.
   */
  async close(): Promise<void> {
    notForgotten(this);
    this.#closing ??= this.#end();
    await this.#closing;
  }

  /** The process that writes what a stream gives has its mounts, and is none of its programs. */
  async #end(): Promise<void> {
    const writing = [...this.#writing];
    for (const [feeds] of writing) feeds.giveUp(closedError('This Sandbox'));
    await Promise.all([...this.#waiting].map((close) => close()));
    await Promise.all([...this.#snapshots].map((snapshot) => snapshot.close()));
    await Promise.all([release(this.#built, [...this.#running]), Promise.allSettled(writing.map(([, done]) => done))]);
  }

  /** Calls {@link Sandbox.close}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Remembers a program until it ends. A sandbox in which a program runs is not collected as garbage, as the end of the
   * program refers to it.
   */
  #track(child: NamespaceProcess): void {
    this.#running.add(child);
    void child.exited.then(() => this.#running.delete(child));
    // The program was still being started when close() looked for running programs.
    if (this.closed) kill([child], this.#built);
  }

  /** @internal */
  protected override programPlace(): ProgramPlace {
    return {
      setns: this.#set(),
      confinement: this.#confinement,
      closeAlong: (close) => {
        this.#waiting.add(close);
        return () => this.#waiting.delete(close);
      },
    };
  }

  #set(): NamespaceSet {
    this.#mustBeOpen();
    return this.#built.set;
  }

  #inside(): Inside {
    const { user, mnt } = this.#set();
    if (mnt === undefined) throw withoutNamespace('mnt');
    return { join: [user, mnt].filter((namespace) => namespace !== undefined), ids: this.#built.ids };
  }

  #copy(step: string): Copy {
    if (this.#built.copy !== undefined) return this.#built.copy;
    throw new NamespaceError({
      code: 'ERR_LINUX_NS_NO_OVERLAY',
      message: 'This Sandbox has no copy of a project',
      step,
      hint: "Give the spec a 'project' with the mode 'overlay': programs then work on a copy of the directory.",
    });
  }

  #cgroup(what: string): NonNullable<Built['cgroup']>['cgroup'] {
    this.#mustBeOpen();
    const { cgroup } = this.#built;
    if (cgroup !== undefined) return cgroup.cgroup;
    throw new NamespaceError({
      code: 'ERR_LINUX_NS_NO_CGROUP',
      message: 'This Sandbox has no cgroup',
      step: what,
      hint: "Give the spec a 'cgroup' ({} is one without limits): what is in it is counted, and stopped, together.",
    });
  }

  #mustBeOpen(): void {
    if (this.closed) throw closedError('This Sandbox');
  }
}

async function createFrom(plan: SandboxPlan, signal: AbortSignal | undefined): Promise<Sandbox> {
  const built = await (plan.isolation === 'landlock' ? buildWithoutNamespaces : build)(plan, signal);
  if (plan.policy !== undefined) await begin(built, plan.policy);
  return construct(built, confinementOf(plan.rules, built));
}

/** Puts a policy in force, before anybody has the sandbox to start a program in. */
async function begin(built: Built, policy: Policy): Promise<void> {
  try {
    await built.network.begin(built.set, policy);
  } catch (error) {
    await release(built, []);
    throw error;
  }
}

/** Closes a sandbox that was forgotten. No program runs in it, or it would not have been collected. */
function releaseForgotten(built: Built): Promise<void> {
  return release(built, []);
}

async function release(built: Built, running: readonly NamespaceProcess[]): Promise<void> {
  const { set, above, overlays, points, cgroup, work, network, nullDevice, ownsPid } = built;
  kill(running, built);
  await network.close();
  if (!ownsPid && !points.none) await Promise.all(running.map(({ exited }) => exited));
  await removeMountPoints(built);
  await Promise.all([set, ...above, ...layersOf(overlays)].map((each) => each.close()));
  await nullDevice?.close();
  await Promise.all(running.map(({ exited }) => exited));
  await discard(cgroup, work);
}

/** Kills the programs one by one, if the init is not the sandbox's own. Otherwise they die with the init. */
function kill(running: readonly NamespaceProcess[], { ownsPid }: Built): void {
  if (ownsPid) return;
  for (const child of running) child.kill('SIGKILL');
}
