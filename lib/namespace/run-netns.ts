import { readdir, stat } from 'node:fs/promises';
import { NamespaceError } from '../errors/namespace-error';
import { invalidValue, validateString } from '../errors/validate';
import type { NamespaceKind } from '../kernel/namespace-kind';
import { Namespace } from './namespace';

/** The directory of ip-netns(8)'s namespaces. iproute2 calls it /var/run/netns, where /var/run is a link to /run. */
export const RUN_DIRECTORY = '/run/netns';

/** The directory of the files that ip-netns(8) puts in the place of those of /etc: /etc/netns/NAME/resolv.conf. */
export const ETC_DIRECTORY = '/etc/netns';

/** NAME_MAX of limits.h, which is iproute2's limit, too. */
const MOST_BYTES = 255;

/** Checks a name as iproute2 does: it is the name of a file. */
export function validateName(name: string, value: unknown): asserts value is string {
  validateString(name, value);
  if (value === '') throw invalidValue(name, value, 'cannot be empty');
  if (value === '.' || value === '..' || value.includes('/')) {
    throw invalidValue(name, value, "must be the name of a file: not '.' or '..', and without a slash");
  }
  if (Buffer.byteLength(value) > MOST_BYTES) throw invalidValue(name, value, `must have at most ${MOST_BYTES} bytes`);
}

/** The file that a namespace of that name is mounted on. */
export function pathOf(name: string): string {
  return `${RUN_DIRECTORY}/${name}`;
}

/**
 * Opens the network namespace of a name. The kind is asked of the same descriptor that is used from then on, since
 * anything may be mounted on the file. Joining another kind would leave the program in the network that it came from.
 */
export async function openNamed(name: string): Promise<Namespace> {
  const path = pathOf(name);
  const namespace = await Namespace.open(path);
  if (namespace.kind === 'net') {
    given.set(namespace, name);
    return namespace;
  }
  const message = `${path} is ${String(namespace)}, and no network namespace`;
  await namespace.close();
  throw new NamespaceError({ code: 'ERR_LINUX_NS_NO_SUCH_KIND', message, kind: 'net', path, step: `open ${path}` });
}

/** The names by which namespaces were opened: a namespace may have several. */
const given = new WeakMap<Namespace, string>();

/** The name that a handle was opened by. */
export function nameGiven(namespace: Namespace): string | undefined {
  return given.get(namespace);
}

/** The kind of the namespace that is mounted on the file of a name; undefined where it is none, or cannot be opened. */
export async function kindOf(name: string): Promise<NamespaceKind | undefined> {
  try {
    const namespace = await Namespace.open(pathOf(name));
    await namespace.close();
    return namespace.kind;
  } catch (error) {
    if (saysNothing(error)) return undefined;
    throw error;
  }
}

/**
 * True for an error of opening which only means that this name tells nothing. Any other error (no descriptors are left,
 * for example) fails the whole list.
 */
function saysNothing(error: unknown): boolean {
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  if (syscall === 'open') return ['ENOENT', 'EACCES', 'EPERM'].includes(code);
  return code === 'ERR_LINUX_NS_UNSUPPORTED' || (syscall === 'ioctl' && code === 'EINVAL');
}

/** Those among some names that a namespace has now, judged by what is mounted there, as `ip netns identify` does. */
export async function namesOf({ id, dev }: Pick<Namespace, 'id' | 'dev'>, names: readonly string[]): Promise<string[]> {
  const own = await Promise.all(
    names.map(async (name) => {
      const status = await stat(pathOf(name), { bigint: true }).catch(() => undefined);
      return status?.ino === id && status.dev === dev;
    }),
  );
  return names.filter((_, index) => own[index]);
}

/** The names in a directory, in alphabetical order; none where there is no such directory. */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return [];
    throw error;
  }
}
