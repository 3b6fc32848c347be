/** What the compiler says of sandboxes and filters: see processes.test-d.ts. */
import type { Readable, Writable } from 'node:stream';
import {
  type Change,
  type ExecResult,
  type MountEntry,
  type Namespace,
  type NamespaceProcess,
  type NamespaceSet,
  type SandboxDirent,
  Sandbox,
  hostUserland,
  spawn,
} from 'linux-ns';
import { type CompiledSeccomp, type SeccompProfile, compileSeccomp, defaultSeccompProfile } from 'linux-ns/seccomp';
import { type Equal, expectType } from './equal';

declare const box: Sandbox;
declare const net: Namespace;

/** One of each, with no more than it takes. */
export const ENTRIES: readonly MountEntry[] = [
  { type: 'bind', source: '/a', target: '/b' },
  { type: 'bindReadOnly', source: 3, target: '/b', optional: true },
  { type: 'bindDevices', source: new URL('file:///dev'), target: '/dev' },
  { type: 'tmpfs', target: '/tmp', size: 1, mode: 0o700 },
  { type: 'proc', target: '/proc', masked: false },
  { type: 'dev', target: '/dev' },
  { type: 'mqueue', target: '/dev/mqueue' },
  { type: 'sysfs', target: '/sys' },
  { type: 'cgroup2', target: '/sys/fs/cgroup' },
  { type: 'overlay', target: '/', lower: ['/a'], upper: '/b', work: '/c' },
  { type: 'dir', target: '/d' },
  { type: 'symlink', target: '/l', to: 'd' },
  { type: 'file', target: '/f', data: 'text', readOnly: true },
  { type: 'file', target: '/f', data: new Uint8Array() },
  { type: 'readOnly', target: '/usr', recursive: true },
  { type: 'mask', target: '/proc/kcore', optional: true },
  { type: 'protect', target: '/p/.git/hooks/' },
  { type: 'chmod', target: '/d', mode: 0o700 },
];

/** What `type` says decides what else there is. */
export type Kinds = Equal<
  MountEntry['type'],
  | ('bind' | 'bindReadOnly' | 'bindDevices' | 'tmpfs' | 'proc' | 'dev' | 'mqueue' | 'sysfs' | 'cgroup2')
  | ('overlay' | 'dir' | 'symlink' | 'file' | 'readOnly' | 'mask' | 'protect' | 'chmod')
>;
export const kindsAreThese: Kinds = true;
expectType<string>()({} as Extract<MountEntry, { type: 'symlink' }>['to']);
expectType<number>()({} as Extract<MountEntry, { type: 'chmod' }>['mode']);

export const REFUSED: readonly MountEntry[] = [
  // @ts-expect-error: of what?
  { type: 'bind', target: '/b' },
  // @ts-expect-error: a tmpfs has no source
  { type: 'tmpfs', source: 'x', target: '/tmp' },
  // @ts-expect-error: no such entry
  { type: 'squashfs', target: '/x' },
  // @ts-expect-error: an overlay has layers
  { type: 'overlay', target: '/' },
  // @ts-expect-error: a file has contents
  { type: 'file', target: '/f' },
  // @ts-expect-error: to which mode?
  { type: 'chmod', target: '/d' },
];

export async function specs(): Promise<void> {
  expectType<Sandbox>()(await Sandbox.create());
  expectType<Sandbox>()(
    await Sandbox.create({ ...hostUserland({ writable: ['a', new URL('file:///b')] }), network: net }),
  );
  await Sandbox.create({
    root: { lower: ['/a'] },
    user: { map: 'auto', uid: 1 },
    share: ['ipc'],
    seccomp: ['x'].map(() => new Uint8Array()),
    userNamespaces: true,
    inotifyInstances: 5,
    namespaces: { user: box.namespaces.user, pid: box.namespaces.pid },
    hosts: { a: '10.0.0.1', b: ['10.0.0.2', '::1'] },
    time: { boottime: 5, monotonic: 5n },
  });
  hostUserland().mounts.push({ type: 'dir', target: '/x' });

  // @ts-expect-error: one root
  await Sandbox.create({ root: { path: '/a', lower: ['/b'] } });
  // @ts-expect-error: a directory has no upper layer
  await Sandbox.create({ root: { path: '/a', upper: '/b' } });
  // @ts-expect-error: no such network
  await Sandbox.create({ network: 'bridge' });
  // @ts-expect-error: by their whole names
  await Sandbox.create({ capabilities: ['NET_RAW'] });
  // @ts-expect-error: a network has an option of its own
  await Sandbox.create({ namespaces: { net } });
  // @ts-expect-error: no such clock
  await Sandbox.create({ time: { realtime: 5 } });
  // @ts-expect-error: addresses are texts
  await Sandbox.create({ hosts: { a: 5 } });
  // @ts-expect-error: a door that there is not
  await Sandbox.create({ privileged: true });
  // @ts-expect-error: made by create()
  new Sandbox();
}

export async function inside(): Promise<void> {
  expectType<NamespaceProcess>()(await box.spawn('x', [], { capabilities: [], pty: {} }));
  expectType<ExecResult<Buffer>>()(await box.exec('x', { encoding: 'buffer' }));
  expectType<NamespaceProcess>()(await box.fork('x.js'));
  expectType<NamespaceSet>()(box.namespaces);
  expectType<Buffer>()(await box.readFile('/x'));
  expectType<string>()(await box.readFile('/x', 'utf8'));
  expectType<Readable>()(await box.createReadStream('/x'));
  expectType<Writable>()(await box.createWriteStream('/x'));
  expectType<SandboxDirent[]>()(await box.readdir('/'));
  expectType<Change[]>()(await box.changes());

  // @ts-expect-error: these are the sandbox's to say
  await box.spawn('x', [], { unshare: ['net'] });
  // @ts-expect-error: so is this
  await box.exec('x', { cgroup: {} });
}

export async function filters(profile: SeccompProfile): Promise<void> {
  expectType<CompiledSeccomp>()(compileSeccomp(profile, { arch: 'arm64' }));
  expectType<SeccompProfile>()(defaultSeccompProfile({ userNamespaces: false }));
  for (const seccomp of ['default', 'none', profile, new Uint8Array(), [new Uint8Array()]] as const) {
    await spawn('x', [], { seccomp });
  }
  // @ts-expect-error: no such action
  compileSeccomp({ defaultAction: 'ALLOW' });
  // @ts-expect-error: a profile is an object, not its file
  await spawn('x', [], { seccomp: 'profile.json' });
}
