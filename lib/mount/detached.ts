import { OURS, mustBeOurs } from '../errors/illegal-constructor';
import { resolve } from 'node:path';
import { closedError } from '../errors/namespace-error';
import { boolean, schema } from '../errors/schema';
import { validatePath } from '../errors/validate';
import { type Target, joinsMounts, run } from '../launch/launch';
import { validateJoin } from '../launch/join';
import { PLACE } from '../plan/place';
import { Descriptor, closeDescriptor } from '../handle/descriptor';
import { closeWhenForgotten, notForgotten } from '../handle/forgotten';
import { inspectAs } from '../handle/inspect';
import type { Joinable } from '../namespace/namespace';
import { NEW_MOUNT, type NewMountAttributes, attributesOf } from './attributes';
import type { Locate } from './locate';
import { type FilesystemSpec, SPEC, mountFilesystem, treeStep } from './mount';

/** Options of {@link openTree}. */
export interface OpenTreeOptions extends NewMountAttributes {
  /** True: includes the mounts below, and sets the attributes on all of them. Default false. */
  recursive?: boolean | undefined;
}

/** Options of {@link DetachedMount.attach}. */
export interface AttachOptions {
  /**
   * Namespaces to join before, for example a {@link NamespaceSet}: the target is then a path there. Default: those of
   * this process.
   */
  setns?: Joinable | undefined;
  /** True: creates a missing target, and missing directories on the way to it. Default false. */
  create?: boolean | undefined;
}

const OPEN_TREE = schema<OpenTreeOptions>()({ ...NEW_MOUNT.checks, recursive: boolean });
const ATTACH = schema<AttachOptions>()({ setns: validateJoin, create: boolean });

let construct: (fd: number, what: string) => DetachedMount;

/**
 * A mount, or a tree of mounts, that is not attached anywhere: no path leads to it. {@link openTree} and {@link
 * fsmount} create one, and `attach()` attaches it, in any mount namespace. open_tree(2), fsmount(2)
 *
 * In this way a privileged process can create a mount that an unprivileged one cannot create, and attach it there: an
 * id-mapped directory of the host, or a disk image, in the namespaces of an ordinary user.
 *
 * Close it, or declare it with `await using`. An object that is forgotten instead is collected as garbage, and then
 * unmounted, with a process warning (`LINUX_NS_UNCLOSED`).
 *
 * @example
 * ```ts
 * await using tree = await openTree('/usr/share', { recursive: true, readOnly: true });
 * await tree.attach('/mnt', { setns: set });
 * ```
 */
export class DetachedMount {
  static {
    construct = (fd, what) => new DetachedMount(OURS, fd, what);
    inspectAs(this, ({ source, closed }) => ({ source, closed }));
  }

  /** The source of the mount: a path, or the type of the filesystem. */
  readonly source: string;
  readonly #descriptor: Descriptor;

  private constructor(key: symbol, fd: number, source: string) {
    mustBeOurs(key, 'await openTree() or fsmount()');
    this.source = source;
    const descriptor = new Descriptor(fd);
    this.#descriptor = descriptor;
    closeWhenForgotten(this, `A DetachedMount (${source})`, descriptor, closeDescriptor);
  }

  /**
   * A descriptor of its root directory (O_PATH): `/proc/self/fd/N/file` is a path inside. This object owns it: do not
   * close it. @throws NamespaceError `ERR_LINUX_NS_CLOSED`
   */
  get fd(): number {
    if (this.closed) throw closedError(this.#title);
    return this.#descriptor.fd;
  }

  /**
   * True once it has been closed or attached. An attached mount is an ordinary one, which this object no longer owns.
   */
  get closed(): boolean {
    return this.#descriptor.closed;
  }

  /**
   * Attaches it: move_mount(2). Needs CAP_SYS_ADMIN in the user namespace that owns the mount namespace. It succeeds
   * once; after a failure this object still owns the mount.
   *
   * @throws NamespaceError `ENOENT`, `ENOTDIR`, `EPERM`, …; `ERR_LINUX_NS_CLOSED` the second time
   */
  async attach(target: string | URL, options: AttachOptions = {}): Promise<void> {
    const path = validatePath('target', target);
    const { setns: join = [], create = false } = ATTACH('options', options);
    const fields = { set: 0, clear: 0, propagation: 0, userns: [] as [] };
    const tree = { source: this.source, fd: this.fd, fields };
    const flags = create ? PLACE.MAKE_MISSING : 0;
    const place = { path: joinsMounts({ join }) ? path : resolve(path), flags };
    await run({ join }, [treeStep(tree, place, PLACE.NO_COPY)]);
    await this.close();
  }

  /** Unmounts it, if it has not been attached. Calling it again changes nothing. */
  async close(): Promise<void> {
    notForgotten(this);
    await this.#descriptor.close();
  }

  /** Calls {@link DetachedMount.close}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #title(): string {
    return `The DetachedMount of ${this.source}`;
  }
}

/**
 * Makes a detached copy of the mount at a path, or of a directory in it: open_tree(2). It acts on this process's own
 * mount namespace, and needs CAP_SYS_ADMIN in the user namespace that owns it. The method of {@link NamespaceSet} acts
 * inside that set.
 *
 * @throws NamespaceError `ENOENT`, `EPERM`; `EINVAL` for an unbindable mount, and without `recursive` where a mount
 *   below is locked
 *
 * @example
 * ```ts
 * const tree = await openTree('/srv/data', { readOnly: true, idmap: set.user });
 * ```
 */
export async function openTree(path: string | URL, options: OpenTreeOptions = {}): Promise<DetachedMount> {
  return openTreeIn({}, path, options, resolve);
}

/** The same in the mount namespace of `target`. */
export async function openTreeIn(
  target: Target,
  path: unknown,
  options: unknown,
  locate: Locate,
): Promise<DetachedMount> {
  const source = locate(validatePath('path', path));
  const given = OPEN_TREE('options', options);
  const fields = attributesOf('options', given);
  const flags = given.recursive === true ? PLACE.RECURSIVE : 0;
  const { fds } = await run(target, [treeStep({ source, fields }, undefined, flags)]);
  return construct(fds[0] ?? -1, source);
}

/**
 * Mounts a new filesystem without attaching it: fsopen(2), fsmount(2). It needs the same privileges as {@link
 * openTree}; the options are those of {@link mount}.
 *
 * @throws NamespaceError as {@link mount}
 *
 * @example
 * ```ts
 * const scratch = await fsmount({ type: 'tmpfs', size: '64m', noSuid: true });
 * ```
 */
export async function fsmount(spec: FilesystemSpec): Promise<DetachedMount> {
  return fsmountIn({}, spec, resolve);
}

/** The same in the namespaces of `target`. */
export async function fsmountIn(target: Target, given: unknown, locate: Locate): Promise<DetachedMount> {
  const spec = SPEC('options', given);
  const fd = await mountFilesystem(target, spec, locate);
  return construct(fd ?? -1, spec.type);
}
