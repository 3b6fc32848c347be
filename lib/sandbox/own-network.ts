import { NamespaceError } from '../errors/namespace-error';
import { notForgotten } from '../handle/forgotten';
import type { Namespace } from '../namespace/namespace';
import type { Egress } from '../network/egress/egress';
import type { Policy } from '../network/egress/policy/policy';
import type { Network } from '../network/network';
import type * as networks from '../network/network';
import type { NamespaceSet } from '../set/namespace-set';

/**
 * The network of a sandbox, for what this process does in it. It is opened when it is first needed, and closed with the
 * sandbox. The code of networks is loaded then, too.
 */
export class OwnNetwork {
  #opened: Promise<Network> | undefined;
  #egress: Egress | undefined;

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

  /** Closes the network, with the ports that are exposed. */
  async close(): Promise<void> {
    const network = await this.#opened?.catch(() => undefined);
    await network?.close();
  }

  /** The namespace alone, and not the set: a network that was given belongs to a user namespace above the sandbox's. */
  async #open(net: Namespace): Promise<Network> {
    try {
      const network = await part().Network.open(net);
      notForgotten(network);
      return network;
    } catch (error) {
      this.#opened = undefined; // the next call tries again
      throw error;
    }
  }
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
