import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Check, boolean, integer, list, schema } from '../errors/schema';
import { validatePath } from '../errors/validate';
import { MAX_ID } from '../kernel/ids';
import type { MountEntry, SandboxSpec } from './sandbox-spec';
import { isWithin } from './below';
import { toolchainEntries, toolchainsOf } from './toolchains/toolchains';

/** Options of {@link hostUserland}. */
export interface HostUserlandOptions {
  /**
   * Paths of the host that are writable in the sandbox, at the same place: a project's directory, for example. A
   * relative path starts at this process's directory. Programs start in the first one. Default: none.
   */
  writable?: string | URL | readonly (string | URL)[] | undefined;
  /**
   * Paths of the host that are readable in the sandbox, at the same place, in addition to programs and libraries. A
   * relative path starts at this process's directory. Default: none.
   */
  readable?: string | URL | readonly (string | URL)[] | undefined;
  /**
   * True adds the host's files of /etc for looking up names in the network: resolv.conf, hosts, host.conf and gai.conf.
   * Default: false.
   */
  resolver?: boolean | undefined;
  /**
   * True adds the programs that the environment of this process leads to, so that `node`, `python3`, `cargo` and the
   * like are those that its shell has: what is in the directories of PATH and what they link to, from nvm, fnm, volta,
   * asdf, mise, pyenv, rbenv, rustup, SDKMAN, Nix, Homebrew, pipx, uv and corepack, from /opt and ~/.local. They are
   * read-only, at the same place, and PATH and the variables of these managers go along (`env`).
   *
   * It never shows a whole home directory, nor files that are known to have keys or tokens. A directory of PATH is left
   * out if it is relative, is missing, is a home directory or above one, can be written by everybody on the host, or is
   * of snap, whose programs cannot run in a sandbox. Links in a directory that is `writable`, or in this process's own
   * directory, are not followed: a program in a sandbox could have made them. Default: false.
   */
  toolchains?: boolean | undefined;
  /**
   * The user id of programs, where `user` of the spec gives one: it has a name then, without which ssh and others do not
   * start. passwd(5). Default: that of this process.
   */
  uid?: number | undefined;
  /** Their group id, in the same way. group(5) */
  gid?: number | undefined;
}

/** A {@link SandboxSpec} whose parts are all present, to spread into another. */
export type HostUserland = SandboxSpec &
  Required<Pick<SandboxSpec, 'env' | 'cwd'>> & {
    /** The entries for programs, libraries, settings, and for the paths of the options. */
    mounts: MountEntry[];
  };

/**
 * The directories of programs and libraries. On most systems some of them are links into /usr, and some do not exist.
 */
const PROGRAMS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/** Files of /etc that programs read and that say nothing about the host's users. */
const SETTINGS = [
  'alternatives',
  'ca-certificates',
  'ca-certificates.conf',
  'crypto-policies',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'mime.types',
  'os-release',
  'pki',
  'protocols',
  'services',
  'shells',
  'ssl',
  'terminfo',
  'timezone',
];

const RESOLVER = ['gai.conf', 'host.conf', 'hosts', 'resolv.conf'];

const HOME = '/home/user';

const absolute: Check<string> = (name, value) => resolve(validatePath(name, value));

/** One path or several. */
const paths: Check<string[]> = (name, value) =>
  Array.isArray(value) ? list(absolute)(name, value) : [absolute(name, value)];

const parseOptions = schema<HostUserlandOptions>()({
  writable: paths,
  readable: paths,
  resolver: boolean,
  toolchains: boolean,
  uid: integer(0, MAX_ID),
  gid: integer(0, MAX_ID),
});

/** The usual contents of nsswitch.conf. nsswitch.conf(5) */
export const USUAL_NSSWITCH = 'passwd: files\ngroup: files\nhosts: files dns\n';

/**
 * A spec with the host's programs, read-only, in an otherwise empty root. It has no home directories of the host and
 * nothing of its /etc about users. /tmp and the home directory are empty, and are discarded with the sandbox. This
 * process's Node is among the programs, wherever it is, for {@link Sandbox.fork}.
 *
 * To add mounts, put them after its own: `mounts: [...userland.mounts, …]`. With `mounts` alone the programs are gone.
 *
 * @example
 * ```ts
 * await using sandbox = await Sandbox.create(hostUserland({ writable: 'my-project' }));
 * await sandbox.exec('make test');
 * ```
 */
export function hostUserland(options: HostUserlandOptions = {}): HostUserland {
  const {
    writable = [],
    readable = [],
    resolver = false,
    toolchains = false,
    uid,
    gid,
  } = parseOptions('options', options);
  const settings = [...SETTINGS, ...(resolver ? RESOLVER : []), ...javaSettings()];
  const found = toolchains ? toolchainsOf(process.env, { shown: readable, writable }) : undefined;
  const node = [process.execPath].filter(
    (path) => ![...PROGRAMS, ...(found?.readable ?? [])].some((shown) => isWithin(path, shown)),
  );
  return {
    mounts: [
      ...PROGRAMS.flatMap(programEntry),
      ...settings.map((name): MountEntry => readOnly(`/etc/${name}`, true)),
      ...peopleEntries(uid ?? process.geteuid?.() ?? 0, gid ?? process.getegid?.() ?? 0),
      { type: 'tmpfs', target: '/tmp', mode: 0o1777 },
      { type: 'dir', target: '/run' },
      { type: 'symlink', target: '/var/run', to: '../run' },
      { type: 'tmpfs', target: '/var/tmp', mode: 0o1777 },
      { type: 'tmpfs', target: HOME, mode: 0o700 },
      ...(found === undefined ? [] : toolchainEntries(found, HOME)),
      ...node.map((path) => readOnly(path, true)),
      ...readable.map((path) => readOnly(path, false)),
      ...writable.map((path): MountEntry => ({ type: 'bind', source: path, target: path })),
    ],
    env: { HOME, ...found?.env },
    cwd: writable[0] ?? HOME,
  };
}

/** The names in /etc of the settings of Debian's JDKs, without which they do not start: java-17-openjdk. */
function javaSettings(): string[] {
  try {
    return [...new Set(readdirSync('/usr/lib/jvm').flatMap((name) => /^java-\d+-openjdk/.exec(name)?.[0] ?? []))];
  } catch {
    return []; // there is none
  }
}

/** A link becomes a new link in the sandbox, so that it leads to the sandbox's own file. */
function programEntry(path: string): MountEntry[] {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return [];
  if (status.isSymbolicLink()) return [{ type: 'symlink', target: path, to: readlinkSync(path) }];
  return [readOnly(path, true)];
}

function readOnly(path: string, optional: boolean): MountEntry {
  return { type: 'bindReadOnly', source: path, target: path, optional };
}

/** Files that give names to the usual ids, and name no user of the host. passwd(5), group(5), nsswitch.conf(5) */
function peopleEntries(uid: number, gid: number): MountEntry[] {
  const users = uid === 0 ? [] : ['root:x:0:0:root:/root:/bin/sh'];
  const groups = gid === 0 ? [] : ['root:x:0:'];
  users.push(`${uid === 0 ? 'root' : 'user'}:x:${uid}:${gid}::${HOME}:/bin/sh`);
  groups.push(`${gid === 0 ? 'root' : 'user'}:x:${gid}:`);
  return [
    fileEntry('/etc/passwd', [...users, 'nobody:x:65534:65534:nobody:/:/usr/sbin/nologin']),
    fileEntry('/etc/group', [...groups, 'nogroup:x:65534:']),
    { type: 'file', target: '/etc/nsswitch.conf', data: USUAL_NSSWITCH },
  ];
}

function fileEntry(target: string, lines: readonly string[]): MountEntry {
  return { type: 'file', target, data: lines.map((line) => `${line}\n`).join('') };
}
