/** The files that names are looked up by, as a program in the namespace has them. */
import { readFile } from 'node:fs/promises';
import { systemError } from '../../errors/system-error';
import { ETC_DIRECTORY, namesIn, namesOf } from '../../namespace/run-netns';
import type { Place } from '../place';

export type EtcFile = 'resolv.conf' | 'hosts';

/**
 * The text of such a file; null where there is none. In a set with a mount namespace it is the one in there; else, for a
 * namespace that has a name, the one in /etc/netns/NAME; else that of this process.
 */
export async function readEtc(place: Place, file: EtcFile): Promise<string | null> {
  const path = `/etc/${file}`;
  if (place.hasMounts) return orNull(place.readFile(path));
  for (const name of await namesOf(place.net, await namesIn(ETC_DIRECTORY))) {
    const text = await readHere(`${ETC_DIRECTORY}/${name}/${file}`);
    if (text !== null) return text;
  }
  return readHere(path);
}

async function orNull(text: Promise<string>): Promise<string | null> {
  try {
    return await text;
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return null;
    throw error;
  }
}

function readHere(path: string): Promise<string | null> {
  const text = readFile(path, 'utf8').catch((cause: unknown) => {
    throw systemError(cause, { step: `read ${path}`, operation: 'file', path });
  });
  return orNull(text);
}
