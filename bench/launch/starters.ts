import { type ChildProcess, spawn as nodeSpawn } from 'node:child_process';
import { NAMESPACE_KINDS, type NamespaceProcess, type NamespaceSet, type SpawnOptions, spawn } from 'linux-ns';
import type { Contestant } from '../measure/interleave';

/** Starts /bin/true, stdio ignored, and resolves at its 'exit' event. */
export interface Starter {
  readonly name: string;
  readonly start: () => Promise<void>;
}

export const PROGRAM = '/bin/true';

export const ALL_EIGHT = 'ours: all eight';
const NONE = 'ours: none';
export const JOIN = 'ours: join a held set';
export const BARE = 'child_process.spawn';

const UNSHARE_ARGUMENTS = [
  ...['--user', '--map-root-user', '--mount', '--net', '--uts', '--ipc', '--cgroup', '--time', '--pid', '--fork'],
  PROGRAM,
];

export const allEight = ours(ALL_EIGHT, () => spawnOurs({ unshare: [...NAMESPACE_KINDS] }));
export const allButNet = ours('ours: all but net', () =>
  spawnOurs({ unshare: NAMESPACE_KINDS.filter((kind) => kind !== 'net') }),
);
export const none = ours(NONE, () => spawnOurs({}));
export const bare = node(BARE, PROGRAM, []);
export const unshareProgram = node('unshare(1)', 'unshare', UNSHARE_ARGUMENTS);
export const bwrap = node('bwrap', 'bwrap', ['--unshare-all', '--dev-bind', '/', '/', PROGRAM]);

export function join(set: NamespaceSet): Starter {
  return ours(JOIN, () => set.spawn(PROGRAM, [], { stdio: 'ignore' }));
}

/** @param pid - of a program in the same namespaces as the set's */
export function nsenter(pid: number): Starter {
  return node('nsenter', 'nsenter', ['--all', '--preserve-credentials', '--target', `${pid}`, PROGRAM]);
}

/** Milliseconds from the call to 'exit'. */
export function timed({ name, start }: Starter): Contestant {
  return {
    name,
    async sample() {
      const began = performance.now();
      await start();
      return performance.now() - began;
    },
  };
}

/** Those that work here; a program that is not installed, or fails, is named on standard error. */
export async function working(starters: readonly Starter[]): Promise<Starter[]> {
  const found: Starter[] = [];
  for (const starter of starters) {
    await starter.start().then(
      () => found.push(starter),
      (error: unknown) => console.error(`${starter.name} is left out: ${String(error)}`),
    );
  }
  return found;
}

function spawnOurs(options: SpawnOptions): Promise<NamespaceProcess> {
  return spawn(PROGRAM, [], { ...options, stdio: 'ignore' });
}

function ours(name: string, spawned: () => Promise<NamespaceProcess>): Starter {
  return { name, start: async () => ended(await spawned()) };
}

export function node(name: string, file: string, args: string[]): Starter {
  return { name, start: () => ended(nodeSpawn(file, args, { stdio: 'ignore' })) };
}

export function ended(child: NamespaceProcess | ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`it ended with ${String(code ?? signal)}`));
    });
  });
}
