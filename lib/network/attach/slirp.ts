import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { NamespaceError } from '../../errors/namespace-error';
import { throwIfAborted } from '../../errors/abort';
import { isPrivileged } from '../place';
import { DESCRIPTORS, failedToStart } from './helper';
import type { AttachPlan } from './attach-options';

/**
 * A root directory that is empty, which only root can give it (setegid). To get there it takes all mounts away in a mount
 * namespace of its own, of which only `/` is private: what is shared, and /run/netns is, would go on the host as well, with all
 * namespaces that have a name. So it is to be started where nothing is shared.
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

/** slirp4netns has no ports that lead out, and what answers over UDP goes to its gateway: the host's loopback. */
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

/** Asks a slirp4netns that runs, over its API socket, to forward ports: one connection for each request. */
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
