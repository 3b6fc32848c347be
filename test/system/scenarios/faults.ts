/** Launches made to fail, each in a process whose every possession is known. See test/fixtures/scenario.ts. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, readFileSync, readdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type NamespaceError,
  type NamespaceSet,
  Sandbox,
  type SpawnOptions,
  clone,
  setns,
  spawn,
  unshare,
} from '../../../lib';
import { takeDescriptors } from '../../fixtures/descriptors';
import { footprint, moreThan } from '../../fixtures/footprint';

/** What a launch came to: `'runs'`, or the code and the step of its error. */
type Fate = string;

async function fateOf(launch: Promise<unknown>): Promise<Fate> {
  try {
    await launch;
    return 'runs';
  } catch (error) {
    const { name, code, step = 'no step' } = error as NamespaceError;
    return name === 'NamespaceError' ? `${code}: ${step}` : `${name} ${code}`;
  }
}

async function runTrue(options: SpawnOptions = {}): Promise<void> {
  const child = await spawn('true', [], { stdio: 'ignore', ...options });
  await child.exited;
}

async function openAndClose(): Promise<void> {
  const set = await unshare(['user', 'uts', 'pid']);
  await set.close();
}

/** With two user namespaces: there is the most to be opened. */
async function openAndCloseSandbox(): Promise<void> {
  const sandbox = await Sandbox.create({ capabilities: ['CAP_SYS_ADMIN'], dev: false });
  await sandbox.close();
}

/** All that is opened once and kept (launcher threads, /dev/null, the pool) is there. */
async function warmUp(): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await Promise.all(Array.from({ length: 8 }, () => runTrue({ unshare: ['user', 'pid', 'mnt'] })));
    await Promise.all(Array.from({ length: 8 }, () => fateOf(spawn('/no/such/file'))));
    await openAndClose();
    await openAndCloseSandbox();
  }
}

/** Every kind of launch there is, working and failing, until there were `count`. */
export async function manyLaunches(count: number): Promise<unknown> {
  await warmUp();
  const set = await unshare(['user', 'uts', 'pid']);
  await runTrue({ setns: set });
  const kinds: (() => Promise<unknown>)[] = [
    () => runTrue(),
    () => runTrue({ unshare: ['user', 'uts'] }),
    () => runTrue({ unshare: ['user', 'pid', 'mnt'] }),
    () => runTrue({ setns: set }),
    () => runTrue({ setns: set, unshare: ['user', 'pid'] }),
    openAndClose,
    () => mustFail(spawn('/no/such/file', { unshare: ['user', 'pid'] })),
    () => mustFail(spawn('true', { unshare: { user: { uidMap: [{ inside: 0, outside: 4_000_000_000, count: 9 }] } } })),
    () => mustFail(spawn('true', { setns: set, cwd: '/no/such/directory' })),
    () => mustFail(unshare(['user', 'uts'], { signal: soon() })),
  ];
  const before = footprint();
  const atOnce = 8;
  for (let started = 0; started < count; started += atOnce) {
    await Promise.all(Array.from({ length: atOnce }, (_, index) => kinds[(started + index) % kinds.length]!()));
  }
  const more = await moreThan(before);
  await set.close();
  return more;
}

/** All at once: what became of them, each once. */
export async function atOnce(count: number): Promise<unknown> {
  await warmUp();
  const set = await unshare(['user', 'uts', 'pid']);
  await runTrue({ setns: set });
  const kinds: (() => Promise<unknown>)[] = [
    () => runTrue({ stdio: 'pipe' }),
    () => runTrue({ unshare: ['user', 'pid', 'mnt', 'net'], stdio: 'pipe' }),
    () => runTrue({ setns: set }),
    () => runTrue({ setns: set, unshare: ['user', 'pid'] }),
    openAndClose,
  ];
  const before = footprint();
  const fates = await Promise.all(Array.from({ length: count }, (_, index) => fateOf(kinds[index % kinds.length]!())));
  const more = await moreThan(before);
  await set.close();
  return { fates: [...new Set(fates)].sort(), more };
}

/** A program that comes and goes, as when it is installed anew, while it is started. */
export async function vanishing(folder: string, rounds: number): Promise<unknown> {
  await warmUp();
  const [file, gone] = [join(folder, 'program'), join(folder, 'away')];
  writeFileSync(file, '#!/bin/sh\n', { mode: 0o755 });
  const before = footprint();
  const fates = new Set<Fate>();
  for (let round = 0; round < rounds; round++) {
    const options: SpawnOptions = round % 2 === 0 ? {} : { unshare: ['user', 'pid'] };
    const launches = Array.from({ length: 4 }, async () => {
      const child = await spawn(file, [], { ...options, stdio: 'ignore' });
      // A shell that starts, and does not find its script any more, exits with 127 (2 for dash).
      await child.exited;
    });
    const over = Promise.allSettled(launches).then(() => true);
    for (let isOver = false; !isOver;) {
      renameSync(file, gone);
      renameSync(gone, file);
      isOver = (await Promise.race([over, turns(1)])) === true;
    }
    for (const fate of await Promise.all(launches.map(fateOf))) fates.add(fate);
  }
  return { fates: [...fates].sort(), more: await moreThan(before) };
}

/** Before it begins, at some moment of it, or too late. */
function soon(): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), Math.floor(Math.random() * 3));
  return controller.signal;
}

/** Too late an abort leaves a set. */
async function mustFail(launch: Promise<unknown>): Promise<void> {
  const outcome = await launch.then(
    (value) => ({ value }),
    () => undefined,
  );
  const set = outcome?.value as { close?: () => Promise<void> } | undefined;
  await set?.close?.();
}

/** A launch with from 0 to `most` descriptors left, each in turn. */
export async function fewDescriptors(kind: keyof typeof LAUNCHES, most: number): Promise<unknown> {
  await warmUp();
  const set = await unshare(['user', 'uts', 'pid']);
  await runTrue({ setns: set });
  const launch = LAUNCHES[kind](set);
  const before = footprint();
  const fates: Fate[] = [];
  for (let free = 0; free <= most; free++) {
    const taken = takeDescriptors();
    for (let left = 0; left < free; left++) closeSync(taken.pop()!);
    fates.push(await fateOf(launch()));
    taken.forEach((fd) => closeSync(fd));
  }
  const more = await moreThan(before);
  await set.close();
  return { fates, more };
}

/** Ways to launch: each gives what to do, over and over. */
const LAUNCHES = {
  spawn: () => () => runTrue(),
  'with pipes': () => () => runTrue({ stdio: 'pipe' }),
  init: () => () => runTrue({ unshare: ['user', 'pid', 'mnt'] }),
  join: (set: NamespaceSet) => () => runTrue({ setns: set }),
  'join and unshare': (set: NamespaceSet) => () => runTrue({ setns: set, unshare: ['user', 'pid', 'time'] }),
  unshare: () => openAndClose,
  sandbox: () => openAndCloseSandbox,
  setns: (set: NamespaceSet) => async () => (await setns(set)).close(),
} satisfies Record<string, (set: NamespaceSet) => () => Promise<unknown>>;

/** Launches while this user may have no more processes. */
export async function noProcesses(): Promise<unknown> {
  await warmUp();
  const set = await unshare(['user', 'uts', 'pid']);
  const before = footprint();
  const limit = (soft: string): unknown =>
    execFileSync('prlimit', [`--nproc=${soft}:`, '--pid', String(process.pid)], { stdio: 'inherit' });
  const [, usual = ''] = /^Max processes +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  limit('1');
  const fates = [
    await fateOf(spawn('true')),
    await fateOf(spawn('true', { unshare: ['user', 'pid'] })),
    await fateOf(spawn('true', { setns: set })),
    await fateOf(unshare(['user', 'uts'])),
    await fateOf(clone({ file: 'true' })),
  ];
  // No more than the limit is there for is allowed to start a program that would lift it.
  process.kill(process.ppid, 0);
  return { fates, usual, more: await moreThan(before), closed: await fateOf(set.close()) };
}

/** Launches in a cgroup which has room for 0 to `most` more tasks, threads of this process included. */
export async function fewProcesses(most: number): Promise<unknown> {
  const group = join('/sys/fs/cgroup/pids', `linux-ns-test-${process.pid}`);
  const home = `/sys/fs/cgroup/pids${/^\d+:pids:(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? ''}`;
  mkdirSync(group);
  try {
    writeFileSync(join(group, 'cgroup.procs'), String(process.pid));
    return await launchesIn(group, most);
  } finally {
    writeFileSync(join(home, 'cgroup.procs'), String(process.pid));
    rmdirSync(group);
  }
}

async function launchesIn(group: string, most: number): Promise<unknown> {
  await warmUp();
  const set = await unshare(['user', 'uts', 'pid']);
  await runTrue({ setns: set });
  const before = footprint();
  const fates: Record<string, Fate[]> = {};
  for (let free = 0; free <= most; free++) {
    const current = Number(readFileSync(join(group, 'pids.current'), 'utf8'));
    writeFileSync(join(group, 'pids.max'), String(current + free));
    for (const [name, launch] of Object.entries(LAUNCHES)) (fates[name] ??= []).push(await fateOf(launch(set)()));
    writeFileSync(join(group, 'pids.max'), 'max');
  }
  const more = await moreThan(before);
  await set.close();
  return { fates, more };
}

/** While programs are launched, one nsinit after another is killed: one in each launch, at whatever it is doing. */
export async function killedHelpers(kind: keyof typeof LAUNCHES, rounds: number): Promise<unknown> {
  await warmUp();
  const set = await unshare(['user', 'uts', 'pid']);
  await runTrue({ setns: set });
  const launch = LAUNCHES[kind](set);
  const before = footprint();
  const holder = String(set.init);
  const fates = new Set<Fate>();
  for (let round = 0; round < rounds; round++) {
    const fate = fateOf(launch());
    const over = fate.then(() => true);
    await Promise.race([over, turns(Math.floor(Math.random() * 12))]);
    for (;;) {
      const [pid] = helpers(holder);
      if (pid !== undefined) kill(pid);
      if (pid !== undefined || (await Promise.race([over, turns(1)])) === true) break;
    }
    fates.add(await fate);
  }
  const more = await moreThan(before);
  await set.close();
  return { fates: [...fates].sort(), more };
}

/** Some turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Our children that are nsinit: as `ps -o comm` says. */
function helpers(but: string): string[] {
  const children = readdirSync('/proc/self/task').flatMap((thread) =>
    read(`/proc/self/task/${thread}/children`).split(' '),
  );
  return children.filter((pid) => pid !== '' && pid !== but && read(`/proc/${pid}/comm`) === 'nsinit\n');
}

function kill(pid: string): void {
  try {
    process.kill(Number(pid), 'SIGKILL');
  } catch {
    // it has just ended
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Launches that are given up at every moment they can be. */
export async function aborted(rounds: number): Promise<unknown> {
  await warmUp();
  const set = await unshare(['user', 'uts', 'pid']);
  await runTrue({ setns: set });
  const before = footprint();
  const fates = new Set<Fate>();
  for (let round = 0; round < rounds; round++) {
    const controller = new AbortController();
    const { signal } = controller;
    const launches = [
      clone({ file: 'sleep', args: ['600'], unshare: ['user', 'pid', 'mnt'], stdio: [], signal }),
      clone({ file: 'sleep', args: ['600'], setns: set, stdio: [], signal }),
      clone({ file: 'sleep', args: ['600'], setns: set, unshare: ['user', 'pid'], stdio: [], signal }),
    ];
    const sets = unshare(['user', 'net', 'pid'], { signal }).then((made) => made.close());
    await new Promise((resolve) => (round % 4 === 0 ? setImmediate(resolve) : setTimeout(resolve, round % 4)));
    controller.abort();
    const ended = launches.map(async (launch) => (await launch).close());
    for (const fate of await Promise.all([...ended, sets].map(fateOf))) fates.add(fate);
  }
  const more = await moreThan(before);
  await set.close();
  return { fates: [...fates].sort(), more };
}
