import { DESCRIPTORS } from './helper';
import type { AttachPlan } from './attach-options';

/** The addresses that slirp4netns has by default. pasta gets the same, in place of those of the host. */
export const ADDRESSES = Object.freeze({ address: '10.0.2.100', gateway: '10.0.2.2', dns: '10.0.2.3', prefix: 24 });

/** The options of pasta for the ports of each direction. */
const PORT_OPTIONS = Object.freeze({ in: { tcp: '-t', udp: '-u' }, out: { tcp: '-T', udp: '-U' } });

/** The command line of pasta(1). */
export function pastaArgs(plan: AttachPlan, hasUser: boolean): string[] {
  const { address, gateway, dns, prefix } = ADDRESSES;
  return [
    ...['--foreground', '--quiet', '--config-net'],
    ...['--ns-ifname', plan.interface, '--mtu', String(plan.mtu)],
    ...(plan.ipv6 ? [] : ['--ipv4-only']),
    ...['--address', address, '--netmask', String(prefix), '--gateway', gateway, '--dns-forward', dns],
    ...(plan.hostLoopback ? [] : ['--no-map-gw']),
    ...portArgs(plan),
    // pasta writes its pid when it is ready. The pid itself is not used.
    ...['--pid', `/proc/self/fd/${DESCRIPTORS.ready}`],
    ...(hasUser ? ['--userns', `/proc/self/fd/${DESCRIPTORS.user}`] : []),
    // Without this option root would become nobody, which may not enter a namespace of root.
    ...(process.geteuid?.() === 0 ? ['--runas', '0:0'] : []),
    ...['--netns', `/proc/self/fd/${DESCRIPTORS.net}`],
  ];
}

/** The options for forwarded ports. Without them pasta forwards every port that somebody listens on. */
function portArgs({ ports }: AttachPlan): string[] {
  return (['in', 'out'] as const).flatMap((direction) =>
    (['tcp', 'udp'] as const).flatMap((protocol) => {
      const option = PORT_OPTIONS[direction][protocol];
      const own = ports.filter((port) => port.direction === direction && port.protocol === protocol);
      if (own.length === 0) return [option, 'none'];
      return own.flatMap(({ address, host, inside }) => [
        option,
        direction === 'in' ? `${address}/${host}:${inside}` : `${inside}:${host}`,
      ]);
    }),
  );
}
