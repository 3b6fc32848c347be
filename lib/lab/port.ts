/** Ports: the ends of wires that are in the core, where the switches are. */
import type { Network } from '../network/network';

/** Far above the indexes of interfaces. */
const FIRST_SWITCH = 1 << 19;

/** Far above the indexes of interfaces on hosts. */
const FIRST_PORT = 1 << 20;

/** So many milliseconds at least: a program on the host may have taken the other end down meanwhile. */
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
 * Waits until the switch passes packets to and from a port. The kernel notices some time after the other end has been
 * brought up that it has a carrier (linkwatch); until then the switch drops what comes, and it does not let a port be set
 * to pass packets.
 */
export async function untilForwarding({ link }: Network, index: number): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await link.set(index, { port: { state: 'forwarding' } });
      return;
    } catch (error) {
      const { code } = error as { code?: string };
      // A port whose frames a wire carries is at no switch.
      if (code === 'ENOTSUP' || attempt === MOST_ATTEMPTS) return;
      if (code !== 'ENETDOWN') throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
