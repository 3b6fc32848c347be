/**
 * Hints about newuidmap(1) and newgidmap(1), the set-user-ID programs that write the ranges which /etc/subuid and
 * /etc/subgid grant.
 */
import { MAX_ID } from '../kernel/ids';
import { Errno } from '../kernel/errno';
import type { HostFiles } from '../kernel/host-files';
import { asRoot, effectiveId, isNested } from './evidence';
import type { Explainer, Failure } from './failure';
import { type IdRange, covers, parseMap, showRange } from './id-ranges';
import { malformed, unmappedOutside } from './maps';

const SET_USER_ID = 0o4000;
const EXECUTABLE = 0o111;

/** `kernel.overflowuid`, where it cannot be read. */
const OVERFLOW = 65534;

/** The range that useradd(8) gives to the first user of a host. */
const USUAL = { first: 100000, count: 65536 };

export const explainNewuidmap: Explainer = explainerOf('uid');
export const explainNewgidmap: Explainer = explainerOf('gid');

function explainerOf(id: 'uid' | 'gid'): Explainer {
  return (failure, host) => {
    const program = `new${id}map`;
    if (failure.errno === Errno.ENOENT) return notFound(program);
    return (
      saidItself(id, failure, host) ??
      outsideRange(id, failure, host) ??
      ignoredSetUserId(program, host) ??
      withoutPrivilege(program, failure, host)
    );
  };
}

function notFound(program: string): string {
  return (
    `${program} is not installed, or not in a directory of PATH: install it with 'sudo apt install uidmap' (Debian, ` +
    'Ubuntu; package shadow-utils on Fedora, shadow on Arch, shadow-uidmap on Alpine), start Node with a PATH that has ' +
    "it, or use the map 'root' or 'current', which need no program."
  );
}

/** Reads the program's own message, which is surer than its files: newuidmap.c and lib/idmapping.c of shadow. */
function saidItself(id: 'uid' | 'gid', failure: Failure, host: HostFiles): string | undefined {
  const program = `new${id}map`;
  const text = failure.detail ?? '';
  if (/cannot determine your user name/i.test(text)) {
    return (
      `${program} looks up who calls it in passwd(5), and uid ${realId(host, 'Uid') ?? ''} has no entry there. Run Node as a ` +
      "user that has one (in a container: add a line to its /etc/passwd), or use the map 'root' or 'current'."
    );
  }
  if (text.includes('owned by a different user')) return anotherOwner(program, text, host);
  if (text.includes('overflow')) return `A range of the map goes beyond the last ${id} that there can be, ${MAX_ID}.`;
  if (!/write to \w+ failed/.test(text)) return undefined;
  const operation: Failure = { ...failure, operation: `${id}_map` };
  if (text.includes('Invalid argument')) return malformed(operation);
  return (
    ownerUnmapped(program, failure, host) ??
    unmappedOutside(id === 'uid' ? 'Uid' : 'Gid', parseMap(failure.map ?? '') ?? [], host)
  );
}

/** The program compares the real ids with those of passwd(5) and of /proc/PID. */
function anotherOwner(program: string, text: string, host: HostFiles): string {
  const primary = /pw_gid:(\d+)/.exec(text)?.[1];
  const gid = realId(host, 'Gid');
  if (primary !== undefined && gid !== undefined && primary !== String(gid)) {
    return (
      `${program} works only for the primary group that passwd(5) gives the user, ${primary}, and Node runs with group ` +
      `${gid} (newgrp, sg, a service's Group=). Run Node with that group, or use the map 'root' or 'current'.`
    );
  }
  return (
    `${program} works only for processes whose real and effective ids are those of the user that started it: run Node ` +
    "without process.seteuid() and setegid(), or use the map 'root' or 'current'."
  );
}

/**
 * The real id, the first number of a line in proc_pid_status(5): set-user-ID programs look at the real id of their
 * caller.
 */
function realId(host: HostFiles, whose: 'Uid' | 'Gid'): number | undefined {
  const id = host.status(whose)?.split(/\s+/)[0];
  return id === undefined ? undefined : Number(id);
}

/** Each range must lie within what the file grants this user; one's own id alone is always allowed (newuidmap(1)). */
function outsideRange(id: 'uid' | 'gid', failure: Failure, host: HostFiles): string | undefined {
  const uid = effectiveId(host, 'Uid');
  const own = id === 'uid' ? uid : effectiveId(host, 'Gid');
  if (uid === undefined || grantsComeFromElsewhere(host)) return undefined;
  const user = userName(uid, host);
  const granted = grantsOf(id, [user, String(uid)], host);
  const remedy = ({ first, count }: IdRange) => `'sudo usermod --add-sub${id}s ${first}-${first + count - 1} ${user}'`;
  if (failure.map === undefined) {
    if (granted.length > 0) return undefined;
    return `/etc/sub${id} has no range for ${user}: grant one with ${remedy(USUAL)}.`;
  }
  const ranges = (parseMap(failure.map) ?? []).map(({ outside }) => outside);
  const outside = ranges.find((range) => !(range.count === 1 && range.first === own) && !covers(granted, range));
  if (outside === undefined) return undefined;
  const allowed = granted.length === 0 ? 'no range' : granted.map(showRange).join(', ');
  const which = outside.count === 1 ? `${id} ${outside.first} is not` : `${id}s ${showRange(outside)} are not all`;
  // A grant of ids that belong to root, or to a person, would give away all that is theirs.
  const root = asRoot(host, id === 'uid' ? 'SETUID' : 'SETGID');
  const more = outside.first < USUAL.first ? `or ${root}` : `or grant more with ${remedy(outside)}`;
  return `The outside ${which} among those that /etc/sub${id} grants to ${user} (${allowed}). Map only those, ${more}.`;
}

/** no_new_privs, once set, makes execve(2) ignore set-user-ID and file capabilities. */
function ignoredSetUserId(program: string, host: HostFiles): string | undefined {
  if (host.status('NoNewPrivs') !== '1') return undefined;
  return (
    `${program} gets no privilege here, because Node runs with no_new_privs (NoNewPrivs: 1 in /proc/self/status; ` +
    "systemd: NoNewPrivileges=, Docker: no-new-privileges, Kubernetes: allowPrivilegeEscalation). Use the map 'root' " +
    "or 'current', or start Node without it."
  );
}

/**
 * A set-user-ID bit counts only where the owner of the file is mapped: bprm_fill_uid() of fs/exec.c. Where it does not
 * count, neither do file capabilities that were set outside.
 */
function ownerUnmapped(program: string, failure: Failure, host: HostFiles): string | undefined {
  const path = pathOf(program, failure, host);
  const mode = path === undefined ? undefined : host.mode(path);
  if (path === undefined || mode === undefined || (mode & SET_USER_ID) === 0) return undefined;
  const overflow = host.sysctl('kernel.overflowuid') ?? OVERFLOW;
  if (isNested(host, 'user') !== true || host.owner(path) !== overflow) return undefined;
  return (
    `${path} belongs to a user who is not mapped in the user namespace that Node runs in (/proc/self/uid_map), so the ` +
    "kernel ignores its set-user-ID bit here. Put a copy into PATH that belongs to root of this user namespace, with 'chmod " +
    "u+s'; or use the map 'root' or 'current'."
  );
}

/**
 * Packages install the program with the set-user-ID bit or with a file capability; careless copies of images lose both.
 */
function withoutPrivilege(program: string, failure: Failure, host: HostFiles): string | undefined {
  const path = pathOf(program, failure, host);
  const mode = path === undefined ? undefined : host.mode(path);
  if (path === undefined || mode === undefined || (mode & SET_USER_ID) !== 0) return undefined;
  return (
    `${path} has no set-user-ID bit, so it needs a file capability (see 'getcap ${path}'), which it lacks or which ` +
    `the kernel ignores here: 'sudo chmod u+s ${path}', or reinstall the package uidmap.`
  );
}

function pathOf(program: string, { path }: Failure, host: HostFiles): string | undefined {
  return path?.includes('/') === true ? path : located(program, host);
}

/** The path of the program that a search of PATH finds: the first that may be executed. */
function located(program: string, host: HostFiles): string | undefined {
  const candidates = searchPath()
    .split(':')
    .map((directory) => `${directory}/${program}`);
  return candidates.find((path) => ((host.mode(path) ?? 0) & EXECUTABLE) !== 0);
}

/** The PATH in which the program was looked for. */
function searchPath(): string {
  return process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin';
}

/** nsswitch.conf's `subid:` line moves the grants into a directory service (nsswitch.conf(5), shadow 4.9). */
function grantsComeFromElsewhere(host: HostFiles): boolean {
  return /^\s*subid\s*:(?!\s*files\s*$)/m.test(host.etc('nsswitch.conf') ?? '');
}

/** Lines `name-or-uid:first:count` (subuid(5)). */
function grantsOf(id: 'uid' | 'gid', users: readonly string[], host: HostFiles): IdRange[] {
  const lines = (host.etc(`sub${id}`) ?? '').split('\n').map((line) => line.trim().split(':'));
  return lines
    .filter(([user = '']) => users.includes(user))
    .map(([, first, count]) => ({ first: Number(first), count: Number(count) }))
    .filter(({ first, count }) => Number.isInteger(first) && Number.isInteger(count));
}

function userName(uid: number, host: HostFiles): string {
  const lines = (host.etc('passwd') ?? '').split('\n').map((line) => line.split(':'));
  return lines.find(([, , id]) => id === String(uid))?.[0] ?? String(uid);
}
