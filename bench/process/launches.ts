import { once } from 'node:events';
import {
  NAMESPACE_KINDS,
  type NamespaceProcess,
  type NamespaceSet,
  type SpawnOptions,
  exec,
  execFile,
  spawn,
  unshare,
} from 'linux-ns';

/** The number of launches that are under way at any time. */
const AT_ONCE = 4;

type Way = (set: NamespaceSet, nth: number) => Promise<unknown>;

const ALL = [...NAMESPACE_KINDS];

/** Ways for a launch to go, the ones that go wrong among them. */
const WAYS: readonly Way[] = [
  () => ended(spawn('true', [], { unshare: ALL, stdio: 'ignore' })),
  () => ended(spawn('true', [], { stdio: 'ignore' })),
  (set) => ended(set.spawn('true', [], { stdio: 'ignore' })),
  () => exec('echo output; echo error >&2', { unshare: ALL }),
  () => refused(execFile('/nowhere', [], { unshare: ALL }), 'ENOENT'),
  () => refused(exec('exit 3'), 3),
  async () => (await unshare(ALL)).close(),
  (_, nth) => aborted(spawn('sleep', ['100'], { unshare: ALL, stdio: 'ignore', signal: abortedAfter(nth % 4) })),
  () => ends(['-c', '(sleep 100 &); (setsid sleep 100 &); sleep 100'], { unshare: ALL, stdio: 'pipe' }),
  () => ends(['-c', `echo '"hello"' >&3; read line <&3; exec sleep 100`], { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] }),
];

/** Starts so many programs, some at once, in all ways in turns. */
export async function manyLaunches(count: number): Promise<void> {
  const set = await unshare(ALL);
  let nth = 0;
  const lane = async (): Promise<void> => {
    while (nth < count) {
      const own = nth++;
      await WAYS[own % WAYS.length]!(set, own);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  await set.close();
}

async function ended(spawned: Promise<NamespaceProcess>): Promise<void> {
  const child = await spawned;
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`${child.spawnfile} ended with ${String(code)}`);
}

/** Started, spoken with where there is a channel, and killed. */
async function ends(args: string[], options: SpawnOptions): Promise<void> {
  const child = await spawn('sh', args, options);
  if (child.connected) {
    child.send('a line');
    await once(child, 'message');
  }
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

async function refused(attempt: Promise<unknown>, code: string | number): Promise<void> {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if ((error as { code?: unknown } | undefined)?.code === code) return;
  throw new Error(`not refused with ${code}`, { cause: error });
}

/** Before it runs, or just after. */
async function aborted(attempt: Promise<NamespaceProcess>): Promise<void> {
  const child = await attempt.catch((error: unknown) => refused(Promise.reject(error as Error), 'ABORT_ERR'));
  if (child === undefined) return;
  const [error] = (await once(child, 'error')) as [{ code?: unknown }];
  if (error.code !== 'ABORT_ERR') throw new Error('not aborted', { cause: error });
  await child.exited;
}

/** 0: before it begins. */
function abortedAfter(milliseconds: number): AbortSignal {
  return milliseconds === 0 ? AbortSignal.abort() : AbortSignal.timeout(milliseconds);
}
