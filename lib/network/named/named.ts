/**
 * Network namespaces with a name. Each is a file of /run/netns, as ip-netns(8) describes, so that iproute2 and this
 * package can both use them.
 */
import type { Stats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import type { Step } from '../../../types/native';
import { boolean, schema } from '../../errors/schema';
import { validatePid } from '../../errors/validate';
import { systemError } from '../../errors/system-error';
import { run } from '../../launch/launch';
import { CLONE_FLAGS, type NamespaceKind } from '../../kernel/namespace-kind';
import { Namespace } from '../../namespace/namespace';
import type { NamespaceSet } from '../../set/namespace-set';
import { PersistentNamespace } from '../../namespace/persistent';
import { CALL, type CallOptions, signalOf } from '../../set/call-options';
import { type NetworkTarget, membersOf } from '../place';
import { enter } from './enter';
import { RUN_DIRECTORY, kindOf, namesIn, namesOf, openNamed, pathOf, validateName } from '../../namespace/run-netns';
import { makeStep } from '../../plan/step';

/** Options of {@link NetworkNamespaces.add}. Unknown ones are errors. */
export interface AddNetworkNamespaceOptions extends CallOptions {
  /** Brings lo up, as {@link unshare} does and `ip netns add` does not. Default: true. */
  loopback?: boolean | undefined;
  /** An existing network namespace to give the name to, as `ip netns attach` does. Default: a new one is created. */
  namespace?: NetworkTarget | undefined;
}

/** A file of /run/netns. */
export interface NetworkName {
  /** The name of the file. */
  name: string;
  /**
   * The kind of the namespace that is mounted on the file, which should be `'net'`. Absent where no namespace is
   * mounted there, and where this process may not open it.
   */
  kind?: NamespaceKind;
}

/**
 * Network namespaces that have a name, shared with `ip netns`: each of the two sees, uses and deletes what the other has
 * created. They exist until they are deleted, and outlive this process.
 *
 * The name is that of a file in /run/netns, on which the namespace is mounted. To add or delete one needs CAP_SYS_ADMIN
 * in the user namespace that owns the mount namespace of this process: root has it, and so has a program that runs in
 * new `user` and `mnt` namespaces with a /run of its own. `ip-netns(8)`
 */
export interface NetworkNamespaces {
  /**
   * Creates a network namespace with a name, as `ip netns add` does; with `namespace` it gives the name to an existing
   * one, as `ip netns attach` does.
   *
   * @returns an object that can delete it; nothing needs to be closed
   * @throws NamespaceError `EEXIST` when the name is taken, `EPERM` or `EACCES` without the privilege
   *
   * @example
   * ```ts
   * await networkNamespaces.add('blue');
   * const blue = await networkNamespaces.open('blue');
   * ```
   */
  readonly add: (name: string, options?: AddNetworkNamespaceOptions) => Promise<PersistentNamespace>;
  /**
   * Lists the names of network namespaces, in alphabetical order: `ip netns list`. Other files of /run/netns are left
   * out; {@link NetworkNamespaces.entries} lists them. A file that a killed process has left behind while it ran {@link
   * NetworkNamespaces.add} is removed, if this process may do that.
   */
  readonly list: () => Promise<string[]>;
  /**
   * Lists all files of /run/netns, in alphabetical order, with the kind of namespace that is mounted on each.
   *
   * @example
   * ```ts
   * const odd = (await networkNamespaces.entries()).filter(({ kind }) => kind !== 'net');
   * ```
   */
  readonly entries: () => Promise<NetworkName[]>;
  /**
   * Opens a network namespace by its name; the caller closes the handle.
   *
   * @throws NamespaceError `ENOENT` when there is no such name; `EINVAL` when nothing is mounted on the file;
   * `ERR_LINUX_NS_NO_SUCH_KIND` when it is a namespace of another kind. `enter` and `pids` throw the same errors
   */
  readonly open: (name: string) => Promise<Namespace>;
  /**
   * Removes a name: `ip netns delete`. The kernel destroys the namespace if nothing else refers to it: no process,
   * handle or socket.
   *
   * @throws NamespaceError `ENOENT` when there is no such name
   */
  readonly delete: (name: string, options?: CallOptions) => Promise<void>;
  /**
   * Makes a set to run programs in, as `ip netns exec` does: the network namespace and a new mount namespace, in which
   * files of /etc/netns/NAME are mounted over those of /etc, and /sys shows the devices of that network. Later mounts
   * of the host appear inside, but not the other way round. A file of /etc/netns/NAME that /etc does not have is left
   * out.
   *
   * @returns a set, which the caller closes
   *
   * @example
   * ```ts
   * const blue = await networkNamespaces.enter('blue');
   * console.log((await blue.execFile('cat', ['/etc/resolv.conf'])).stdout); // that of /etc/netns/blue
   * ```
   */
  readonly enter: (name: string, options?: CallOptions) => Promise<NamespaceSet>;
  /**
   * Finds the names of a network namespace, or those of the network namespace of a process: `ip netns identify`.
   * Default: this process's own.
   */
  readonly identify: (target?: NetworkTarget | number | 'self') => Promise<string[]>;
  /** Lists the pids of the processes in a network namespace, as far as this process may see them: `ip netns pids`. */
  readonly pids: (name: string) => Promise<number[]>;
}

/** Network namespaces that have a name: {@link NetworkNamespaces}. */
export const networkNamespaces: NetworkNamespaces = Object.freeze({
  ...{ add, list, entries, open, delete: deleteNamed, enter, identify, pids },
});

const ADD = schema<AddNetworkNamespaceOptions>()({
  ...CALL.checks,
  loopback: boolean,
  namespace: (label, value) => membersOf(label, value).net,
});

async function add(name: string, options: AddNetworkNamespaceOptions = {}): Promise<PersistentNamespace> {
  validateName('name', name);
  const { loopback = true, namespace: given, signal } = ADD('options', options);
  const path = pathOf(name);
  // The directory comes first: a caller without the permission gets the error before a namespace is made.
  const steps: Step[] = [['netns_directory', RUN_DIRECTORY]];
  if (given === undefined) steps.push(makeStep('unshare', { flags: CLONE_FLAGS.net }));
  if (given === undefined && loopback) steps.push(['loopback']);
  steps.push(['netns_add', path, given === undefined ? [] : [given.fd]]);
  await run({}, steps, signal);
  const { ino } = await statOf(path);
  return new PersistentNamespace(path, { kind: 'net', id: ino });
}

async function list(): Promise<string[]> {
  return (await entries()).filter(({ kind }) => kind === 'net').map(({ name }) => name);
}

async function entries(): Promise<NetworkName[]> {
  const nsfs = await statOf('/proc/self/ns/net');
  const found: NetworkName[] = [];
  for (const name of await namesIn(RUN_DIRECTORY)) {
    const file = await lstat(pathOf(name)).catch(() => undefined);
    if (file === undefined) continue; // removed meanwhile
    if (file.dev !== Number(nsfs.dev)) {
      if (!waits(file) || !(await clear(name))) found.push({ name });
      continue;
    }
    const kind = await kindOf(name);
    found.push({ name, ...(kind === undefined ? {} : { kind }) });
  }
  return found;
}

/**
 * True for a file without a mount: its mount is about to be made, or its maker was killed. `src/nsinit/netns.c` can
 * tell the two apart.
 */
function waits(file: Stats): boolean {
  return file.isFile() && file.size === 0 && (file.mode & 0o7777) === WAITING && file.uid === process.geteuid?.();
}

/**
 * Removes a file that was left behind. @returns true where it is gone; without the permission false, and no error,
 * because the caller only lists
 */
async function clear(name: string): Promise<boolean> {
  return run({}, [['netns_clear', pathOf(name)]]).then(
    () => true,
    () => false,
  );
}

async function open(name: string): Promise<Namespace> {
  validateName('name', name);
  return openNamed(name);
}

async function deleteNamed(name: string, options: CallOptions = {}): Promise<void> {
  validateName('name', name);
  const signal = signalOf(options);
  await run({}, [['netns_remove', pathOf(name), []]], signal);
}

async function identify(target: NetworkTarget | number | 'self' = 'self'): Promise<string[]> {
  const names = await namesIn(RUN_DIRECTORY);
  if (typeof target === 'object') return namesOf(membersOf('target', target).net, names);
  if (target !== 'self') validatePid('target', target);
  const net = await Namespace.of(target, 'net');
  try {
    return await namesOf(net, names);
  } finally {
    await net.close();
  }
}

async function pids(name: string): Promise<number[]> {
  const namespace = await open(name);
  try {
    return await namespace.processes();
  } finally {
    await namespace.close();
  }
}

/** The mode of a file that waits for its mount: `WAITING` of src/nsinit/netns.c. */
const WAITING = 0o1000;

async function statOf(path: string): Promise<{ ino: bigint; dev: bigint }> {
  try {
    return await stat(path, { bigint: true });
  } catch (cause) {
    throw systemError(cause, { step: `look at ${path}`, operation: 'open', path, kind: 'net' });
  }
}
