/** The files by which hosts know each other: hosts(5) and resolv.conf(5). All hosts of a lab have the same. */
import { writeSync } from 'node:fs';
import type { Interface } from './interface';

/** The domain that all hosts are in: `web` is `web.lab` as well. */
export const DOMAIN = 'lab';

/** The address of the lab's name server on each host. */
export const NAME_SERVER = '127.0.0.53';

/** A lab has one name server, which is on the same host and answers at once. */
export const RESOLV_CONF = `nameserver ${NAME_SERVER}\nsearch ${DOMAIN}\noptions timeout:1 attempts:2\n`;

/** The names that every system has. */
const LOOPBACK = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n';

/**
 * The text of /etc/hosts: a line for each address, in the order in which the interfaces were made.
 *
 * @param asked - names, in lower case, for which programs are to ask the name server instead
 */
export function hostsText(interfaces: Iterable<Interface>, asked: ReadonlyMap<string, unknown> = new Map()): string {
  let text = LOOPBACK;
  for (const { addresses, host } of interfaces) {
    if (asked.has(host.toLowerCase())) continue;
    for (const address of addresses) text += `${address}\t${host} ${host}.${DOMAIN}\n`;
  }
  return text;
}

/** The file that is /etc/hosts on all hosts. */
export class HostsFile {
  readonly #fd: number;
  #text = '';
  #longest = 0;

  /** @param fd - open for writing; another closes it */
  constructor(fd: number) {
    this.#fd = fd;
  }

  get text(): string {
    return this.#text;
  }

  /**
   * Replaces what is in it by one write(2), so that no program finds half of it: a text that is shorter than one before
   * has empty lines at its end. The file is in memory.
   */
  write(text: string): void {
    this.#text = text;
    const bytes = Buffer.from(text);
    this.#longest = Math.max(this.#longest, bytes.length);
    writeSync(this.#fd, Buffer.concat([bytes, Buffer.alloc(this.#longest - bytes.length, '\n')]), 0, this.#longest, 0);
  }
}
