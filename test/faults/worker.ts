/**
 * In a Node process that test/faults/inject.c has started: one way of starting something, with one fault after another.
 * Tells how each came out, a line of JSON each.
 */
import { readFileSync, readSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import type { NamespaceError } from '../../lib';
import { spawn } from '../../lib';
import { SYSCALLS } from '../../lib/seccomp/syscall-table';
import { type Footprint, eventually, footprint } from '../fixtures/footprint';
import { REFUSALS, errorName, errorsOf } from './errors';
import { KINDS, type Kind, type Place } from './kinds';

/** A fault: the call of a role that is to fail, and how. */
export interface Fault {
  role: string;
  call: string;
  /** Of prctl(2), ioctl(2), fcntl(2); else 0. */
  operation: number;
  /** The how many-th call it is, from 1. */
  nth: number;
  error: number;
  /** All that come after it fail as well, as with a filter of system calls. */
  sticky: boolean;
}

/** What {@link sweep} is to do. */
export interface SweepOptions extends Place {
  kind: string;
  /** Of all faults that one, and each `step`-th after it. */
  from: number;
  step: number;
  /** How many at most. */
  most: number;
  /** Only those whose names contain this. */
  match: string;
  /** What has not come to its end by then, in ms, hangs. */
  patience: number;
}

/** How one came out. */
export interface Outcome {
  kind: string;
  index: number;
  /** How many faults there are for this kind. */
  of: number;
  fault: string;
  /** `'as promised'`, the code of the error, or `'not reached'`. */
  came: string;
  /** What is wrong about it. */
  breach?: string | undefined;
}

const CONTROL = 3;
const EXIT_HUNG = 75;
const EXIT_UNSETTLED = 76;
const NAMES = new Map(
  Object.entries(SYSCALLS).map(([name, numbers]) => [process.arch === 'arm64' ? numbers[3] : numbers[0], name]),
);
/** PR_SET_DUMPABLE: what fails is nothing that a program could see, and yet no start may go on without. */
const NEVER_IGNORED = ['prctl:4'];

const packet = Buffer.alloc(64 << 10);

function ask(command: string): string {
  writeSync(CONTROL, command);
  return packet.toString('latin1', 0, readSync(CONTROL, packet, 0, packet.length, null));
}

/** Threads of this package, by their names. */
function threads(name: string): string[] {
  return readdirSync('/proc/self/task').filter(
    (tid) => readFileSync(`/proc/self/task/${tid}/comm`, 'utf8').trim() === name,
  );
}

/** All launcher threads that there may be exist from here on, and are traced. */
async function attachLaunchers(): Promise<void> {
  for (let round = 0; round < 5 && threads('ns-launcher').length < 4; round++) {
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const child = await spawn('true', [], { unshare: ['user', 'mnt'], stdio: 'ignore' });
        await child.exited;
      }),
    );
  }
  for (const tid of threads('ns-launcher')) ask(`attach ${tid} L`);
}

/** Node's own thread, and those of this package that a start of that kind has needed. */
function attachOthers(): void {
  ask(`attach ${process.pid} M`);
  for (const tid of threads('ns-netlink')) ask(`attach ${tid} N`);
  for (const tid of threads('ns-visitor')) ask(`attach ${tid} V`);
}

interface Called {
  role: string;
  call: string;
  number: number;
  operation: number;
  count: number;
}

interface Trial {
  world?: string;
  error?: unknown;
  hung: boolean;
  fired: number;
  called: Called[];
}

async function attempt(kind: Kind, place: Place, prepared: unknown, patience: number, fault?: Fault): Promise<Trial> {
  ask('begin');
  if (fault !== undefined) {
    const { role, call, operation, nth, error, sticky } = fault;
    const number = [...NAMES].find(([, name]) => name === call)![0];
    ask(`arm ${role} ${number} ${operation} ${nth} ${error} ${Number(sticky)}`);
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, patience, 'late')));
  const run = kind.run(place, prepared).then(
    (world) => ({ world: normalised(world) }),
    (error: unknown) => ({ error }),
  );
  const result = await Promise.race([run, late]);
  clearTimeout(timer);
  const [first = '', ...lines] = ask('end').trimEnd().split('\n');
  const called = lines.map((line) => {
    const [role = '', number, operation, count] = line.split(' ');
    const call = NAMES.get(Number(number)) ?? String(number);
    return { role, call, number: Number(number), operation: Number(operation), count: Number(count) };
  });
  const fired = Number(first.split(' ')[1]);
  return result === 'late' ? { hung: true, fired, called } : { hung: false, fired, called, ...result };
}

const OWN_NAMESPACES = new Set(readdirSync('/proc/self/ns').map((kind) => readlinkSync(`/proc/self/ns/${kind}`)));

/** Without what is another each time: numbers of new namespaces, and names that are made up. */
function normalised(world: string): string {
  return world
    .replace(/\w+:\[\d+\]/g, (name) => (OWN_NAMESPACES.has(name) ? 'of Node' : 'another'))
    .replace(/linux-ns-[\w-]+/g, 'linux-ns-…')
    .replace(/(upperdir|workdir|lowerdir)=[^,\n]*/g, '$1');
}

/** Every place that a start comes by, with every error that it may meet there. */
function faultsOf(called: readonly Called[]): Fault[] {
  return called.flatMap(({ role, call, operation, count }) => {
    const place = { role, call, operation };
    const errors = errorsOf(role, call, operation);
    const single = Array.from({ length: count }, (_, i) => i + 1).flatMap((nth) =>
      errors.map((error) => ({ ...place, nth, error, sticky: false })),
    );
    // A filter cannot come over Node's own thread in the midst of a start.
    const always =
      errors.length === 0 || role === 'M' ? [] : REFUSALS.map((error) => ({ ...place, nth: 1, error, sticky: true }));
    return [...single, ...always];
  });
}

function nameOf({ role, call, operation, nth, error, sticky }: Fault): string {
  const name = operation === 0 ? call : `${call}:${operation}`;
  return `${role} ${name} ${nth}${sticky ? ' and on' : ''}: ${errorName(error)}`;
}

/** What is wrong about how it came out, if anything. */
function breachOf(trial: Trial, fault: Fault, baseline: string, { triesOnly }: Kind): string | undefined {
  if (trial.hung) return `it has not settled: ${processes()}`;
  if (trial.error !== undefined) return wrongError(trial.error);
  if (trial.world !== baseline && !isElsewhere(trial.world ?? '', baseline, fault)) {
    return `it started, but: ${difference(baseline, trial.world ?? '')}`;
  }
  const ignored =
    trial.fired > 0 &&
    NEVER_IGNORED.includes(`${fault.call}:${fault.operation}`) &&
    (triesOnly === undefined || !fault.role.startsWith(triesOnly));
  return ignored ? 'it started all the same' : undefined;
}

/** A working directory that is not there in a root that was joined: the root itself instead, as documented. */
function isElsewhere(world: string, baseline: string, { error }: Fault): boolean {
  return (
    ['ENOENT', 'EACCES', 'ENOTDIR', 'ELOOP'].includes(errorName(error)) &&
    world === baseline.replace(/^cwd .*$/m, 'cwd /')
  );
}

function wrongError(error: unknown): string | undefined {
  const { name, code, step, message, signal } = error as NamespaceError & { signal?: unknown };
  // Its init could not be made safe once it ran, and has ended, and the kernel has killed it with its namespace.
  if (signal === 'SIGKILL') return undefined;
  if (name !== 'NamespaceError') return `an error that is no NamespaceError: ${name} ${code}: ${message}`;
  if (!/^(E[A-Z0-9]+|ERR_LINUX_NS_\w+)$/.test(code)) return `no code: ${message}`;
  return step === undefined || step === '' ? `no step: ${message}` : undefined;
}

function difference(expected: string, actual: string): string {
  const lines = (text: string): string[] => text.split('\n');
  const missing = lines(expected).filter((line) => !lines(actual).includes(line));
  const more = lines(actual).filter((line) => !lines(expected).includes(line));
  return JSON.stringify({ missing: missing.slice(0, 4), more: more.slice(0, 4) });
}

/** nsinit for the next launch, where it is run from (a memfd, or a file without a name), and what the reaper waits with. */
const KEPT = [/\/memfd:nsinit/, /\/#\d+ \(deleted\)$/, /\[eventpoll\]$/];

/** What there is now and was not before, if need be after a while. One of each of {@link KEPT} may be. */
async function leftSince(before: Footprint): Promise<string[]> {
  const left = (): string[] => {
    const now = footprint();
    const more = now.descriptors.filter((descriptor) => !before.descriptors.includes(descriptor));
    const kept = KEPT.map((name) => more.find((descriptor) => name.test(descriptor)));
    return [
      ...more.filter((descriptor) => !kept.includes(descriptor)),
      ...now.children.filter((pid) => !before.children.includes(pid)).map((pid) => `process ${pid}`),
      ...(now.mounts > before.mounts ? [`${now.mounts - before.mounts} mounts`] : []),
    ];
  };
  await eventually(() => left().length === 0).catch(() => undefined);
  return left();
}

/** For whoever looks for the reason of a hang. */
function processes(): string {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'latin1').trim();
    } catch {
      return '?';
    }
  };
  const { children } = footprint();
  return JSON.stringify(
    children.map(
      (pid) => `${pid} ${read(`/proc/${pid}/comm`)} ${read(`/proc/${pid}/syscall`)} ${read(`/proc/${pid}/wchan`)}`,
    ),
  );
}

function killChildren({ children }: Footprint): void {
  for (const pid of footprint().children.filter((each) => !children.includes(each))) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has gone.
    }
  }
}

function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: string | number; name?: string };
  return String(code ?? name);
}

/** Resolves when all are done; ends the process with {@link EXIT_HUNG} where one has not come to an end. */
export async function sweep({ kind: name, from, step, most, match, patience, ...place }: SweepOptions): Promise<void> {
  const kind = KINDS.find((each) => each.name === name)!;
  // Where nothing is left to wait for, and something has not settled all the same.
  process.exitCode = EXIT_UNSETTLED;
  const say = (outcome: object): boolean => process.stdout.write(`${JSON.stringify(outcome)}\n`);
  await attachLaunchers();
  const prepared = await kind.before?.(place);
  // Twice: what is loaded, opened or asked the first time is there then.
  await attempt(kind, place, prepared, patience);
  attachOthers();
  const { world: baseline, error, called } = await attempt(kind, place, prepared, patience);
  if (baseline === undefined) throw error;
  const faults = faultsOf(called).filter((fault) => nameOf(fault).includes(match));
  const before = footprint();
  for (let index = from, done = 0; index < faults.length && done < most; index += step, done++) {
    const fault = faults[index]!;
    const about = { kind: name, index, of: faults.length, fault: nameOf(fault) };
    const trial = await attempt(kind, place, prepared, patience, fault);
    let breach = breachOf(trial, fault, baseline, kind);
    const files = kind.tidy?.(place) ?? [];
    if (breach === undefined && files.length > 0) breach = `left: ${files.join(', ')}`;
    if (trial.hung) {
      say({ ...about, came: 'hung', breach });
      killChildren(before);
      process.exit(EXIT_HUNG);
    }
    const leaks = await leftSince(before);
    if (leaks.length > 0) breach = `left: ${leaks.join(', ')}; ${processes()}`;
    const came = trial.fired === 0 ? 'not reached' : trial.error === undefined ? 'as promised' : codeOf(trial.error);
    say({ ...about, came, breach });
    // A thread that visits networks and cannot go home ends for good: the next fault is one of a new process.
    if (leaks.length > 0 || fault.role === 'V') {
      killChildren(before);
      process.exit(EXIT_HUNG);
    }
  }
  await kind.after?.(prepared);
  process.exit(0);
}
