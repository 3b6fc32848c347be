import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { breakOff } from '../../../lib/network/sockets/break-off';
import { closeAll } from './inside';

describe('breakOff()', () => {
  let server: Server;
  let accepted: Promise<Socket>;
  let client: Socket;

  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
    accepted = once(server, 'connection').then(([socket]) => (socket as Socket).on('error', () => undefined));
    await once(server, 'listening');
    client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
    await once(client, 'connect');
  });
  afterEach(async () => {
    (await accepted).destroy();
    await closeAll(server);
  });

  const errorOf = (socket: Socket): Promise<string | undefined> =>
    new Promise((resolve) => {
      let code: string | undefined;
      socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code));
      socket.once('close', () => resolve(code)).resume();
    });

  test('resets a connection, so that the other side sees no end', async () => {
    const error = errorOf(await accepted);
    breakOff(client);
    expect(await error).toBe('ECONNRESET');
  });

  test('closes one whose end is on its way', async () => {
    client.end();
    await new Promise((resolve) => process.nextTick(resolve));
    const closed = once(client, 'close');
    breakOff(client);
    await closed;
    await once((await accepted).resume(), 'end');
  });
});
