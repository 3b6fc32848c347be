/** The files that names are looked up by, as a program in the namespace has them. */
import { readFile } from 'node:fs/promises';
import { systemError } from '../../errors/system-error';
import type { NamespaceSet } from '../../set/namespace-set';
import { ETC_DIRECTORY, namesIn, namesOf } from '../named/names';
import { type NetworkTarget, membersOf } from '../place';

export type EtcFile = 'resolv.conf' | 'hosts';

/**
 * The text of such a file; null where there is none. In a set with a mount namespace it is the one in there; else, for a
 * namespace that has a name, the one in /etc/netns/NAME; else that of this process.
 */
export async function readEtc(target: NetworkTarget, file: EtcFile): Promise<string | null> {
  if (hasMounts(target)) return readInside(target, `/etc/${file}`);
  const { net } = membersOf('target', target);
  for (const name of await namesOf(net, await namesIn(ETC_DIRECTORY))) {
    const text = await readHere(`${ETC_DIRECTORY}/${name}/${file}`);
    if (text !== null) return text;
  }
  return readHere(`/etc/${file}`);
}

function hasMounts(target: NetworkTarget): target is NamespaceSet {
  return 'mnt' in target && target.mnt !== undefined;
}

async function readInside(set: NamespaceSet, path: string): Promise<string | null> {
  try {
    return await set.readFile(path, 'utf8');
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return null;
    throw error;
  }
}

async function readHere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ENOENT') return null;
    throw systemError(cause, { step: `read ${path}`, operation: 'read_file', path });
  }
}
