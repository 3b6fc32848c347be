import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { NamespaceError } from '../../errors/namespace-error';
import type { AttachPlan } from './attach-options';

type Port = AttachPlan['ports'][number];

/**
 * The error of the first port that cannot be bound on the host; undefined where all can. The programs do not report the
 * reason, so after a failure the ports are tried here.
 */
export async function refusedPort({ ports }: AttachPlan): Promise<NamespaceError | undefined> {
  for (const port of ports.filter(({ direction }) => direction === 'in')) {
    const error = await (port.protocol === 'tcp' ? tryTcp(port) : tryUdp(port)).catch((cause: unknown) => cause);
    if (error === undefined) continue;
    const { errno } = error as { errno?: number };
    const { address, host } = port;
    const hint = `${address}:${host} is a port of the host: somebody else has it there, or it is a privileged one.`;
    return new NamespaceError({ errno, syscall: 'bind', address, port: host, step: `bind ${address}:${host}`, hint });
  }
  return undefined;
}

async function tryTcp({ address, host }: Port): Promise<undefined> {
  const server = createServer();
  server.listen({ host: address, port: host, exclusive: true });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

async function tryUdp({ address, host }: Port): Promise<undefined> {
  const socket = createSocket('udp4');
  try {
    socket.bind({ address, port: host, exclusive: true });
    await once(socket, 'listening');
  } finally {
    socket.close();
  }
}
