import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { getPriority, userInfo } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  type NamespaceSet,
  Sandbox,
  type SpawnOptions,
  type SubordinateRange,
  type UnshareSpec,
  execFile,
  spawn,
  subordinateIds,
  unshare,
} from '../../lib';
import { Network, networkNamespaces } from '../../lib/network';

/** A way of starting something. */
export interface Kind {
  name: string;
  /** Undefined: for everybody. `'granted'`: for an ordinary user who has subordinate ids. */
  only?: 'root' | 'granted' | undefined;
  /** Made once, before the faults: what is joined, say. */
  before?(place: Place): Promise<unknown>;
  /** From the start to the end. Resolves with all that was promised, in a form that is the same each time. */
  run(place: Place, prepared: unknown): Promise<string>;
  after?(prepared: unknown): Promise<void>;
  /** A role that tidies up at the end as far as it can: what fails there is no error. */
  triesOnly?: string;
  /** What a fault may leave that is no process of ours, no descriptor: undone here. Returns what it was. */
  tidy?(place: Place): string[];
}

/** Where it is tried. */
export interface Place {
  /** A directory of its own. */
  directory: string;
  /** The program that tells what it finds: world.c. */
  world: string;
}

const ROOT = process.getuid?.() === 0;
/** newuidmap(1) asks for the same line: subuid(5). */
const GRANTED = !ROOT && grants('/etc/subuid') && grants('/etc/subgid');

function grants(file: string): boolean {
  const { username, uid } = userInfo();
  return existsSync(file) && new RegExp(`^(${username}|${uid}):`, 'm').test(readFileSync(file, 'utf8'));
}

/** What every launch may have on top; a program of an ordinary user can have it, too. */
const CONFINED: SpawnOptions = {
  noNewPrivileges: true,
  capabilities: [],
  seccomp: 'default',
  rlimits: { nofile: 64, core: 0, stack: { soft: 1 << 20 } },
  niceness: Math.min(19, getPriority() + 5), // a lower one may not be had
  umask: 0o077,
  oomScoreAdj: 500,
  cpuAffinity: [0],
  personality: 'ADDR_NO_RANDOMIZE',
  cwd: '/',
  env: { A: '1' },
};

const ALL: UnshareSpec = {
  user: true,
  mnt: true,
  net: true,
  uts: { hostname: 'box', domainname: 'here' },
  ipc: true,
  cgroup: true,
  pid: true,
  time: { monotonic: 100 },
};

/** What the program says of itself. */
async function worldOf({ world }: Place, options: SpawnOptions, args: string[] = []): Promise<string> {
  const { stdout } = await execFile(world, args, { env: {}, ...options });
  return stdout;
}

async function terminalOf({ world }: Place, options: SpawnOptions): Promise<string> {
  const child = await spawn(world, [], { env: {}, pty: { cols: 100, rows: 30 }, ...options });
  let text = '';
  child.pty!.setEncoding('utf8').on('data', (part: string) => (text += part));
  const closed = new Promise((resolve) => child.once('close', resolve));
  const exit = await child.exited;
  await closed;
  if (exit.signal !== null) throw Object.assign(new Error('killed'), exit);
  return text + JSON.stringify(exit);
}

const withSet = (spec: UnshareSpec): Pick<Kind, 'before' | 'after'> => ({
  before: () => unshare(spec),
  after: (set) => (set as NamespaceSet).close(),
});

const withSandbox = {
  before: ({ directory, world }: Place) => {
    mkdirSync(join(directory, 'upper'), { recursive: true });
    return Sandbox.create({
      mounts: [
        { type: 'bindReadOnly', source: world, target: '/world' },
        { type: 'tmpfs', target: '/tmp' },
      ],
    });
  },
  after: (box: unknown) => (box as Sandbox).close(),
};

/** All namespaces and mounts, as the program in it sees them. */
async function inNewSandbox({ directory, world }: Place): Promise<string> {
  const secret = join(directory, 'secret');
  const shared = join(directory, 'shared');
  const box = await Sandbox.create({
    hostname: 'box',
    mounts: [
      { type: 'bindReadOnly', source: world, target: '/world' },
      { type: 'bind', source: shared, target: '/shared' },
      { type: 'readOnly', target: '/shared/sub' },
      { type: 'mask', target: '/shared/secret' },
      { type: 'tmpfs', target: '/tmp', size: 1 << 20 },
      { type: 'dir', target: '/dir', mode: 0o700 },
      { type: 'symlink', target: '/link', to: 'dir' },
      { type: 'file', target: '/file', data: 'data', mode: 0o400 },
      { type: 'bindReadOnly', source: secret, target: '/read' },
    ],
  });
  try {
    const { stdout } = await box.execFile('/world', ['mounts'], { env: {} });
    return stdout + (await box.readFile('/file', 'utf8'));
  } finally {
    await box.close();
  }
}

/** What is there by now is there because it could not be removed, and an error has said so. */
let removing = false;

/** Undoes what is mounted on a file that should not be there. */
function takeAway(path: string): string[] {
  const wasRemoving = removing;
  removing = false;
  if (!existsSync(path)) return [];
  spawnSync('umount', ['-l', path]);
  rmSync(path, { force: true });
  return wasRemoving ? [] : [path];
}

export const KINDS: readonly Kind[] = [
  { name: 'plain', run: (place) => worldOf(place, {}) },
  { name: 'confined', only: 'root', run: (place) => worldOf(place, CONFINED) },
  {
    name: 'other ids',
    only: 'root',
    run: (place) => worldOf(place, { uid: 1234, gid: 1235, groups: [7, 8], cwd: '/', dieWithParent: false }),
  },
  { name: 'user namespace', run: (place) => worldOf(place, { unshare: ['user', 'uts', 'ipc'] }) },
  { name: 'user namespace, confined', run: (place) => worldOf(place, { ...CONFINED, unshare: ['user', 'net'] }) },
  { name: 'all namespaces, init', run: (place) => worldOf(place, { unshare: ALL }) },
  { name: 'init, confined', run: (place) => worldOf(place, { ...CONFINED, unshare: ['user', 'pid', 'mnt'] }) },
  { name: 'program as process 1', run: (place) => worldOf(place, { unshare: ['user', 'pid'], init: false }) },
  {
    name: 'join',
    ...withSet({ user: true, uts: true, net: true }),
    run: (place, set) => worldOf(place, { setns: set as NamespaceSet }),
  },
  {
    name: 'join a pid namespace, confined',
    ...withSet({ user: true, uts: true, pid: true, mnt: true }),
    run: (place, set) => worldOf(place, { ...CONFINED, setns: set as NamespaceSet }),
  },
  {
    name: 'join, and new ones below',
    ...withSet({ user: true, uts: true }),
    run: (place, set) => worldOf(place, { setns: set as NamespaceSet, unshare: ALL }),
  },
  {
    name: 'hold',
    run: async (place) => {
      const set = await unshare({ ...ALL, pid: undefined });
      try {
        return await worldOf(place, { setns: set });
      } finally {
        await set.close();
      }
    },
  },
  {
    name: 'hold with an init',
    run: async (place) => {
      const set = await unshare(ALL);
      try {
        return await worldOf(place, { setns: set });
      } finally {
        await set.close();
      }
    },
  },
  { name: 'terminal', run: (place) => terminalOf(place, {}) },
  { name: 'terminal, init', run: (place) => terminalOf(place, { unshare: ['user', 'pid', 'mnt'] }) },
  {
    name: 'sandbox',
    before: ({ directory }) => {
      mkdirSync(join(directory, 'shared', 'sub'), { recursive: true });
      writeFileSync(join(directory, 'secret'), 'secret\n', { mode: 0o600 });
      writeFileSync(join(directory, 'shared', 'secret'), 'secret\n');
      return Promise.resolve();
    },
    run: (place) => inNewSandbox(place),
    triesOnly: 'L4', // removes mount points of the host, at close()
  },
  {
    name: 'sandbox without user namespaces inside',
    run: async ({ world }) => {
      const mounts = [{ type: 'bindReadOnly', source: world, target: '/world' }] as const;
      const box = await Sandbox.create({ disableUserNamespaces: true, mounts, capabilities: ['CAP_KILL'] });
      try {
        return (await box.execFile('/world', ['mounts'], { env: {} })).stdout;
      } finally {
        await box.close();
      }
    },
  },
  {
    name: 'program in a sandbox',
    ...withSandbox,
    run: async (_, box) => (await (box as Sandbox).execFile('/world', ['mounts'], { env: {} })).stdout,
  },
  {
    name: 'files in a sandbox',
    ...withSandbox,
    run: async (_, prepared) => {
      const box = prepared as Sandbox;
      await box.writeFile('/tmp/file', 'text');
      const text = await box.readFile('/tmp/file', 'utf8');
      const names = (await box.readdir('/')).map(({ name }) => name).sort();
      return JSON.stringify([text, names]);
    },
  },
  {
    name: 'mounts in a set',
    ...withSet({ user: true, mnt: true }),
    run: async ({ directory, world }, prepared) => {
      const set = prepared as NamespaceSet;
      // Another each time: one may be left mounted there where umount(2) has failed.
      const target = mkdtempSync(join(directory, 'target-'));
      await set.mount({ target, type: 'tmpfs', readOnly: true });
      try {
        const { stdout } = await set.execFile(world, ['mounts'], { env: {} });
        return stdout
          .split('\n')
          .filter((line) => line.includes(target))
          .join('\n')
          .replaceAll(target, 'target');
      } finally {
        await set.umount(target);
      }
    },
  },
  {
    name: 'names, files and sockets in a set',
    ...withSet({ user: true, uts: true, net: true }),
    run: async (_, prepared) => {
      const set = prepared as NamespaceSet;
      await set.setHostname('one');
      await set.writeFile('/proc/sys/net/ipv4/ip_forward', '1');
      const forward = await set.readFile('/proc/sys/net/ipv4/ip_forward', 'utf8');
      const host = await set.readFile('/proc/sys/kernel/hostname', 'utf8');
      const network = await Network.open(set);
      const fd = await network.socket('inet', 'stream').finally(() => network.close());
      const link = readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/, '');
      closeSync(fd);
      return JSON.stringify([forward, host, link]);
    },
  },
  {
    name: 'links and routes of a set',
    ...withSet({ user: true, net: true }),
    run: async (_, prepared) => {
      const network = await Network.open(prepared as NamespaceSet);
      try {
        await network.link.add({ name: 'veth0', kind: 'veth', peer: { name: 'veth1' } });
        await network.link.set('veth0', { up: true });
        await network.address.add('veth0', '192.0.2.1/24');
        const routes = (await network.route.list()).map(({ to }) => to);
        const links = (await network.link.list()).map(({ name }) => name);
        await network.link.delete('veth0');
        return JSON.stringify([routes, links]);
      } finally {
        await network.close();
      }
    },
  },
  {
    name: 'connection in a set',
    ...withSet({ user: true, net: true }),
    run: async (_, prepared) => {
      const network = await Network.open(prepared as NamespaceSet);
      const server = await network.listen({ host: '127.0.0.1', port: 0 }).catch(async (error: unknown) => {
        await network.close();
        throw error;
      });
      try {
        server.on('connection', (socket: Socket) => socket.end('hello'));
        const { port } = server.address() as AddressInfo;
        return await text(await network.connect({ host: '127.0.0.1', port }));
      } finally {
        await new Promise((resolve) => server.close(resolve));
        await network.close();
      }
    },
  },
  {
    name: 'user namespace, maps of newuidmap',
    only: 'granted',
    before: async () => [await subordinateIds('user'), await subordinateIds('group')],
    run: (place, prepared) => {
      const [[uids], [gids]] = prepared as [SubordinateRange[], SubordinateRange[]];
      const uidMap = [{ inside: 0, outside: uids!.start, count: 2 }];
      const gidMap = [{ inside: 0, outside: gids!.start, count: 2 }];
      return worldOf(place, { unshare: { user: { uidMap, gidMap } } });
    },
  },
  {
    name: 'persistent namespace',
    only: 'root',
    run: async ({ directory }) => {
      const set = await unshare(['uts']);
      try {
        const kept = await set.uts!.persist(join(directory, 'kept'));
        try {
          return readdirSync(directory).join(' ');
        } finally {
          removing = true;
          await kept.delete();
        }
      } finally {
        await set.close();
      }
    },
    tidy: ({ directory }) => takeAway(join(directory, 'kept')),
  },
  {
    name: 'named network namespace',
    only: 'root',
    run: async () => {
      const name = `linux-ns-faults-${process.pid}`;
      await networkNamespaces.add(name);
      try {
        return String((await networkNamespaces.list()).includes(name));
      } finally {
        removing = true;
        await networkNamespaces.delete(name);
      }
    },
    tidy: () => takeAway(`/run/netns/linux-ns-faults-${process.pid}`),
  },
  {
    name: 'cgroup',
    only: 'root',
    run: async (place) => worldOf(place, { cgroup: {}, unshare: ['cgroup'] }),
  },
];

/** Those that this user can try. */
export const KINDS_HERE = KINDS.filter(({ only }) => only === undefined || (only === 'root' ? ROOT : GRANTED));
