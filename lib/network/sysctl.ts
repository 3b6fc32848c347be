import { constants } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { invalidType, invalidValue, validateString } from '../errors/validate';
import { withoutOwn } from '../launch/join';
import { systemError } from '../errors/system-error';
import type { Place } from './place';

/** The most bytes that are read of a setting. The longest, a list of ports, may have a few thousand. */
const MOST_BYTES = 1 << 16;

/**
 * Settings of the network namespace, the files of /proc/sys/net: sysctl(8), proc_sys_net(5). A setting that is not kept
 * for each network namespace exists only in the initial one.
 *
 * To read a setting needs no privilege; to change one usually needs CAP_NET_ADMIN in the user namespace that owns the
 * network namespace.
 */
export class Sysctls {
  readonly #place: Place;

  /** @internal */
  constructor(place: Place) {
    this.#place = place;
  }

  /**
   * Reads a setting. The newline at the end of its value is left out.
   *
   * @param name - as sysctl(8) has it: `'net.ipv4.ip_forward'`. The name of a link may have dots
   * (`'net.ipv4.conf.eth0.5.forwarding'`); sysctl(8) takes such a name only with a slash in place of each, or as a path
   * (`'net/ipv4/conf/eth0.5/forwarding'`). Here all three forms are accepted
   * @throws NamespaceError `ENOENT` when there is no such setting in this namespace
   *
   * @example
   * ```ts
   * console.log(await network.sysctl.get('net.ipv4.ip_forward')); // 0
   * ```
   */
  async get(name: string): Promise<string> {
    const path = pathOf('name', name);
    const text = this.#isHere() ? await readHere(path) : await this.#read(path);
    return text.replace(/\n$/, '');
  }

  /**
   * Changes a setting.
   *
   * @param name - as for {@link Sysctls.get}
   * @throws NamespaceError `EINVAL` for a value that the kernel does not take, `EACCES`, `EROFS`, …
   *
   * @example
   * ```ts
   * await network.sysctl.set('net.ipv4.ip_forward', 1);
   * await network.sysctl.set('net.ipv6.conf.veth0.accept_ra', 0);
   * ```
   */
  async set(name: string, value: string | number): Promise<void> {
    const path = pathOf('name', name);
    if (typeof value !== 'number' && typeof value !== 'string') {
      throw invalidType('value', 'of type string or number', value);
    }
    const text = String(value);
    validateString('value', text);
    if (this.#isHere()) await writeHere(path, text);
    else await this.#place.run([['write_file', path, constants.O_WRONLY, text]]);
  }

  async #read(path: string): Promise<string> {
    const { data } = await this.#place.run([['read_file', path, MOST_BYTES]]);
    return data.toString('utf8');
  }

  /**
   * True for this process's own network. libuv's threads are in the same network as the main thread, so `node:fs` reads
   * the right files then.
   */
  #isHere(): boolean {
    return !this.#place.closed && withoutOwn([this.#place.net]).length === 0;
  }
}

/**
 * The path of a setting. Dots and slashes change places, unless the first separator is a slash: sysctl(8). Where a
 * directory has one directory for each link, everything between that and the last part is the name of a link, with its
 * dots.
 */
function pathOf(name: string, value: unknown): string {
  validateString(name, value);
  const isPath = /^[^./]*\//.test(value);
  const parts = isPath ? value.split('/') : withLink(value.split('.')).map((part) => part.replaceAll('/', '.'));
  const isGood = parts.length > 1 && parts[0] === 'net' && parts.every((part) => !['', '.', '..'].includes(part));
  if (!isGood) throw invalidValue(name, value, "must be a setting below 'net', such as 'net.ipv4.ip_forward'");
  return `/proc/sys/${parts.join('/')}`;
}

/** Directories that have one directory for each link, in which there are only files, whose names have no dots. */
const OF_LINKS: ReadonlySet<string> = new Set([
  'net.ipv4.conf',
  'net.ipv4.neigh',
  'net.ipv6.conf',
  'net.ipv6.neigh',
  'net.mpls.conf',
]);

function withLink(parts: readonly string[]): readonly string[] {
  if (parts.length <= 5 || !OF_LINKS.has(parts.slice(0, 3).join('.'))) return parts;
  return [...parts.slice(0, 3), parts.slice(3, -1).join('.'), ...parts.slice(-1)];
}

async function readHere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw systemError(cause, { step: `read ${path}`, operation: 'file', kind: 'net', path });
  }
}

async function writeHere(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'r+' });
  } catch (cause) {
    throw systemError(cause, { step: `write ${path}`, operation: 'file', kind: 'net', path });
  }
}
