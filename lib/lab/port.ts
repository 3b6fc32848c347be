/** Ports: the ends of wires that are in the core, where the switches are. */
import type { Link } from '../network/link/link';
import type { Network } from '../network/network';

/** Far above the indexes of interfaces. */
const FIRST_SWITCH = 1 << 19;

/** Far above the indexes of interfaces on hosts. */
const FIRST_PORT = 1 << 20;

/** So many milliseconds at least. The kernel takes a second at most. */
const MOST_ATTEMPTS = 5000;

/** The index of a switch, by its name: `n3`. It is below those of ports. */
export function indexOfSwitch(bridge: string): number {
  return FIRST_SWITCH + Number(bridge.slice(1));
}

/**
 * The index of a port. It is never that of an interface on a host: the kernel takes two ends with the same index for one
 * that has no other end, and may then take a second to notice its carrier (linkwatch_urgent_event).
 */
export function indexOfPort(port: string): number {
  return FIRST_PORT + Number(port.slice(1));
}

/**
 * Waits until the switch passes packets to and from a port, or a host to and from its interface. The kernel notices some
 * time after the other end has been brought up that it has a carrier (linkwatch), and until then it drops what is given to
 * the end. The state is `'UNKNOWN'` before that, and such a port can be set to pass packets, but drops them. Since Linux 6.8
 * the kernel takes notice when it is asked for the state. Not waited for are an end that is down, one whose other end is
 * (which has no carrier, and the flag for that is current), and one that is gone.
 */
export async function untilForwarding({ link }: Network, index: number): Promise<void> {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const { state, up, flags } = await link.get(index).catch(gone);
    if (state === 'UP' || !up || !flags.includes('LOWER_UP')) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** What is known of a link that is not there. @throws any error but that it is not there */
function gone(error: unknown): Pick<Link, 'state' | 'up' | 'flags'> {
  if ((error as { code?: string }).code !== 'ENODEV') throw error;
  return { state: 'NOTPRESENT', up: false, flags: [] };
}
