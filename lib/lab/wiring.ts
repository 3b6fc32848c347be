/** The wiring of a lab, in the kernel: switches, and the cables from hosts to them. */
import { NamespaceError, closedError } from '../errors/namespace-error';
import { Errno } from '../kernel/errno';
import type { Network } from '../network/network';
import type { Host } from './host';
import type { Interface } from './interface';
import type { LabNetwork } from './network';
import type { Plan, Planned } from './plan';
import { indexOfPort, indexOfSwitch, untilForwarding } from './port';
import { allSettled } from './settled';

/**
 * Makes what the plan has. A program that is root of its host can delete the interface of the host, and the kernel deletes
 * the port at the switch with it: so a port that is not there is no error but for who wants to use it.
 */
export class Wiring {
  readonly #core: Network;
  readonly #plan: Plan;

  /** @param core - the network of the switches */
  constructor(core: Network, plan: Plan) {
    this.#core = core;
    this.#plan = plan;
  }

  async addSwitch({ bridge: name }: LabNetwork): Promise<void> {
    const index = indexOfSwitch(name);
    // Multicast goes to all hosts, without a switch that has to find out first who wants it.
    await this.#core.link.make({ name, index, kind: 'bridge', up: true, multicastSnooping: false, forwardDelay: 0 });
  }

  async removeSwitch({ bridge }: LabNetwork): Promise<void> {
    await this.#deleteLinks([bridge]);
  }

  /** Connects new interfaces of hosts to their switches. Packets pass when this resolves. */
  async connect(planned: Planned): Promise<void> {
    const { host, interfaces } = planned;
    try {
      await this.#makeCables(planned);
      await host.configure(interfaces, (added) => this.#plan.prefixesOf(added));
      await this.#untilForwarding(interfaces);
      this.#mustBePlanned(planned);
    } catch (error) {
      await this.disconnect(interfaces);
      this.#mustBePlanned(planned, error);
      throw error;
    }
  }

  /**
   * Takes cables away, also those that have not come to be. The kernel would do it some time after the last user of the
   * host's network.
   */
  async disconnect(interfaces: readonly Interface[]): Promise<void> {
    await this.#deleteLinks(interfaces.map(({ port }) => port));
  }

  /** Plugs cables in, or pulls them out, at the switches. Packets pass when this resolves. */
  async plug(interfaces: readonly Interface[], up: boolean): Promise<void> {
    const { link } = this.#core;
    await allSettled(
      interfaces.map(async (each) => {
        try {
          await link.set(indexOfPort(each.port), { up });
        } catch (error) {
          if (up && isMissing(error)) throw deletedInside(each, error);
          ignoreGone(error); // a cable that is gone is out already
        }
      }),
    );
    if (up) await allSettled([this.#untilForwarding(interfaces), this.#untilNoticed(interfaces)]);
  }

  /** The interfaces of a host that are not there any more as they were made, because a program on it has changed them. */
  async damaged({ network, wired }: Host): Promise<Interface[]> {
    const [ends, addresses] = await Promise.all([network.link.list(), network.address.list()]);
    return wired.filter(({ index, name, mac, port, addresses: given }) => {
      const end = ends.find((each) => each.index === index);
      const has = (address: string): boolean =>
        addresses.some((each) => each.index === index && each.address === address);
      const isCable = end?.name === name && end.address === mac && end.linkIndex === indexOfPort(port);
      return !isCable || !end.up || !given.every(has);
    });
  }

  /** Makes interfaces of a host again, in place of whatever has their names and indexes now. */
  async replace(host: Host, interfaces: readonly Interface[]): Promise<void> {
    const { link } = host.network;
    await this.disconnect(interfaces);
    const ends = await link.list();
    const inTheWay = ends.filter((end) =>
      interfaces.some(({ name, index }) => end.name === name || end.index === index),
    );
    await Promise.all(inTheWay.map(({ index }) => link.delete(index).catch(ignoreGone)));
    await this.connect({ host, interfaces });
  }

  async #makeCables({ host, interfaces }: Planned): Promise<void> {
    const { namespaces } = host;
    await allSettled(
      interfaces.map(({ port, network, name, index, mac }) => {
        const bridge = this.#plan.networks.get(network)?.bridge;
        if (bridge === undefined) throw closedError(`Network ${network}`);
        return this.#core.link.make({
          ...{ name: port, index: indexOfPort(port), kind: 'veth', up: true, master: indexOfSwitch(bridge) },
          peer: { name, index, address: mac, namespace: namespaces },
        });
      }),
    );
  }

  async #untilForwarding(interfaces: readonly Interface[]): Promise<void> {
    await allSettled(interfaces.map(({ port }) => untilForwarding(this.#core, indexOfPort(port))));
  }

  /** Until the kernel of each host has noticed its carrier, the host drops what it sends. */
  async #untilNoticed(interfaces: readonly Interface[]): Promise<void> {
    await allSettled(
      interfaces.map(async ({ host, index }) => {
        try {
          const network = this.#plan.hosts.get(host)?.network;
          if (network !== undefined) await untilForwarding(network, index);
        } catch (error) {
          ignoreGone(error); // of a host that is closed meanwhile
        }
      }),
    );
  }

  /**
   * Checks that nobody has taken the host or one of the networks out of the lab meanwhile.
   *
   * @param cause - the error that this may explain
   */
  #mustBePlanned({ host, interfaces }: Planned, cause?: unknown): void {
    if (this.#plan.hosts.get(host.name) !== host) throw closedError(`Host ${host.name}`, cause);
    const gone = interfaces.find((each) => !host.ports.includes(each));
    if (gone !== undefined) throw closedError(`Network ${gone.network}`, cause);
  }

  /** Deletes links of the switches. One may not have come to be, or be gone with the other end. */
  async #deleteLinks(names: readonly string[]): Promise<void> {
    const { link } = this.#core;
    await Promise.all(names.map((name) => link.delete(name).catch(ignoreGone)));
  }
}

/** True for the error of a link that is not there. */
export function isMissing(error: unknown): boolean {
  return (error as { code?: string }).code === 'ENODEV';
}

/** Passes over the error of a link that is not there, or of a lab that is closed. @throws any other error */
function ignoreGone(error: unknown): void {
  if (!isMissing(error) && (error as { code?: string }).code !== 'ERR_LINUX_NS_CLOSED') throw error;
}

function deletedInside({ host, name, network }: Interface, cause: unknown): NamespaceError {
  return new NamespaceError({
    errno: Errno.ENODEV,
    step: `plug host ${host} into network ${network}`,
    kind: 'net',
    hint: `A program on the host has deleted its interface ${name}, which is made again when the host restarts.`,
    cause,
  });
}
