import type { NamespaceKind } from '../kernel/namespace-kind';
import { describeErrno } from '../kernel/errno';

/** The parts of a {@link NamespaceError}. Either `errno`, or `code` with `message`, says what happened. */
export interface NamespaceErrorInit {
  /** The error number the kernel gave. Either sign is taken; the error carries Node's, which is negative. */
  errno?: number | undefined;
  /** The error's code. Default: the name of `errno`. */
  code?: string | undefined;
  /** The words for what happened. Default: the text of `errno`. */
  message?: string | undefined;
  /** The system call that failed. */
  syscall?: string | undefined;
  /** The path it failed on. */
  path?: string | undefined;
  /** All the paths that it is about, where there can be several. */
  paths?: readonly string[] | undefined;
  /** The kind of namespace concerned. */
  kind?: NamespaceKind | undefined;
  /** The step that failed: `'write uid_map'`, `'mount proc on /proc'`, `'exec'`. */
  step?: string | undefined;
  /** The address that a socket was to have, or to connect to. */
  address?: string | undefined;
  /** The port there. */
  port?: number | undefined;
  /** The kernel's message about a netlink request that it refused: an extended acknowledgement. */
  kernelMessage?: string | undefined;
  /** The attribute of that request which the kernel refused: `'IFLA_MTU'`. */
  attribute?: string | undefined;
  /** The cause on this host and what to do about it, as one or two sentences. */
  hint?: string | undefined;
  /** The error that led to this one. */
  cause?: unknown;
}

/**
 * The error of an operation of this package that has failed. Bad arguments throw the `TypeError` or `RangeError` that
 * Node's functions throw, and a call whose signal is aborted rejects with Node's `AbortError`.
 *
 * It has the properties of Node's system errors (`code`, a negative `errno`, `syscall`, `path`). `step` says what was
 * being done. `hint` names the cause on this host and its remedy, where the cause is known. A property without a value
 * is absent, not `undefined`.
 *
 * @example
 * ```ts
 * try {
 *   await unshare(['net']);
 * } catch (error) {
 *   if (error instanceof NamespaceError && error.code === 'EPERM') console.error(error.step, error.hint);
 * }
 * ```
 */
export class NamespaceError extends Error {
  /** `'EPERM'`, `'ENOSPC'`, … as in Node, or one of our own, which begin with `ERR_LINUX_NS_`. */
  declare readonly code: string;
  /** The kernel's error number, negated as Node does: `-1` for `EPERM`. */
  declare readonly errno?: number;
  /** The system call that failed. */
  declare readonly syscall?: string;
  /** The path it failed on. */
  declare readonly path?: string;
  /** All the paths that it is about, where there can be several: changes that were not applied. */
  declare readonly paths?: readonly string[];
  /** The kind of namespace concerned. */
  declare readonly kind?: NamespaceKind;
  /** The step that failed: `'write uid_map'`, `'mount proc on /proc'`, `'exec'`. */
  declare readonly step?: string;
  /** The address that a socket was to bind or connect to, as in Node's errors. */
  declare readonly address?: string;
  /** The port that goes with {@link address}. */
  declare readonly port?: number;
  /** The kernel's message about a netlink request that it refused: `'Invalid prefix for given prefix length'`. */
  declare readonly kernelMessage?: string;
  /** The attribute of that request which the kernel refused: `'IFLA_MTU'`, `'IFLA_LINKINFO.IFLA_INFO_KIND'`. */
  declare readonly attribute?: string;
  /** The cause on this host and what to do about it. */
  declare readonly hint?: string;

  static {
    // On the prototype as with Error itself: an own `name` would show up in every printed error.
    Object.defineProperty(this.prototype, 'name', { value: 'NamespaceError', configurable: true, writable: true });
  }

  constructor(init: NamespaceErrorInit) {
    const errno = init.errno === undefined ? undefined : -Math.abs(init.errno);
    const code = init.code ?? (errno === undefined ? 'ERR_LINUX_NS' : describeErrno(errno)[0]);
    super(messageOf(init, code), init.cause === undefined ? undefined : { cause: init.cause });
    const { syscall, path, paths, address, port, kind, step, kernelMessage, attribute, hint } = init;
    const properties = { code, errno, syscall, path, paths, address, port, kind, step, kernelMessage, attribute, hint };
    for (const [name, value] of Object.entries(properties)) {
      if (value !== undefined) Object.defineProperty(this, name, { value, enumerable: true, configurable: true });
    }
  }
}

/** `EPERM: operation not permitted, write gid_map: <hint>`; our own codes stay out of the text, as Node's do. */
function messageOf(init: NamespaceErrorInit, code: string): string {
  const text = init.message ?? (init.errno === undefined ? code : describeErrno(init.errno)[1]);
  const what = [(init.errno === undefined ? text : `${code}: ${text}`) + sentenceOf(init)];
  const attempted = attemptOf(init);
  if (attempted !== undefined) what.push(attempted);
  return init.hint === undefined ? what.join(', ') : `${what.join(', ')}: ${init.hint}`;
}

/** ` (the kernel: "Invalid MTU", IFLA_MTU)`. */
function sentenceOf({ kernelMessage, attribute }: NamespaceErrorInit): string {
  const words = [kernelMessage === undefined ? undefined : `"${kernelMessage}"`, attribute];
  const said = words.filter((word) => word !== undefined).join(', ');
  return said === '' ? '' : ` (the kernel: ${said})`;
}

/** The step or the system call, with the path unless the step has it already. */
function attemptOf({ step, syscall, path }: NamespaceErrorInit): string | undefined {
  const attempt = step ?? syscall;
  if (path === undefined) return attempt;
  if (attempt === undefined) return `'${path}'`;
  return attempt.split(/[\s']+/).includes(path) ? attempt : `${attempt} '${path}'`;
}

/**
 * The error of using something after its `close()`.
 *
 * @param what - the closed object, as the subject of a sentence: `'net:[4026531840]'`, `'This NamespaceSet'`
 * @param cause - the error by which it was noticed
 */
export function closedError(what: string, cause?: unknown): NamespaceError {
  return new NamespaceError({ code: 'ERR_LINUX_NS_CLOSED', message: `${what} is closed`, cause });
}

/**
 * The error of something that this system or kernel cannot do.
 *
 * @param what - the thing that is missing: `'statmount'`, `'linux-ns'`
 * @param needs - the thing that it needs: `'Linux 6.8'`; `unsupportedReason` of `lib/kernel/version` is worded for it
 */
export function unsupportedError(what: string, needs: string): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    message: `${what} is not supported here: it needs ${needs}`,
  });
}
