import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { NamespaceError } from '../../errors/namespace-error';
import { throwIfAborted } from '../../errors/abort';
import { isPrivileged } from '../place';
import { DESCRIPTORS, failedToStart } from './helper';
import type { AttachPlan } from './attach-options';

/**
 * True where slirp4netns can be given an empty root directory, which only root can do (setegid). To get there it
 * unmounts everything in a mount namespace of its own, in which only `/` is made private. Mounts that are shared, as
 * /run/netns is, would be unmounted on the host as well, and all namespaces with a name would be lost. So it must be
 * started in a mount namespace in which nothing is shared.
 */
export function hasSandbox(): boolean {
  return process.geteuid?.() === 0 && isPrivileged();
}

/** The command line of slirp4netns(1). */
export function slirpArgs(plan: AttachPlan, hasUser: boolean, api: string): string[] {
  return [
    ...['--configure', `--mtu=${plan.mtu}`, '--enable-seccomp'],
    ...(hasSandbox() ? ['--enable-sandbox'] : []),
    ...(plan.ipv6 ? ['--enable-ipv6'] : []),
    ...(plan.hostLoopback ? [] : ['--disable-host-loopback']),
    `--ready-fd=${DESCRIPTORS.ready}`,
    `--api-socket=${api}`,
    '--netns-type=path',
    ...(hasUser ? [`--userns-path=/proc/self/fd/${DESCRIPTORS.user}`] : []),
    ...[`/proc/self/fd/${DESCRIPTORS.net}`, plan.interface],
  ];
}

/**
 * Refuses ports that slirp4netns cannot forward. It has no ports that lead out, and it sends answers over UDP to its
 * gateway, which must lead to the loopback of the host then.
 */
export function checkSlirpPorts({ program, ports, hostLoopback }: AttachPlan): void {
  if (program !== 'slirp4netns') return;
  ports.forEach(({ direction, protocol }, index) => {
    if (direction === 'out') throw unsupportedPort(index, 'out', 'connect to the gateway instead, with');
    if (protocol === 'udp' && !hostLoopback) throw unsupportedPort(index, 'over UDP', 'give it the way back:');
  });
}

function unsupportedPort(index: number, what: string, instead: string): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    message: `slirp4netns cannot forward a port ${what} (options.ports[${index}])`,
    hint: `Attach with 'pasta', or ${instead} { hostLoopback: true }, by which the gateway leads to the host's loopback.`,
    kind: 'net',
  });
}

/** Asks a running slirp4netns to forward ports, over its API socket, with one connection for each request. */
export async function forwardPorts(api: string, { ports, signal }: AttachPlan): Promise<void> {
  for (const { protocol, address, host, inside } of ports) {
    const request = { proto: protocol, host_addr: address, host_port: host, guest_port: inside };
    const socket = connect({ path: api, ...(signal && { signal }) });
    socket.end(JSON.stringify({ execute: 'add_hostfwd', arguments: request }));
    const answer = await text(socket).catch((error: unknown) => {
      throwIfAborted(signal);
      return String(error); // it has ended meanwhile, say
    });
    if (!answer.includes('"return"'))
      throw failedToStart('slirp4netns', `hostfwd ${address}:${host}: ${answer.trim()}`);
  }
}
