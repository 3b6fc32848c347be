/**
 * What the compiler says of programs and sets. Nothing here is run: `npm run lint:types` compiles it, and each
 * `@ts-expect-error` is an error where there is none.
 */
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import {
  type ClonedProcess,
  type ExecResult,
  type Exit,
  type IdMap,
  type Namespace,
  type NamespaceKind,
  type NamespaceProcess,
  type NamespaceSet,
  type Pty,
  clone,
  exec,
  execFile,
  fork,
  setns,
  spawn,
  thread,
  unshare,
} from 'linux-ns';
import { type Equal, expectType } from './equal';

declare const set: NamespaceSet;
declare const net: Namespace;

export async function programs(): Promise<void> {
  // As child_process has them: with and without arguments.
  expectType<NamespaceProcess>()(await spawn('true'));
  expectType<NamespaceProcess>()(await spawn('true', ['x'] as const, { cwd: new URL('file:///') }));
  expectType<NamespaceProcess>()(await spawn('true', { env: { A: undefined } }));
  expectType<NamespaceProcess>()(await spawn('true', null, { shell: true }));
  expectType<NamespaceProcess>()(await spawn('true', { unshare: ['user', 'pid'], pid: 4242 }));
  expectType<NamespaceProcess>()(await set.spawn('true', { pid: [4242, 70000] as const }));
  // @ts-expect-error A pid is a number.
  await spawn('true', { pid: '4242' });
  expectType<NamespaceProcess>()(
    await fork(new URL('file:///x.js'), ['x'], { silent: true, serialization: 'advanced' }),
  );
  expectType<NamespaceProcess>()(await fork('x.js', { hostNode: true }));
  expectType<ClonedProcess>()(await clone({ file: 'true', unshare: 'net', stdio: [0, 1, 2] }));

  // @ts-expect-error: the file is a string
  await spawn(['true']);
  // @ts-expect-error: an option that there is not
  await spawn('true', [], { unshrae: ['net'] });
  // @ts-expect-error: a kind that there is not
  await spawn('true', [], { unshare: ['network'] });
  // @ts-expect-error: nobody reads the streams of execFile
  await execFile('true', [], { stdio: 'pipe' });
  // @ts-expect-error: fork takes no terminal
  await fork('x.js', [], { pty: {} });
  // @ts-expect-error: nor a shell
  await fork('x.js', [], { shell: true });
  // @ts-expect-error: a clone has no streams
  await clone({ file: 'true', stdio: 'pipe' });
  // @ts-expect-error: the program is what a clone is of
  await clone({ unshare: 'net' });
}

export async function output(): Promise<void> {
  expectType<ExecResult>()(await exec('x'));
  expectType<string>()((await exec('x')).stdout);
  expectType<string>()((await execFile('x', ['y'], { encoding: 'latin1' })).stderr);
  expectType<Buffer>()((await exec('x', { encoding: 'buffer' })).stdout);
  expectType<Buffer>()((await execFile('x', [], { encoding: null })).stdout);
  expectType<Buffer>()((await execFile('x', { encoding: 'buffer' })).stderr);
  expectType<Buffer>()((await set.exec('x', { encoding: 'buffer' })).stdout);
  // @ts-expect-error: no encoding
  await exec('x', { encoding: 'utf-9' });
}

export async function streams(child: NamespaceProcess): Promise<void> {
  expectType<number>()(child.pid);
  expectType<Writable | null>()(child.stdin);
  expectType<Readable | null>()(child.stdout);
  expectType<ChildProcess['stdio']>()(child.stdio);
  expectType<Pty | null>()(child.pty);
  expectType<Exit>()(await child.exited);
  expectType<NodeJS.Signals | null>()((await child.exited).signal);
  child.on('exit', (code, signal) => {
    expectType<number | null>()(code);
    expectType<NodeJS.Signals | null>()(signal);
  });
  child.on('error', (error) => expectType<Error>()(error));

  await spawn('x', [], { stdio: 'inherit' });
  await spawn('x', [], { stdio: ['pipe', 1, process.stderr, 'ipc', null, undefined, 'ignore', 'overlapped'] });
  // @ts-expect-error: 'ipc' is one of several
  await spawn('x', [], { stdio: 'ipc' });
  // @ts-expect-error: no word for it
  await spawn('x', [], { stdio: ['pipe', 'file'] });
  // @ts-expect-error: the size is in numbers
  await spawn('x', [], { pty: { cols: '80' } });
}

export async function sets(): Promise<void> {
  expectType<NamespaceSet>()(await unshare('net'));
  expectType<NamespaceSet>()(await unshare(['user', 'net'] as const, { setns: [net] }));
  await unshare({ user: { uidMap: 'auto', gidMap: [{ inside: 0, outside: 0, count: 1 }] }, time: { boottime: 1n } });
  await unshare({ mnt: { propagation: 'unchanged' }, net: { loopback: false }, uts: { hostname: 'x' }, pid: true });
  expectType<NamespaceSet>()(await setns({ pid: 1, kinds: ['net'] }));
  expectType<NamespaceSet>()(await setns([net, ...set]));

  expectType<Namespace | undefined>()(set.net);
  expectType<Namespace | undefined>()(set.get('user'));
  expectType<Namespace[]>()([...set]);
  expectType<NamespaceKind>()(net.kind);
  expectType<bigint>()(net.id);
  expectType<Namespace | null>()(await net.parent());
  expectType<Buffer>()(await set.readFile('/x'));
  expectType<string>()(await set.readFile('/x', 'utf8'));
  // @ts-expect-error: sockets are made by a Network
  expectType<unknown>()(set.connect);

  const either = process.argv.length > 2 ? 'utf8' : null;
  expectType<string | Buffer>()((await exec('x', { encoding: either })).stdout);
  expectType<string | Buffer>()((await execFile('x', [], { encoding: either })).stdout);
  expectType<string | Buffer>()((await set.exec('x', { encoding: either })).stdout);
  expectType<string | Buffer>()((await set.execFile('x', { encoding: either })).stdout);
  expectType<string>()((await exec('x', { encoding: 'utf8', timeout: 1 })).stdout);
  expectType<Buffer>()((await set.exec('x', { encoding: null })).stdout);

  // @ts-expect-error: `false` is to leave it out
  await unshare({ net: false });
  // @ts-expect-error: there is nothing to say of a pid namespace
  await unshare({ pid: { init: true } });
  // @ts-expect-error: `inside`, `outside`, `count`
  await unshare({ user: { uidMap: [{ container: 0, host: 0, size: 1 }] } });
  // @ts-expect-error: a set has its own
  await set.spawn('x', [], { setns: set });
  // @ts-expect-error: nobody closes a handle by hand
  net.fd = 3;
  // @ts-expect-error: made by unshare() and setns()
  new (set.constructor as typeof NamespaceSet)();
  // @ts-expect-error: a thread of several cannot
  thread.unshareSync('user');
}

type Assignable<From, To> = From extends To ? true : false;

/** What takes a process of Node's takes one of ours. */
export const isOneOfNodes: Assignable<NamespaceProcess, ChildProcess> = true;

export type Checks = [
  Equal<NamespaceKind, 'cgroup' | 'ipc' | 'mnt' | 'net' | 'pid' | 'time' | 'user' | 'uts'>,
  Equal<Extract<IdMap, string>, 'root' | 'current' | 'auto'>,
] extends true[]
  ? 'the unions are these'
  : never;
expectType<Checks>()('the unions are these' as const);
