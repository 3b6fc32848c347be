import { open, readFile } from 'node:fs/promises';
import { validateOneOf, validatePid } from '../errors/validate';
import { systemError } from '../errors/system-error';
import { writeThroughProgram } from './newidmap';
import { assertSupported } from '../native';
import { ownCredentials } from './credentials';
import { type IdMap, type IdRange, formatIdMap, idMap, parseIdMap } from './id-map';
import { GID_SIDE, type Side, UID_SIDE, grantedRanges, isOwnId, resolveRanges } from './resolve';
import type { SubordinateRange } from './subordinate';

/**
 * Writes the user ids of the user namespace that a process is in: `/proc/PID/uid_map` (`user_namespaces(7)`). It can
 * be written once, by the creator of the namespace, from the user namespace above.
 *
 * One line that maps the caller's own effective uid needs no privilege. With CAP_SETUID any map can be written. Other
 * maps are written through newuidmap, as far as `/etc/subuid` grants them.
 *
 * `unshare()` and `spawn()` write the maps themselves: this is for user namespaces that were created without a map, or
 * by other means.
 *
 * @param pid - a process as this one sees it
 * @throws NamespaceError `EPERM`, `EINVAL`, …, with `step` 'write uid_map' and a `hint`
 */
export async function writeUidMap(pid: number, map: IdMap): Promise<void> {
  await writeMap(UID_SIDE, pid, map);
}

/**
 * Writes the group ids of the user namespace that a process is in: `/proc/PID/gid_map` (`user_namespaces(7)`). The
 * rules are those of {@link writeUidMap}, with CAP_SETGID and `/etc/subgid`. Without CAP_SETGID, {@link setSetgroups}
 * must have said `'deny'` before.
 */
export async function writeGidMap(pid: number, map: IdMap): Promise<void> {
  await writeMap(GID_SIDE, pid, map);
}

/**
 * Allows or denies setgroups(2) in the user namespace that a process is in: `/proc/PID/setgroups`
 * (`user_namespaces(7)`). `'deny'` must come before the gid map and cannot be taken back. A process keeps the
 * supplementary groups that it has.
 *
 * @throws NamespaceError `EPERM` when the gid map has been written, or setgroups been denied, already
 */
export async function setSetgroups(pid: number, value: 'allow' | 'deny'): Promise<void> {
  validatePid('pid', pid);
  validateOneOf('value', value, ['allow', 'deny']);
  await writeProc(pid, 'setgroups', value);
}

/**
 * The ids that the administrator has granted to this user: `/etc/subuid` for user ids, `/etc/subgid` for group ids
 * (`subuid(5)`). Each id is in one range only, in the order of the file, and ranges that touch are one, so that each
 * range can be a line of a map. `'auto'` maps all of them.
 *
 * @throws NamespaceError `ERR_LINUX_NS_NO_SUBORDINATE_IDS` if there are none
 *
 * @example
 * ```ts
 * const [{ start }] = await subordinateIds('user');
 * const uidMap = [{ inside: 0, outside: start, count: 1000 }]; // none of the ids inside is the caller's
 * ```
 */
export async function subordinateIds(of: 'user' | 'group'): Promise<SubordinateRange[]> {
  validateOneOf('of', of, ['user', 'group']);
  return grantedRanges(of === 'user' ? UID_SIDE : GID_SIDE, ownCredentials().uid);
}

/**
 * The user id map of the user namespace that a process is in. `outside` is an id of this process's own user namespace
 * (4294967295 for one that is not mapped there). If both processes are in the same user namespace, it is an id of its
 * parent. The map is empty before it is written.
 *
 * @param pid - a process as this one sees it, or `'self'`
 */
export async function readUidMap(pid: number | 'self'): Promise<IdRange[]> {
  return readMap(UID_SIDE, pid);
}

/** The group id map of the user namespace that a process is in. See {@link readUidMap}. */
export async function readGidMap(pid: number | 'self'): Promise<IdRange[]> {
  return readMap(GID_SIDE, pid);
}

async function writeMap(side: Side, pid: number, given: unknown): Promise<void> {
  validatePid('pid', pid);
  const map = idMap('map', given);
  const who = ownCredentials();
  const ranges = await resolveRanges(map, side, who);
  const [privileged, id] = side === UID_SIDE ? [who.setuid, who.uid] : [who.setgid, who.gid];
  if (privileged || isOwnId(ranges, id)) await writeProc(pid, side.file, formatIdMap(ranges));
  else await writeThroughProgram(side, pid, ranges);
}

/**
 * Writes a file of /proc. It is opened without O_CREAT and O_TRUNC, and written at once: these files take nothing else.
 */
async function writeProc(pid: number, file: Side['file'] | 'setgroups', text: string): Promise<void> {
  assertSupported();
  const path = `/proc/${pid}/${file}`;
  try {
    const handle = await open(path, 'r+');
    try {
      await handle.write(text);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const asked = file === 'setgroups' ? { setgroups: text as 'allow' | 'deny' } : { map: text };
    throw systemError(error, { step: `write ${file}`, operation: file, path, kind: 'user', ...asked });
  }
}

async function readMap(side: Side, pid: unknown): Promise<IdRange[]> {
  if (pid !== 'self') validatePid('pid', pid);
  assertSupported();
  const path = `/proc/${String(pid)}/${side.file}`;
  try {
    return parseIdMap(await readFile(path, 'utf8'));
  } catch (error) {
    throw systemError(error, { step: `read ${side.file}`, operation: 'open', path, kind: 'user' });
  }
}
