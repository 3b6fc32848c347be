/** Link-layer addresses. */
import { native } from '../native';

/**
 * The bits that say that an address is of one interface, and of nobody's who makes such: IEEE 802. `02` would say so,
 * too, and Wireshark shows addresses that begin with it as those of a load balancer.
 */
const LOCAL = '06';

/**
 * The link-layer address of an interface. It follows from the first IP address, so that a host that takes the place of
 * another is reached at once: its neighbors still remember who had that address.
 *
 * @param number - of an interface without an IP address
 */
export function macOf([address]: readonly string[], number: number): string {
  const bytes = address === undefined ? undefined : native().addressBytes(address);
  const kind = bytes === undefined ? '00' : String(bytes.length).padStart(2, '0');
  const last = bytes?.subarray(-4) ?? Buffer.from(number.toString(16).padStart(8, '0'), 'hex');
  return [LOCAL, kind, ...[...last].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
