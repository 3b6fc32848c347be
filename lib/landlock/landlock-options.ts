/** The option `landlock` of programs and sandboxes, and its check. */
import {
  type Check,
  type Parsed,
  boolean,
  integer,
  list,
  oneOf,
  orNull,
  path,
  required,
  schema,
} from '../errors/schema';
import { FILE_RIGHTS, type LandlockAccess, type LandlockScope, NEWEST_ABI, SCOPES } from './rights';

/** A path, and the rights that a program has to it and to all below it. */
export interface LandlockRule {
  /** The path, as for {@link LandlockOptions.read}. */
  path: string | URL;
  /** The rights; of a file those that only directories have are left out. */
  access: readonly LandlockAccess[];
  /** True passes over a path that does not exist. Default: false. */
  optional?: boolean | undefined;
}

/**
 * The Landlock ruleset of a program and of all that it starts: what they may still do with files, TCP ports and other
 * processes. It is closed by default, and each property opens something. It needs no privilege and no namespace. Nobody
 * can take it off again, root neither. Linux 5.13; landlock(7)
 *
 * @example
 * ```ts
 * const landlock = { execute: ['/usr', '/lib', '/lib64'], write: ['/tmp/work', '/dev/null'], connectTcp: [443] };
 * await execFile('/usr/bin/node', ['untrusted.js'], { landlock });
 * ```
 */
export interface LandlockOptions {
  /**
   * Files that may be read, and directories in which everything may be read and listed: `read_file`, `read_dir`. Paths
   * are those of the program: in its root, and relative to its {@link ProgramOptions.cwd}; links are followed, and a path
   * that does not exist is an error. What is mounted below a directory belongs to it. Default: none.
   */
  read?: readonly (string | URL)[] | undefined;
  /**
   * Files that may be read and changed, and directories in which everything may be read, changed, made, removed and
   * renamed: all rights but `execute` and `ioctl_dev`. Default: none.
   */
  write?: readonly (string | URL)[] | undefined;
  /**
   * Programs, and directories whose programs, may be run: `execute`, and the rights of {@link read}, without which no
   * program runs. It has to have the program itself, its interpreter (ld.so) and its libraries. Default: none.
   */
  execute?: readonly (string | URL)[] | undefined;
  /** Paths with any choice of rights, besides {@link read}, {@link write} and {@link execute}. Default: none. */
  rules?: readonly LandlockRule[] | undefined;
  /**
   * The TCP ports, of whatever host, that programs may connect to (`connect_tcp`), or `'any'`. UDP and other protocols
   * are not restricted. ABI 4, Linux 6.7. Default: none.
   */
  connectTcp?: readonly number[] | 'any' | undefined;
  /** The TCP ports that programs may listen on (`bind_tcp`), or `'any'`; 0 is for any free one. Default: none. */
  bindTcp?: readonly number[] | 'any' | undefined;
  /**
   * With `'signal'`, programs can signal only themselves and what they have started; with `'abstract_unix_socket'` they
   * can connect only to abstract sockets (unix(7)) that are theirs in the same sense. ABI 6, Linux 6.12. Default: both.
   */
  scope?: readonly LandlockScope[] | undefined;
  /**
   * The version of Landlock's interface whose rights are restricted, from 1 to 6. Rights that came later are not, with 3
   * for example no TCP ports: all of them are open then, whatever {@link connectTcp} says. Default: 6, all of the above.
   */
  abi?: number | undefined;
  /**
   * What happens on a kernel that does not have all rights of {@link abi}: with `'required'` the start fails, with the
   * version that the kernel has in the hint; with `'best-effort'` the program runs with the restrictions that there are,
   * down to none at all, and a process warning (`LINUX_NS_LANDLOCK`) says what is missing. `sandbox.report` says it for
   * a sandbox. Default: `'required'`.
   */
  compatibility?: 'required' | 'best-effort' | undefined;
}

const port = integer(0, 65535);

const ports: Check<number[] | 'any'> = (name, value) => (value === 'any' ? 'any' : list(port)(name, value));

const rule = schema<LandlockRule>()({
  path: required(path),
  access: required(list(oneOf(FILE_RIGHTS))),
  optional: boolean,
});

export const parseLandlock = schema<LandlockOptions>()({
  read: orNull(list(path)),
  write: orNull(list(path)),
  execute: orNull(list(path)),
  rules: orNull(list(rule)),
  connectTcp: orNull(ports),
  bindTcp: orNull(ports),
  scope: orNull(list(oneOf(SCOPES))),
  abi: orNull(integer(1, NEWEST_ABI)),
  compatibility: orNull(oneOf(['required', 'best-effort'])),
});

/** The option that has been checked. */
export type Landlock = Parsed<typeof parseLandlock>;
