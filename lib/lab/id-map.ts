/** The ids that exist on the hosts of a lab. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { ownCredentials } from '../idmap/credentials';
import { type IdMap, type IdRange, parseIdMap } from '../idmap/id-map';
import { type NestedMaps, nestedMaps } from '../idmap/nested';
import { GID_SIDE, type Side, UID_SIDE, grantedRanges, resolveRanges } from '../idmap/resolve';
import { HostFiles } from '../kernel/host-files';

/** The maps of the two user namespaces of a lab: that of the switches, and that of the hosts below it. */
export interface LabMaps {
  readonly uid: NestedMaps;
  readonly gid: NestedMaps;
}

/**
 * Decides which ids exist on hosts.
 *
 * @param map - the caller's wish. Default: all that are to be had
 */
export async function mapsOfLab(map: IdMap | undefined): Promise<LabMaps> {
  const who = ownCredentials();
  const { uidMap, gidMap } = map === undefined ? await widestMaps() : { uidMap: map, gidMap: map };
  const [uids, gids] = await Promise.all([resolveRanges(uidMap, UID_SIDE, who), resolveRanges(gidMap, GID_SIDE, who)]);
  return { uid: nestedMaps(uids), gid: nestedMaps(gids) };
}

interface IdMaps {
  readonly uidMap: IdMap;
  readonly gidMap: IdMap;
}

/** The most ids that this process can give: all where it may write any map, then those of /etc/subuid, else its own. */
async function widestMaps(): Promise<IdMaps> {
  const { setuid, setgid, uid } = ownCredentials();
  if (setuid && setgid) return { uidMap: ownIds('uid_map'), gidMap: ownIds('gid_map') };
  const granted = await Promise.all([UID_SIDE, GID_SIDE].map((side) => isGranted(side, uid)));
  const map = granted.every(Boolean) ? 'auto' : 'root';
  return { uidMap: map, gidMap: map };
}

/** Each id of this process's own user namespace, as itself. */
function ownIds(file: 'uid_map' | 'gid_map'): IdRange[] {
  const ranges = parseIdMap(new HostFiles().proc(`self/${file}`) ?? '');
  return ranges.map(({ inside, count }) => ({ inside, outside: inside, count }));
}

async function isGranted(side: Side, uid: number): Promise<boolean> {
  try {
    return (await grantedRanges(side, uid)).length > 0 && isInstalled(side.program);
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_LINUX_NS_NO_SUBORDINATE_IDS') return false;
    throw error;
  }
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((directory) => isExecutable(join(directory, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
