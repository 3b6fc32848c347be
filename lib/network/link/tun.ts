import { Errno } from '../../kernel/errno';
import { NamespaceError, closedError } from '../../errors/namespace-error';
import { as, boolean, oneOf, required, schema } from '../../errors/schema';
import { closeFd } from '../../handle/close';
import { type Descriptor, closeDescriptor } from '../../handle/descriptor';
import { closeWhenForgotten, notForgotten } from '../../handle/forgotten';
import { inspectAs } from '../../handle/inspect';
import type { Place } from '../place';
import { type TunOptions, tun } from './kinds/tun';
import { validateLinkName } from './link-name';
import { makeStep } from '../../plan/step';

/** A tun or tap to be opened. */
export interface TunSpec extends TunOptions {
  /** The name of an existing one, or of one to be made. The kernel puts a number in place of `%d`. */
  name: string;
  /** `'tun'` for IP packets, `'tap'` for Ethernet frames. */
  kind: 'tun' | 'tap';
  /** Keeps one that is made after its descriptor is closed. Default: false. */
  persistent?: boolean | undefined;
}

/** IFF_* of `<linux/if_tun.h>`. */
const TunFlag = { TUN: 0x1, TAP: 0x2, MULTI_QUEUE: 0x100, NO_PI: 0x1000, VNET_HDR: 0x4000, EXCL: 0x8000 } as const;

/**
 * An open tun or tap: a packet that the kernel sends to the interface can be read from its descriptor, one packet at a
 * time, and a packet that is written to it is received by the interface. `network.link.openTun()` opens one.
 *
 * Close it, or declare it with `await using`: an interface that is not persistent is gone then. One that nobody closes
 * is closed when it is collected as garbage, with a process warning (`LINUX_NS_UNCLOSED`).
 */
export class Tun implements AsyncDisposable {
  static {
    inspectAs(this, ({ name, closed }) => ({ name, closed }));
  }

  /** The interface's name. */
  readonly name: string;
  readonly #descriptor: Descriptor;

  /** @internal */
  constructor(name: string, descriptor: Descriptor) {
    this.name = name;
    this.#descriptor = descriptor;
    closeWhenForgotten(this, `A Tun (${name})`, descriptor, closeDescriptor);
  }

  /**
   * The descriptor, with `O_NONBLOCK`: pass it to a program in `stdio`, or to code that polls it. This object owns it:
   * do not close it.
   *
   * @throws NamespaceError `ERR_LINUX_NS_CLOSED`
   */
  get fd(): number {
    if (this.closed) throw closedError(`The tun ${this.name}`);
    return this.#descriptor.fd;
  }

  /** True after `close()` has been called. */
  get closed(): boolean {
    return this.#descriptor.closed;
  }

  /** Closes the descriptor. Calling it again changes nothing. */
  async close(): Promise<void> {
    notForgotten(this);
    await this.#descriptor.close();
  }

  /** Calls {@link Tun.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** @throws TypeError, RangeError with Node's codes */
export const parseTunSpec = schema<TunSpec>()({
  name: required(as(validateLinkName)),
  kind: required(oneOf(['tun', 'tap'])),
  persistent: boolean,
  owner: tun.options.owner.check,
  ownerGroup: tun.options.ownerGroup.check,
  multiQueue: boolean,
  packetInfo: boolean,
  vnetHeader: boolean,
});

/** The result of opening a tun or tap. */
interface Opened {
  /** Adopted; the caller closes it. */
  fd: number;
  name: string;
}

/**
 * Opens /dev/net/tun in that network.
 *
 * @param exclusive - true to fail where there is such an interface already
 */
export async function openTun(place: Place, spec: TunSpec, exclusive: boolean): Promise<Opened> {
  const { name, kind, owner = -1, ownerGroup = -1, persistent = false } = spec;
  const flags =
    (kind === 'tun' ? TunFlag.TUN : TunFlag.TAP) |
    (spec.multiQueue === true ? TunFlag.MULTI_QUEUE : 0) |
    (spec.packetInfo === true ? 0 : TunFlag.NO_PI) |
    (spec.vnetHeader === true ? TunFlag.VNET_HDR : 0) |
    (exclusive ? TunFlag.EXCL : 0);
  try {
    const { fds, data } = await place.run([
      makeStep('tun', { name, flags, owner, group: ownerGroup, persistent: persistent ? 1 : 0 }),
    ]);
    const [fd = -1, ...others] = fds;
    for (const other of others) closeFd(other);
    return { fd, name: data.toString('utf8') };
  } catch (error) {
    throw exclusive ? takenOr(error, name) : error;
  }
}

/**
 * The error of TUNSETIFF, or EEXIST in place of EBUSY, which it returns where there is a tun or tap of that name. For a
 * link of another kind it returns EINVAL, which stays.
 */
function takenOr(error: unknown, name: string): unknown {
  const { errno, syscall, path } = error as NamespaceError;
  if (errno !== -Errno.EBUSY || syscall !== 'ioctl') return error;
  return new NamespaceError({
    ...{ errno: Errno.EEXIST, syscall, path, kind: 'net', step: `add link ${name}`, cause: error },
    hint: `There is a link of the name ${name} in that network already: choose another name, or delete it.`,
  });
}
