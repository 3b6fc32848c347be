/** Files that replace those of /etc in a network namespace that has a name: ip-netns(8), "Custom configuration". */
import { systemError } from '../errors/system-error';
import type { Namespace } from './namespace';
import { ETC_DIRECTORY, nameGiven, namesIn, namesOf } from './run-netns';

/** A file or directory, and the path that it is mounted over. */
export interface EtcFile {
  /** `'/etc/netns/NAME/FILE'` */
  readonly source: string;
  /** `'/etc/FILE'` */
  readonly target: string;
}

/** The files of a named network namespace. */
export async function etcFiles(name: string): Promise<EtcFile[]> {
  const directory = `${ETC_DIRECTORY}/${name}`;
  try {
    const files = await namesIn(directory);
    return files.map((file) => ({ source: `${directory}/${file}`, target: `/etc/${file}` }));
  } catch (cause) {
    throw systemError(cause, { step: `list ${directory}`, operation: 'open', path: directory, kind: 'net' });
  }
}

/** The files of a namespace: by the name that it was opened by, else by the first of its names that has files. */
export async function etcFilesOf(net: Namespace): Promise<EtcFile[]> {
  const given = nameGiven(net);
  if (given !== undefined) return etcFiles(given);
  const [name] = await namesOf(net, await namesIn(ETC_DIRECTORY));
  return name === undefined ? [] : etcFiles(name);
}
