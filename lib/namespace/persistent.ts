import type { NamespaceHandle } from '../handle/namespace-handle';
import { resolve } from 'node:path';
import { NamespaceError, closedError } from '../errors/namespace-error';
import { inspectAs } from '../handle/inspect';
import { explain } from '../hints/explain';
import { run } from '../launch/launch';
import type { NamespaceKind } from '../kernel/namespace-kind';

/**
 * A namespace that a bind mount keeps alive until {@link PersistentNamespace.delete}, or until somebody else unmounts
 * the file. It outlives this process, and nothing is undone when this object is collected as garbage.
 *
 * `await using kept = await net.persist(path)` deletes it at the end of the scope; declare it so only if that is meant.
 */
export class PersistentNamespace {
  static {
    inspectAs(this, (kept) => ({ [String(kept)]: true, path: kept.path }));
  }

  /** The file it is mounted on, as an absolute path. `Namespace.open()` opens it. */
  readonly path: string;
  /** Its kind. */
  readonly kind: NamespaceKind;
  /** Its inode number. */
  readonly id: bigint;
  #deleting: Promise<void> | undefined;

  /** @internal */
  constructor(path: string, { kind, id }: Pick<NamespaceHandle, 'kind' | 'id'>) {
    this.path = path;
    this.kind = kind;
    this.id = id;
  }

  /**
   * Unmounts and deletes the file; the kernel destroys the namespace if nothing else refers to it. Calling it again
   * does nothing, unless the first call failed.
   *
   * @throws NamespaceError `ERR_LINUX_NS_NOT_MOUNTED` when the file is not a mount of this namespace any more
   */
  async delete(): Promise<void> {
    this.#deleting ??= this.#delete().catch((error: unknown) => {
      this.#deleting = undefined;
      throw error;
    });
    await this.#deleting;
  }

  /** {@link PersistentNamespace.delete} */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.delete();
  }

  /** The text of the namespace's link in `/proc/PID/ns`: `'net:[4026531840]'`. */
  toString(): string {
    return `${this.kind}:[${this.id}]`;
  }

  /** For JSON.stringify(), which refuses a bigint: `path`, `kind`, and `id` as a number. */
  toJSON(): object {
    return { path: this.path, kind: this.kind, id: Number(this.id) };
  }

  async #delete(): Promise<void> {
    const { path, kind } = this;
    const step = `remove ${path}`;
    try {
      // One task both checks and unmounts, because others may be able to exchange the file under the name.
      await run({}, [['netns_remove', path, [Number(this.id)]]]);
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ESTALE') throw this.#notMounted(step);
      throw asAttempt(error, { step, operation: 'umount', path, kind });
    }
  }

  #notMounted(step: string): NamespaceError {
    const { path, kind } = this;
    const message = `${String(this)} is not mounted there any more`;
    return new NamespaceError({ code: 'ERR_LINUX_NS_NOT_MOUNTED', message, step, path, kind });
  }
}

/** Mounts a namespace on a file that is made for it, by the task that mounts it, or leaves nothing behind. */
export async function persist(namespace: NamespaceHandle, file: string): Promise<PersistentNamespace> {
  const path = resolve(file);
  const { kind } = namespace;
  if (namespace.closed) throw closedError(String(namespace));
  try {
    await run({}, [['netns_add', path, [namespace.fd]]]);
  } catch (error) {
    throw asAttempt(error, { step: `persist on ${path}`, operation: 'persist', path, kind });
  }
  return new PersistentNamespace(path, namespace);
}

/** The failure of the step, with the words of the operation that it was for. */
function asAttempt(
  cause: unknown,
  attempt: { step: string; operation: string; path: string; kind: NamespaceKind },
): unknown {
  const { errno, syscall } = cause as Partial<NamespaceError>;
  if (errno === undefined || syscall === undefined) return cause;
  const hint = explain({ ...attempt, errno: Math.abs(errno), syscall });
  return new NamespaceError({ ...attempt, errno, syscall, hint, cause });
}
