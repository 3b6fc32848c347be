/** Hints about id maps: the writes to /proc/PID/{uid_map,gid_map,setgroups} (user_namespaces(7)). */
import { Errno } from '../kernel/errno';
import type { HostFiles } from '../kernel/host-files';
import { Capability, asRoot, effectiveId, hasCapability, restrictedByAppArmor } from './evidence';
import { type Explainer, type Failure, byErrno } from './failure';
import { type MapLine, covers, idsMappedHere, overlapping, parseMap, showRange } from './id-ranges';
import { named } from './wording';

/** The most lines of a map since Linux 4.15; before, there were five. */
const MAX_LINES = 340;

/** The size of a page: a map is written at once, and in less than a page of memory. */
const PAGE = 4096;

/** The ids of a map are 32-bit and the last of them means "none". */
const NO_ID = 2 ** 32 - 1;

type Whose = 'Uid' | 'Gid';

export const explainUidMap: Explainer = mapExplainer('Uid');
export const explainGidMap: Explainer = mapExplainer('Gid');

export const explainSetgroups: Explainer = byErrno({
  [Errno.EPERM]: (failure) =>
    failure.setgroups === 'allow'
      ? 'setgroups was denied in this user namespace or in an outer one, which cannot be taken back ' +
        "(user_namespaces(7)). Leave it out or use 'deny'; supplementary groups then stay as they are."
      : 'setgroups can be denied only before gid_map is written (user_namespaces(7)), and this user namespace has ' +
        'its gid_map already. Write setgroups first.',
  [Errno.EACCES]: (failure) =>
    `Writing ${named(failure.path, 'setgroups')} takes CAP_SYS_ADMIN in that user namespace: be its creator, in its ` +
    'parent user namespace, or root.',
  [Errno.EINVAL]: () => "setgroups takes 'allow' or 'deny' and nothing else.",
  [Errno.ENOENT]: gone,
  [Errno.ESRCH]: gone,
});

function mapExplainer(whose: Whose): Explainer {
  return byErrno({
    [Errno.EPERM]: (failure, host) => refused(whose, failure, host),
    [Errno.EINVAL]: malformed,
    [Errno.EACCES]: notOurs,
    [Errno.ENOENT]: gone,
    [Errno.ESRCH]: gone,
  });
}

/** Asks the same as the kernel's new_idmap_permitted() and its caller map_write(), the surest evidence first. */
function refused(whose: Whose, failure: Failure, host: HostFiles): string | undefined {
  const lines = parseMap(failure.map ?? '') ?? [];
  // Below a user namespace that was joined first, that namespace decides which ids may be mapped, and not Node's.
  const here = failure.joined?.includes('user') !== true;
  return (
    writtenBefore(failure, host) ??
    (here ? refusedHere(whose, lines, failure, host) : unmappedInJoined(whose, lines)) ??
    restrictedByAppArmor(failure, host) ??
    `A ${whose.toLowerCase()}_map takes one write, ever, by a process in that user namespace or in its parent that ` +
      'has CAP_SYS_ADMIN inside: its creator, or root (user_namespaces(7)).'
  );
}

function refusedHere(whose: Whose, lines: readonly MapLine[], failure: Failure, host: HostFiles): string | undefined {
  return (
    unmappedOutside(whose, lines, host) ??
    setgroupsNotDenied(whose, failure, host) ??
    rootNeedsSetfcap(whose, lines, host) ??
    notOwnId(whose, lines, host)
  );
}

/**
 * The map was written by a task that has all capabilities in the joined namespace: only the ids to map can have been
 * refused.
 */
function unmappedInJoined(whose: Whose, lines: readonly MapLine[]): string | undefined {
  if (lines.length === 0) return undefined;
  const id = whose.toLowerCase();
  const ranges = lines.map(({ outside }) => showRange(outside)).join(', ');
  return (
    `"Outside" is the user namespace that was joined, and not all of its ${id}s ${ranges} are mapped there: see its ` +
    `${id}_map, and map only ids that are in it.`
  );
}

/** The map has been written before. The path names the process, whose map can be read as long as it lives. */
function writtenBefore(failure: Failure, host: HostFiles): string | undefined {
  const [, file] = /(?:^|\/)(\d+\/[ug]id_map)$/.exec(failure.path ?? '') ?? [];
  const current = file === undefined ? undefined : host.proc(file)?.trim().replace(/\s+/g, ' ');
  if (current === undefined || current === '') return undefined;
  return (
    `That user namespace has its map already ('${current}'), and a map can be written only once ` +
    '(user_namespaces(7)). Give the whole map when the namespace is created.'
  );
}

/** Ids outside that are not mapped in the parent user namespace: the kernel answers EPERM, and not EINVAL. */
export function unmappedOutside(whose: Whose, lines: readonly MapLine[], host: HostFiles): string | undefined {
  const here = idsMappedHere(host, whose);
  if (here === undefined) return undefined;
  const missing = lines.find(({ outside }) => !covers(here, outside));
  if (missing === undefined) return undefined;
  const id = whose.toLowerCase();
  const known = here.length === 0 ? 'which maps none' : `which has ${here.map(showRange).join(', ')}`;
  const which =
    missing.outside.count === 1
      ? `The outside ${id} ${missing.outside.first} does not`
      : `Not all of the outside ${id}s ${showRange(missing.outside)}`;
  return (
    `${which} exist in the user namespace that Node runs in, ` +
    `${known} (/proc/self/${id}_map). Map only ids that are mapped there.`
  );
}

/**
 * Since Linux 3.19 setgroups has to be denied first. Otherwise a process could drop a group to which a file denies
 * access.
 */
function setgroupsNotDenied(whose: Whose, failure: Failure, host: HostFiles): string | undefined {
  if (whose !== 'Gid' || failure.setgroups === 'deny' || hasCapability(host, Capability.SETGID) === true) {
    return undefined;
  }
  return (
    "gid_map was written before setgroups was denied: without CAP_SETGID outside, 'deny' must be written to " +
    "/proc/PID/setgroups first (user_namespaces(7)). Use setgroups: 'deny', or setSetgroups(pid, 'deny') before " +
    'writeGidMap.'
  );
}

/**
 * Since Linux 5.12 mapping id 0 outside needs CAP_SETFCAP: otherwise file capabilities that "root" writes inside would
 * be honoured outside.
 */
function rootNeedsSetfcap(whose: Whose, lines: readonly MapLine[], host: HostFiles): string | undefined {
  if (whose !== 'Uid' || !lines.some(({ outside }) => outside.first === 0)) return undefined;
  if (hasCapability(host, Capability.SETFCAP) !== false) return undefined;
  const mapsOthers = hasCapability(host, Capability.SETUID) === true;
  if (!mapsOthers && effectiveId(host, 'Uid') !== 0) return undefined;
  const other = mapsOthers ? 'map another outside uid' : 'run as another user than root, who may map its own uid';
  return (
    "Mapping the outside uid 0 takes CAP_SETFCAP since Linux 5.12, which this process doesn't have. Grant it (Docker, Podman: " +
    `--cap-add SETFCAP; systemd: CapabilityBoundingSet=), or ${other}.`
  );
}

/** Without CAP_SETUID or CAP_SETGID outside, a map has one line with one id, the writer's own. */
function notOwnId(whose: Whose, lines: readonly MapLine[], host: HostFiles): string | undefined {
  const [capability, name] = whose === 'Uid' ? [Capability.SETUID, 'CAP_SETUID'] : [Capability.SETGID, 'CAP_SETGID'];
  if (lines.length === 0 || hasCapability(host, capability) !== false) return undefined;
  const own = effectiveId(host, whose);
  const id = whose.toLowerCase();
  const [line] = lines;
  if (lines.length === 1 && line?.outside.count === 1 && line.outside.first === own) return undefined;
  const itself = own === undefined ? `its own ${id}` : `its own ${id}, ${own}`;
  return (
    `Without ${name} a process may map only ${itself}, in a single line of one id (user_namespaces(7)). For a ` +
    `range, have it in /etc/sub${id} and use ${id}Map: 'auto', which goes through new${id}map (package uidmap); or ` +
    `${asRoot(host, whose === 'Uid' ? 'SETUID' : 'SETGID')}.`
  );
}

/** Finds the fault in a map that the kernel's map_write() has refused with EINVAL. */
export function malformed(failure: Failure): string | undefined {
  const text = failure.map;
  if (text === undefined) return undefined;
  const lines = parseMap(text);
  if (lines === undefined)
    return `Each line of a map is three numbers, 'inside outside count'; this one is '${text.trim()}'.`;
  if (lines.length === 0) return 'The map has no line. Give at least one range.';
  if (lines.length > MAX_LINES) {
    return `A map takes at most ${MAX_LINES} lines, and this one has ${lines.length}: join ranges that touch.`;
  }
  const unusable = lines.find(({ inside, outside }) => isUnusable(inside) || isUnusable(outside));
  if (unusable !== undefined) {
    const { inside, outside } = unusable;
    return `The line '${inside.first} ${outside.first} ${inside.count}' has no id in it, or ids beyond ${NO_ID - 1}.`;
  }
  for (const side of ['inside', 'outside'] as const) {
    const pair = overlapping(lines, side);
    if (pair !== undefined) {
      const both = `${showRange(pair[0])} and ${showRange(pair[1])}`;
      return `The ${side} ids ${both} overlap, and a map may have each id once.`;
    }
  }
  if (Buffer.byteLength(text) >= PAGE) {
    return (
      `The text of a map must be smaller than a page of memory, usually ${PAGE} bytes, and this one has ` +
      `${Buffer.byteLength(text)}: join ranges that touch.`
    );
  }
  return undefined;
}

function isUnusable({ first, count }: { first: number; count: number }): boolean {
  return count === 0 || first + count > NO_ID;
}

/** The files of /proc/PID belong to root while PID is not dumpable (prctl(2), PR_SET_DUMPABLE). */
function notOurs(failure: Failure): string {
  return (
    `${named(failure.path, 'The map of that process')} belongs to another user: the process is someone else's, or ` +
    'is not dumpable, which gives its files in /proc to root. Its own user or root can write it.'
  );
}

function gone(_: Failure, host: HostFiles): string {
  const own = host.link('self');
  if (own === undefined) {
    return (
      "There is no /proc in the root of this process, and id maps can't be written without it: mount it there ('mount " +
      "-t proc proc /proc')."
    );
  }
  if (own !== String(process.pid)) {
    return (
      `/proc here is that of another pid namespace, in which this process is not ${process.pid} but ${own}, so no ` +
      "process can be found by its id. Mount the /proc of this one: 'mount -t proc proc /proc'."
    );
  }
  return 'There is no such process, or it has ended before this was written: its own exit status says why.';
}
