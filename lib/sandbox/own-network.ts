import type { Step } from '../../types/native';
import { NamespaceError } from '../errors/namespace-error';
import { notForgotten } from '../handle/forgotten';
import type { Namespace } from '../namespace/namespace';
import { native } from '../native';
import type { Egress } from '../network/egress/egress';
import type { Policy } from '../network/egress/policy/policy';
import type { Network } from '../network/network';
import type * as networks from '../network/network';
import type * as placing from '../network/place';
import type { SocketRequest } from '../network/place';
import type { NamespaceSet } from '../set/namespace-set';

/**
 * The network of a sandbox, for what this process does in it. It is opened when it is first needed, and closed with the
 * sandbox. The code of networks is loaded then, too.
 */
export class OwnNetwork {
  /** Descriptors of {@link socketSteps}, which the task that made the network has made there; none without a policy. */
  readonly #sockets: number[];
  #opened: Promise<Network> | undefined;
  #egress: Egress | undefined;

  constructor(sockets: readonly number[]) {
    this.#sockets = [...sockets];
  }

  /** Its egress: {@link Sandbox.egress}. */
  get egress(): Egress | undefined {
    return this.#egress;
  }

  /** Puts a policy in force. */
  async begin(set: NamespaceSet, policy: Policy): Promise<void> {
    const network = await this.of(set);
    this.#egress = await part().egressBy(network, policy);
  }

  /** @throws NamespaceError `ERR_LINUX_NS_NO_SUCH_KIND` for a sandbox that has the host's network */
  async of({ net }: NamespaceSet): Promise<Network> {
    if (net === undefined) throw hostsNetwork();
    return (this.#opened ??= this.#open(net));
  }

  /** Closes the network, with its egress and the ports that are exposed. */
  async close(): Promise<void> {
    const network = await this.#opened?.catch(() => undefined);
    await network?.close();
    for (const fd of this.#sockets.splice(0)) native().closeNow(fd);
  }

  /** The namespace alone, and not the set: a network that was given belongs to a user namespace above the sandbox's. */
  async #open(net: Namespace): Promise<Network> {
    try {
      const { Network: Class } = part();
      const made = this.#sockets.splice(0);
      const network =
        made.length === 0
          ? await Class.open(net)
          : Class.over(net, made, undefined, socketsOfEgress().slice(places().NETWORK_SOCKETS.length));
      notForgotten(network);
      return network;
    } catch (error) {
      this.#opened = undefined; // the next call tries again
      throw error;
    }
  }
}

let known: readonly SocketRequest[] | undefined;

/** The sockets of a network and of its egress, as far as this kernel has them. */
function socketsOfEgress(): readonly SocketRequest[] {
  if (known !== undefined) return known;
  const { NETWORK_SOCKETS, EGRESS_SOCKETS, possible } = places();
  return (known = [...NETWORK_SOCKETS, ...possible(EGRESS_SOCKETS)]);
}

/** Loads the code of networks and of their egress, so that it is there when it is needed. */
export function loadNetworks(): void {
  part();
  require('../network/egress/egress');
}

/** The steps that make these sockets, for the task that makes the network. */
export function socketSteps(): readonly Step[] {
  return socketsOfEgress().map(places().socketStep);
}

function places(): typeof placing {
  return require('../network/place') as typeof placing;
}

function part(): typeof networks {
  return require('../network/network') as typeof networks;
}

function hostsNetwork(): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_NO_SUCH_KIND',
    message: 'This Sandbox has no network of its own',
    kind: 'net',
    hint: "It is in this process's network, where its servers can be reached as they are. Leave out network: 'host' and share: ['net'] for one of its own.",
  });
}
