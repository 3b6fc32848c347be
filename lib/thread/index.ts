/**
 * Changes the namespaces of the calling thread itself: for a Worker that does nothing else.
 *
 * Everything else in this package leaves Node's threads where they are. These two functions move one, with
 * consequences:
 *
 * - Only the Worker's own thread moves. Work that Node does on libuv's pool, whose threads all Workers share, stays in
 *   the namespaces where it was: all of `fs` but its `…Sync` functions, `dns.lookup()` (and so `net.connect()` to a
 *   name), `crypto` and `zlib` jobs. Sockets are created on the Worker's thread, so `net` and `dgram` with IP addresses
 *   do move.
 * - A thread does not go back by itself: keep a `Namespace` from before and call `setnsSync()` with it, or let the
 *   Worker end. A Worker's thread is not used again.
 * - Threads and processes that the Worker's thread starts from then on are born in its namespaces: Workers and
 *   `child_process` of that Worker, and libuv's pool itself when that Worker is the first to use it.
 * - `/proc/self` shows the main thread of the process: the Worker's own files are in `/proc/thread-self`.
 *
 * @module
 */
import { isMainThread } from 'node:worker_threads';
import { NamespaceError, closedError } from '../errors/namespace-error';
import { invalidType, invalidValue, validateArray, validateOneOf } from '../errors/validate';
import { systemError } from '../errors/system-error';
import { refuseTasks } from '../task/task';
import { native } from '../native';
import { CLONE_FLAGS, type NamespaceKind, flagsOfKinds } from '../kernel/namespace-kind';
import { type Namespace, isNamespace } from '../namespace/namespace';
import { loadEverything } from './everything';

/**
 * The kinds that one thread of a process can change. A thread cannot change `user` and `time` alone, and `pid` concerns
 * only children.
 */
export type ThreadNamespaceKind = Exclude<NamespaceKind, 'user' | 'pid' | 'time'>;

const KINDS: readonly ThreadNamespaceKind[] = ['cgroup', 'ipc', 'mnt', 'net', 'uts'];

/**
 * A thing other than a namespace that the threads of a process share. unshare(2) gives the calling thread its own copy:
 *
 * - `'files'`: the table of descriptors (CLONE_FILES);
 * - `'fs'`: the root, the working directory and the umask (CLONE_FS);
 * - `'sysvsem'`: the list of System V semaphores to undo at its end (CLONE_SYSVSEM).
 */
export type ThreadAttribute = 'files' | 'fs' | 'sysvsem';

/** `<linux/sched.h>`; unshare(2) takes them with the meaning reversed. */
const ATTRIBUTES: Readonly<Record<ThreadAttribute, number>> = { files: 0x400, fs: 0x200, sysvsem: 0x40000 };

/**
 * Moves the calling Worker's thread into new namespaces: unshare(2). Nothing is set up in them: mounts keep their
 * propagation, `lo` is down. With `mnt` the thread also gets a root and working directory of its own (CLONE_FS).
 *
 * Namespaces need CAP_SYS_ADMIN. The call blocks for as long as the kernel needs, about a millisecond for `net`.
 *
 * The other words, `'files'`, `'fs'` and `'sysvsem'`, need no privilege. After `'fs'`, the `…Sync` functions of `fs`
 * resolve relative paths in the thread's own working directory, which `process.chdir()` cannot set in a Worker; it is
 * meant for mounts and for the `chroot(2)` of native code. After `'files'`, a descriptor that this thread opens is its
 * own. Jobs on libuv's pool (all of `fs` but its `…Sync` functions) do not know it, and neither do the threads of this
 * package, so everything here that starts a task rejects in that Worker. Descriptors that the thread leaves open are
 * closed when it ends.
 *
 * @param kinds - `'cgroup'`, `'ipc'`, `'mnt'`, `'net'`, `'uts'`, `'files'`, `'fs'` and `'sysvsem'`, one or several
 * @throws NamespaceError `ERR_LINUX_NS_MAIN_THREAD` outside of a Worker; `EPERM`, `ENOSPC`, … with a `hint`
 *
 * @example
 * ```ts
 * // in a Worker
 * thread.unshareSync(['uts', 'net']);
 * ```
 */
export function unshareSync(
  kinds: ThreadNamespaceKind | ThreadAttribute | readonly (ThreadNamespaceKind | ThreadAttribute)[],
): void {
  const all: unknown = typeof kinds === 'string' ? [kinds] : kinds;
  validateArray('kinds', all);
  if (all.length === 0) throw invalidValue('kinds', kinds, 'must name at least one kind of namespace');
  const words = all.map((word: unknown, index) => {
    validateOneOf(`kinds[${index}]`, word, [...KINDS, ...attributes]);
    return word;
  });
  mustBeWorker('unshareSync');
  loadEverything();
  const namespaces = words.filter(isKind);
  const others = words.filter((word) => !isKind(word)).reduce((flags, word) => flags | ATTRIBUTES[word], 0);
  try {
    native().unshareThread(flagsOfKinds(namespaces) | others);
  } catch (error) {
    throw systemError(error, { step: `unshare ${words.join(', ')}`, operation: 'unshareSync', kinds: namespaces });
  }
  if (words.includes('files')) refuseTasks();
}

/** The words that {@link unshareSync} takes. */
type Unshared = ThreadNamespaceKind | ThreadAttribute;

const attributes = Object.keys(ATTRIBUTES) as ThreadAttribute[];

function isKind(word: Unshared): word is ThreadNamespaceKind {
  return (KINDS as readonly string[]).includes(word);
}

/**
 * Moves the calling Worker's thread into a namespace that exists: setns(2).
 *
 * Needs CAP_SYS_ADMIN in the user namespace that owns it and in the thread's own. With a mount namespace the thread
 * gets a root and working directory of its own (CLONE_FS), which are then the root of that namespace.
 *
 * @param namespace - a namespace of kind `cgroup`, `ipc`, `mnt`, `net` or `uts`
 * @throws NamespaceError `ERR_LINUX_NS_MAIN_THREAD` outside of a Worker; `EPERM`, `EINVAL`, … with a `hint`
 */
export function setnsSync(namespace: Namespace): void {
  if (!isNamespace(namespace)) throw invalidType('namespace', 'an instance of Namespace', namespace);
  if (namespace.closed) throw closedError(String(namespace));
  const { kind, fd } = namespace;
  validateOneOf('namespace.kind', kind, KINDS);
  mustBeWorker('setnsSync');
  loadEverything();
  try {
    native().setnsThread(fd, CLONE_FLAGS[kind]);
  } catch (error) {
    throw systemError(error, { step: `join ${kind}`, operation: 'setnsSync', kind });
  }
}

/** Refuses the main thread: it is the event loop and /proc/self, and it would move without libuv's pool. */
function mustBeWorker(name: string): void {
  if (!isMainThread) return;
  throw new NamespaceError({
    code: 'ERR_LINUX_NS_MAIN_THREAD',
    message: `${name}() works only in a Worker: it moves the calling thread, and the main one is the whole process's`,
    hint: `Call it in a Worker that has nothing else to do, or use unshare(), setns() and spawn(), which move no thread.`,
  });
}
