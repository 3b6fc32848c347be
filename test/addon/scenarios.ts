/** For processes of their own: see test/fixtures/scenario.ts. */
import { once } from 'node:events';
import { closeSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as aTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { NativeTask, Step, TaskEvent } from '../../types/native';
import { type NamespaceError, setns, unshare } from '../../lib';
import { native } from '../../lib/native';
import { CLONE_FLAGS } from '../../lib/kernel/namespace-kind';
import { descriptorOf } from '../../lib/network/sockets/socket-over';
import { takeDescriptors } from '../fixtures/descriptors';
import { footprint, moreThan } from '../fixtures/footprint';
import { settled } from '../fixtures/settled';
import { libraryWorker, warmUp } from '../fixtures/worker';
import { Loopback } from './relayed';
import { Wired } from './wired';

/** A Worker is terminated whose init has children of this process in its pid namespace, of which nobody knows. */
export async function terminatedWithStrangers(sibling: string): Promise<unknown> {
  await warmUp();
  const before = footprint();
  const leaving = libraryWorker(`
    const first = await linux.spawn('sleep', ['600'], { unshare: ['user', 'pid'], stdio: 'ignore' });
    const inside = await first.namespaces();
    report((await inside.execFile(${JSON.stringify(sibling)}, ['3'])).stdout);`);
  const [made] = (await once(leaving, 'message')) as [string];
  await leaving.terminate();
  return { made, more: await moreThan(before) };
}

/**
 * A program has started and ended before the event loop gets to hear of it, and then the init of its pid namespace ends,
 * of which a Worker hears. It is kept from its end by a program that this thread has not waited for either.
 */
export async function startHeardAfterTheInit(): Promise<unknown> {
  const worker = libraryWorker(`
    const first = await linux.spawn('cat', [], { unshare: ['user', 'pid'], stdio: ['pipe', 'ignore', 'inherit'] });
    require('node:worker_threads').parentPort.once('message', () => first.stdin.end());
    report(first.pid);`);
  const [pid] = (await once(worker, 'message')) as [number];
  const ending = await setns({ pid });
  const keeps = await ending.spawn('sleep', ['600'], { stdio: 'ignore' });
  const { length } = footprint().children;
  const start = ending.spawn('true', [], { stdio: 'ignore' });
  const outcome = settled(start.then((program) => program.exited));
  while (footprint().children.length === length) await aTurn();
  for (let tries = 0; tries < 200 && !footprint().children.some(hasEndedAsTrue); tries++) standStill(10);
  worker.postMessage('end');
  standStill(1000);
  const result = await outcome;
  await Promise.all([keeps.exited, ending.close()]);
  await worker.terminate();
  return result;
}

function hasEndedAsTrue(pid: string): boolean {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').includes('(true) Z');
}

/** The event loop stands still meanwhile. */
function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/**
 * A program that is to be started in new namespaces below a set's, under strace(1), which stops nsinit's helper there.
 * How the call comes out, and how many processes it leaves.
 */
export async function heldHelper(): Promise<unknown> {
  const set = await unshare(['user', 'pid']);
  await (await set.spawn('true', [], { stdio: 'ignore' })).close();
  const before = footprint();
  const call = await settled(set.execFile('true', [], { unshare: ['user', 'pid'], timeout: 500 }));
  const code = call === 'never' ? call : 'error' in call ? (call.error as NamespaceError).code : 'ran';
  const more = await moreThan(before);
  await set.close();
  return { code, more };
}

const SLEEP: Step = ['exec', 'sleep', ['sleep', '5'], ['PATH=/usr/bin:/bin']];
const NEW_USER_AND_PID = 0x30000000;

const PLANS: Record<string, { flags: number; steps: Step[] }> = {
  socket: { flags: 0, steps: [['socket', 2, 1, 0], ['exit']] },
  fork: { flags: 0, steps: [['fork'], SLEEP] },
  'fork exit': { flags: 0, steps: [['fork'], ['exit']] },
  init: { flags: NEW_USER_AND_PID, steps: [['init', 1], SLEEP] },
};

/** All descriptors are taken from when the task exists until its last event. */
export async function noDescriptorToReceive(plan: string): Promise<unknown> {
  await launch({ flags: 0, steps: [['exit']] }, (task) => task.proceed());
  const before = footprint();
  let taken: number[] = [];
  const events = await launch(PLANS[plan]!, (task) => {
    taken = takeDescriptors();
    task.proceed();
  });
  taken.forEach((fd) => closeSync(fd));
  const last = events.at(-1);
  const errno = last?.type === 'failed' ? last.failure.errno : undefined;
  return { types: events.map(({ type }) => type), errno, more: await moreThan(before) };
}

function launch(plan: { flags: number; steps: Step[] }, onCloned: (task: NativeTask) => void): Promise<TaskEvent[]> {
  return new Promise((resolve) => {
    const events: TaskEvent[] = [];
    const task = native().launch({ ...plan, manual: true }, (event) => {
      events.push(event);
      if (event.type === 'cloned') onCloned(task);
      // Only what should have failed comes to run.
      if (event.type === 'started') task.end();
      if (event.type === 'exit' || event.type === 'failed') resolve(events);
    });
  });
}

export async function throwingCallback(): Promise<unknown> {
  const seen: unknown[] = [];
  process.on('uncaughtException', (error) => seen.push(error.message));
  await new Promise<void>((resolve) => {
    native().launch({ flags: 0, steps: [['exec', '/bin/true', ['true'], []]] }, (event) => {
      if (event.type === 'started') throw new Error('thrown');
      seen.push(event.type);
      resolve();
    });
  });
  return seen;
}

/** What callbacks throw that are called once, in the order in which it is heard of. */
export async function throwingAnswers(): Promise<unknown> {
  const seen: string[] = [];
  const throwing = (what: string) => () => {
    throw new Error(what);
  };
  const addon = native();
  const calls: Record<string, () => void> = {
    close: () => addon.close([], throwing('close')),
    statMounts: () => addon.statMounts(-1, false, throwing('statMounts')),
    userNames: () => addon.userNames(Uint32Array.of(0), throwing('userNames')),
    scan: () => addon.scan(CLONE_FLAGS.user, 0, throwing('scan')),
  };
  for (const call of Object.values(calls)) {
    const heard = new Promise<void>((resolve) => {
      process.once('uncaughtException', ({ message }) => {
        seen.push(message);
        resolve();
      });
    });
    call();
    await heard;
    process.removeAllListeners('uncaughtException').on('uncaughtException', () => undefined);
  }
  return seen;
}

/** Of a launch that has descriptors for its plan, and none for its socket. */
export function noDescriptorForControl(): unknown {
  const count = (): number => readdirSync('/proc/self/fd').length;
  const addon = native(); // it has a descriptor of its own
  const before = count();
  const taken = takeDescriptors();
  for (const fd of taken.splice(-3)) closeSync(fd);
  let errno: unknown;
  try {
    addon.launch({ flags: 0, steps: [['stdio', [0, 1, 2]], SLEEP] }, () => undefined);
  } catch (error) {
    ({ errno } = error as { errno: number });
  }
  for (const fd of taken) closeSync(fd);
  return { errno, more: count() - before };
}

/** A Worker calls the addon, over and over or once and then does not return, and is terminated meanwhile. */
export async function terminatedInCall(body: string, times: number): Promise<void> {
  native();
  const addon = Object.keys(require.cache).find(
    (path) => path.endsWith('linux_ns.node') || path.endsWith('linux-ns.node'),
  );
  const script = `
    const { parentPort } = require('node:worker_threads');
    const fs = require('node:fs');
    const native = require(${JSON.stringify(addon)});
    const nothing = () => undefined;
    parentPort.postMessage('here');
    ${body}`;
  for (let round = 0; round < times; round++) {
    const worker = new Worker(script, { eval: true });
    await once(worker, 'message');
    await new Promise((resolve) => setTimeout(resolve, round % 8));
    await worker.terminate();
  }
}

/**
 * nsinit and the child it has forked into a set's pid namespace are killed before either could tell of the child: they
 * are held there by a socket that nobody reads. That takes exactly so many reports; how many is found by trying.
 */
export async function killedBeforeReported(): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'linux-ns-addon-'));
  writeFileSync(join(folder, 'byte'), 'x');
  const set = await unshare(['user', 'pid']);
  const members = [...set];
  const enter: Step = ['join', members.map(({ fd }) => fd), members.map(({ kind }) => CLONE_FLAGS[kind])];
  const before = footprint();
  const others = (but: number): number[] =>
    footprint().children.flatMap((pid) => (before.children.includes(pid) || +pid === but ? [] : [+pid]));
  const forksAfter = async (reports: number, patience?: number): Promise<boolean> => {
    const fill = Array.from({ length: reports }, (): Step => ['read_file', join(folder, 'byte'), 1]);
    let forked = false;
    await launch({ flags: 0, steps: [...fill, enter, ['fork'], SLEEP] }, (task) => {
      const { pid } = task;
      task.proceed();
      forked = hasCome(() => others(pid).length > 0, pid, patience);
      for (const each of [pid, ...others(pid)]) process.kill(each, 'SIGKILL');
    });
    return forked;
  };
  let [forks, waits] = [0, 4096];
  while (waits - forks > 1) {
    const middle = Math.floor((forks + waits) / 2);
    if (await forksAfter(middle)) forks = middle;
    else waits = middle;
  }
  // Once more, and nothing after it: what it leaves nobody else takes away.
  const held = await forksAfter(forks, Infinity);
  const more = await moreThan(before);
  await set.close();
  rmSync(folder, { recursive: true });
  return { held, more };
}

/**
 * Tells if something comes to be before a process has been seen asleep so often. The event loop stands still meanwhile.
 */
function hasCome(happened: () => boolean, pid: number, patience = 30): boolean {
  for (let asleep = 0; asleep < patience;) {
    if (happened()) return true;
    asleep = readFileSync(`/proc/${pid}/stat`, 'utf8').includes(' S ') ? asleep + 1 : 0;
    standStill(10);
  }
  return false;
}

/** A wire is left open: Node has nothing left to do, and ends. */
export async function wireLeftOpen(): Promise<string> {
  const wired = await Wired.create();
  await wired.impair({ delay: 10 });
  return 'left open';
}

/** Relays are under way when the process ends. */
export async function relayLeftOpen(): Promise<string> {
  const { one, other } = await (await Loopback.open()).relay();
  const chunk = Buffer.alloc(1 << 20);
  const flood = (): void => {
    while (one.write(chunk));
  };
  one.on('drain', flood);
  flood();
  await once(other.resume(), 'data');
  setTimeout(() => process.exit(), 20);
  return 'relays';
}

/** Starts a relay where no descriptor is left, then one, and so on; resolves with what was missing each time. */
export async function relayWithoutDescriptors(): Promise<string[]> {
  const loopback = await Loopback.open();
  const [one, other] = [await loopback.pair(), await loopback.pair()];
  const fds = [descriptorOf(one.end)!, descriptorOf(other.end)!] as const;
  const taken = takeDescriptors();
  const found: string[] = [];
  while (found.at(-1) !== 'relays') {
    try {
      native().startRelay(...fds, true, Buffer.alloc(0), Buffer.alloc(0), () => undefined);
      found.push('relays');
    } catch (error) {
      found.push((error as Error).message);
      closeSync(taken.pop()!);
    }
  }
  setImmediate(() => process.exit());
  return found;
}
