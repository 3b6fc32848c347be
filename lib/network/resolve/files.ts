/** The files by which names are looked up, as a program in the namespace sees them. */
import { readFile } from 'node:fs/promises';
import { systemError } from '../../errors/system-error';
import { ETC_DIRECTORY, namesIn, namesOf } from '../../namespace/run-netns';
import type { Place } from '../place';

export type EtcFile = 'resolv.conf' | 'hosts';

/**
 * The text of a file of /etc; null where there is none. For a set with a mount namespace it is the file in there; else,
 * for a namespace that has a name, the file in /etc/netns/NAME if there is one; else the file of this process.
 */
export async function readEtc(place: Place, file: EtcFile): Promise<string | null> {
  if (place.knownFiles !== undefined) return place.knownFiles(file);
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
