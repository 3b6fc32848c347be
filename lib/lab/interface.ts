/** An interface of a host: its end of the wire to the switch of a network. */
export interface Interface {
  /** The name of the host. */
  readonly host: string;
  /** The name of the network. */
  readonly network: string;
  /** Its name on the host: `'eth0'`. */
  readonly name: string;
  /** Its index on the host. */
  readonly index: number;
  /** Its addresses, IPv4 first, without the length of a prefix. */
  readonly addresses: readonly string[];
  /** Its link-layer address. */
  readonly mac: string;
  /** The name of the other end of the wire, a port of the switch. Ports and switches are in no host. */
  readonly port: string;
}
