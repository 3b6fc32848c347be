import { lstatSync, readlinkSync } from 'node:fs';
import { type MountEntry, Sandbox, type SandboxSpec } from 'linux-ns';
import { PROGRAM, type Starter, ended, node } from '../launch/starters';

export const CREATE = 'ours: create, /bin/true, close';
export const CREATE_BWRAP = 'bwrap /bin/true';
export const CREATE_40 = 'ours: the same, 40 mounts more';
export const CREATE_40_BWRAP = 'bwrap, 40 mounts more';
export const EXEC = 'ours: one more process';
export const EXEC_NESTED = 'ours: one more process, user not 0';
/**
 * Ours without a session of its own, like all others but bwrap: each session gets its own share of a busy CPU
 * (autogroups, sched(7)).
 */
export const EXEC_SAME_SESSION = 'ours: one more process, same session';
export const EXEC_NSENTER = 'nsenter: one more process';

/** The top-level directories that are links on the host, as on most hosts. The same links are made in the root. */
const LINKS = ['/bin', '/sbin', '/lib', '/lib64'].filter(
  (path) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true,
);

/** Programs and libraries, and a /tmp; there is a /proc and a /dev without being asked for. */
const MOUNTS: readonly MountEntry[] = [
  { type: 'bindReadOnly', source: '/usr', target: '/usr' },
  ...LINKS.map((path): MountEntry => ({ type: 'symlink', target: path, to: readlinkSync(path) })),
  { type: 'tmpfs', target: '/tmp' },
];

/** Directories of the host's in 40 places. */
const MANY = Array.from({ length: 40 }, (_, index) => ({ source: '/usr/share', target: `/mounts/of/many/${index}` }));

export const SPEC: SandboxSpec = { mounts: MOUNTS };
const SPEC_40: SandboxSpec = {
  mounts: [...MOUNTS, ...MANY.map((place): MountEntry => ({ type: 'bindReadOnly', ...place }))],
};

/**
 * The same of bwrap: all kinds of namespace that it knows, which are ours, a session of its own, and no longer life.
 */
const BWRAP = [
  ...['--unshare-all', '--die-with-parent', '--new-session', '--clearenv'],
  ...['--ro-bind', '/usr', '/usr'],
  ...LINKS.flatMap((path) => ['--symlink', readlinkSync(path), path]),
  ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
];
const BWRAP_40 = [...BWRAP, ...MANY.flatMap(({ source, target }) => ['--ro-bind', source, target])];

export const create = sandboxed(CREATE, SPEC);
export const create40 = sandboxed(CREATE_40, SPEC_40);
export const bwrap = node(CREATE_BWRAP, 'bwrap', [...BWRAP, PROGRAM]);
export const bwrap40 = node(CREATE_40_BWRAP, 'bwrap', [...BWRAP_40, PROGRAM]);

export function inside(name: string, sandbox: Sandbox): Starter {
  return { name, start: () => run(sandbox) };
}

/** @param pid - of a program in the sandbox */
export function nsenter(pid: number): Starter {
  const options = ['--user', '--mount', '--pid', '--net', '--ipc', '--uts', '--cgroup', '--preserve-credentials'];
  return node(EXEC_NSENTER, 'nsenter', [...options, '--target', `${pid}`, PROGRAM]);
}

function sandboxed(name: string, spec: SandboxSpec): Starter {
  return {
    name,
    async start() {
      const sandbox = await Sandbox.create(spec);
      try {
        await run(sandbox);
      } finally {
        await sandbox.close();
      }
    },
  };
}

async function run(sandbox: Sandbox): Promise<void> {
  await ended(await sandbox.spawn(PROGRAM, [], { stdio: 'ignore' }));
}
