import { type MountEntry, Sandbox, type SandboxSpec } from 'linux-ns';
import { PROGRAM } from '../launch/starters';
import { SPEC } from './contestants';

/** The number of sandboxes that exist at any time. */
const AT_ONCE = 4;

/** Two user namespaces, one in the other. */
const NESTED: SandboxSpec = { ...SPEC, user: { uid: 1000, gid: 1000 } };
const OVERLAY: SandboxSpec = { root: { lower: ['/usr'] } };
const BROKEN: MountEntry = { type: 'bind', source: '/nowhere', target: '/here' };

/** Ways for a sandbox to live, those that never come to be among them. */
const LIVES: readonly ((nth: number) => Promise<unknown>)[] = [
  () => used(SPEC),
  () => used(NESTED),
  () => used(OVERLAY),
  () => closedInUse(SPEC),
  () => closedInUse(NESTED),
  () => refused({ mounts: [...SPEC.mounts!, BROKEN] }, 'ENOENT'),
  (nth) => aborted(nth % 5),
];

/** Makes so many sandboxes, some at once, in all ways in turns, and closes them. */
export async function comeAndGo(count: number): Promise<void> {
  let nth = 0;
  const lane = async (): Promise<void> => {
    while (nth < count) {
      const own = nth++;
      await LIVES[own % LIVES.length]!(own);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

async function used(spec: SandboxSpec): Promise<void> {
  await using sandbox = await Sandbox.create(spec);
  await sandbox.execFile(PROGRAM);
}

/** While a program runs, and another is on its way. */
async function closedInUse(spec: SandboxSpec): Promise<void> {
  const sandbox = await Sandbox.create(spec);
  const resident = await sandbox.spawn('/bin/sleep', ['infinity'], { stdio: 'ignore' });
  const late = sandbox.spawn(PROGRAM, [], { stdio: 'ignore' }).then(
    ({ exited }) => exited,
    () => undefined,
  );
  await sandbox.close();
  await Promise.all([resident.exited, late]);
}

async function refused(spec: SandboxSpec, code: string): Promise<void> {
  const error: unknown = await Sandbox.create(spec).then(
    (sandbox) => sandbox.close(),
    (reason: unknown) => reason,
  );
  if ((error as { code?: unknown } | undefined)?.code === code) return;
  throw new Error(`not refused with ${code}`, { cause: error });
}

/** While it is being made, or just after. */
async function aborted(milliseconds: number): Promise<void> {
  try {
    const sandbox = await Sandbox.create(SPEC, { signal: AbortSignal.timeout(milliseconds) });
    await sandbox.close();
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ABORT_ERR') throw error;
  }
}
