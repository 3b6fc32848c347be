import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { closedError } from '../errors/namespace-error';
import { validateBoolean, validateKnownKeys, validateObject, validatePath } from '../errors/validate';
import { type Target, joinsMounts, run, validateJoin } from '../launch/target';
import { Descriptor } from '../namespace/descriptor';
import { disown, own } from '../namespace/forgotten';
import type { Namespace } from '../namespace/namespace';
import { NEW_MOUNT_KEYS, type NewMountAttributes, validateAttributes } from './attributes';
import { PLACE } from './flags';
import type { Locate } from './locate';
import { type FilesystemSpec, SPEC_KEYS, mountFilesystem, treeStep } from './mount';

/** What {@link openTree} makes of a path. */
export interface OpenTreeOptions extends NewMountAttributes {
  /** What is mounted below comes along, and the attributes are for all of it. Default false. */
  recursive?: boolean | undefined;
}

/** Where a detached mount goes. */
export interface AttachOptions {
  /** Namespaces to be joined first, a {@link NamespaceSet} for one: the target is a path there. Default: the host's. */
  setns?: Iterable<Namespace> | undefined;
  /** A missing target is made, and directories on the way to it. Default false. */
  create?: boolean | undefined;
}

let construct: (fd: number, what: string) => DetachedMount;

/**
 * A mount, or a tree of mounts, that has no place: no path leads to it, and no process sees it. {@link openTree} and
 * {@link fsmount} make one, `attach()` puts it in its place, in whatever mount namespace. open_tree(2), fsmount(2)
 *
 * So what takes privileges is done where they are, and the result is handed to where they are not: an id-mapped
 * directory of the host's, or a disk image, in the namespaces of an ordinary user.
 *
 * Close it, or declare it with `await using`. One that is forgotten instead is unmounted when it is collected as garbage,
 * with a process warning (`LINUX_NS_UNCLOSED`).
 *
 * @example
 * ```ts
 * await using tree = await openTree('/usr/share', { recursive: true, readOnly: true });
 * await tree.attach('/mnt', { setns: set });
 * ```
 */
export class DetachedMount {
  static {
    construct = (fd, what) => new DetachedMount(fd, what);
  }

  /** What it is made of: a path, or the type of the filesystem. */
  readonly source: string;
  readonly #descriptor: Descriptor;

  private constructor(fd: number, source: string) {
    this.source = source;
    const descriptor = new Descriptor(fd);
    this.#descriptor = descriptor;
    own(this, { what: `A DetachedMount (${source})`, close: () => descriptor.close() });
  }

  /**
   * A descriptor of its uppermost directory (O_PATH), for the calls that take one: `/proc/self/fd/N/file` leads inside. It
   * stays this object's own. @throws NamespaceError `ERR_LINUX_NS_CLOSED`
   */
  get fd(): number {
    if (this.closed) throw closedError(this.#title);
    return this.#descriptor.fd;
  }

  /** Whether it has been closed, or attached: then it is a mount like others, and not this object's any more. */
  get closed(): boolean {
    return this.#descriptor.closed;
  }

  /**
   * Puts it in its place: move_mount(2). Takes CAP_SYS_ADMIN in the user namespace that owns the mount namespace. That can
   * be done once; when it fails, the mount is still this object's.
   *
   * @throws NamespaceError `ENOENT`, `ENOTDIR`, `EPERM`, …; `ERR_LINUX_NS_CLOSED` the second time
   */
  async attach(target: string | URL, options: AttachOptions = {}): Promise<void> {
    const path = validatePath('target', target);
    const { join, flags } = validateAttach(options);
    const fields = { set: 0, clear: 0, propagation: 0, userns: [] as [] };
    const tree = { source: this.source, fd: this.fd, fields };
    const place = { path: joinsMounts({ join }) ? path : resolve(path), flags };
    await run({ join }, [treeStep(tree, place, PLACE.NO_COPY)]);
    await this.close();
  }

  /** Unmounts it, if it has not been attached. Calling it again changes nothing. */
  async close(): Promise<void> {
    disown(this);
    await this.#descriptor.close();
  }

  /** Calls {@link DetachedMount.close}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal */
  [inspect.custom](): string {
    return `DetachedMount { ${this.source}${this.closed ? ', closed' : ''} }`;
  }

  get #title(): string {
    return `The DetachedMount of ${this.source}`;
  }
}

/**
 * A copy of what is mounted at a path, or of a part of it, that has no place yet: open_tree(2). It acts on this process's
 * own mount namespace, and takes CAP_SYS_ADMIN in the user namespace that owns it. The same on a {@link NamespaceSet}
 * acts inside that.
 *
 * @throws NamespaceError `ENOENT`, `EPERM`; `EINVAL` where mounts below may not be left out, and for what is unbindable
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
  validateObject('options', options);
  validateKnownKeys('options', options, ['recursive', ...NEW_MOUNT_KEYS]);
  const { recursive = false } = options as OpenTreeOptions;
  validateBoolean('options.recursive', recursive);
  const fields = validateAttributes('options', options);
  const { fds } = await run(target, [treeStep({ source, fields }, undefined, recursive ? PLACE.RECURSIVE : 0)]);
  return construct(fds[0] ?? -1, source);
}

/**
 * A new filesystem that has no place yet: fsopen(2), fsmount(2). Where it acts, and what it takes, is as for
 * {@link openTree}; the options are those of {@link mount}.
 *
 * @throws NamespaceError as {@link mount}
 *
 * @example
 * ```ts
 * const scratch = await fsmount({ type: 'tmpfs', size: '64m', nosuid: true });
 * ```
 */
export async function fsmount(spec: FilesystemSpec): Promise<DetachedMount> {
  return fsmountIn({}, spec, resolve);
}

/** The same in the namespaces of `target`. */
export async function fsmountIn(target: Target, value: unknown, locate: Locate): Promise<DetachedMount> {
  validateObject('options', value);
  validateKnownKeys('options', value, SPEC_KEYS);
  const spec = value as FilesystemSpec;
  const fd = await mountFilesystem(target, spec, locate);
  return construct(fd ?? -1, spec.type);
}

function validateAttach(options: unknown): { join: readonly Namespace[]; flags: number } {
  validateObject('options', options);
  validateKnownKeys('options', options, ['setns', 'create']);
  const { setns = [], create = false } = options as AttachOptions;
  validateBoolean('options.create', create);
  return { join: validateJoin('options.setns', setns), flags: create ? PLACE.MAKE_MISSING : 0 };
}
