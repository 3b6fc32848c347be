import { DESCRIPTORS } from './helper';
import type { AttachPlan } from './attach-options';

/** The addresses that slirp4netns has by default: pasta is given the same, and not those of the host. */
export const ADDRESSES = Object.freeze({ address: '10.0.2.100', gateway: '10.0.2.2', dns: '10.0.2.3', prefix: 24 });

/** What pasta calls the ports of each direction. */
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
    // Its pid, of no interest by itself, is written when it is ready.
    ...['--pid', `/proc/self/fd/${DESCRIPTORS.ready}`],
    ...(hasUser ? ['--userns', `/proc/self/fd/${DESCRIPTORS.user}`] : []),
    // Root would become nobody, who may enter no namespace of root's.
    ...(process.geteuid?.() === 0 ? ['--runas', '0:0'] : []),
    ...['--netns', `/proc/self/fd/${DESCRIPTORS.net}`],
  ];
}

/** By default pasta forwards whatever port somebody listens on. */
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
