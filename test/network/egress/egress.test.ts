/** Network.egress(): connections to all addresses, decided about and passed on by this process. */
import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { inspect } from 'node:util';
import { type NamespaceSet, unshare } from '../../../lib';
import { Network } from '../../../lib/network';
import { errorWith } from '../../fixtures/errors';
import { type Footprint, expectNothingLeft } from '../../fixtures/footprint';
import { WAYS, closeAll, converse, footprintWithServers } from '../sockets/inside';

describe.each(WAYS)('egress() of %s', (_, kinds) => {
  let set: NamespaceSet;
  let net: Network;
  let before: Footprint;
  const servers: Server[] = [];

  beforeAll(async () => {
    before = await footprintWithServers();
  });
  beforeEach(async () => {
    set = await unshare(kinds);
    net = await Network.open(set);
  });
  afterEach(async () => {
    await net.close();
    await set.close();
    await closeAll(...servers.splice(0));
  });
  afterAll(() => expectNothingLeft(before));

  const echo = (socket: Socket): void => void socket.on('error', () => undefined).pipe(socket);
  /** A server of this host, and its port. */
  const outside = async (serve: (socket: Socket) => void, host = '127.0.0.1'): Promise<number> => {
    const server = createServer({ allowHalfOpen: true }, serve).listen(0, host);
    servers.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };

  test('takes connections in at an address that a rule names, and no others', async () => {
    const port = await outside(echo, '127.0.0.1');
    await using egress = await net.egress({ allow: [`10.0.0.1:${port}`], outside: redirected('127.0.0.1') });
    expect(egress.ports).toBe('all');
    expect(inspect(egress)).toContain("Egress { ports: 'all', connections: 0 }");
    expect(await converse(await net.connect({ port, host: '10.0.0.1', allowHalfOpen: true }), 'out')).toBe('out');
    const refused = await net.connect({ port, host: '10.0.0.2' });
    const [error] = (await once(refused.resume(), 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
  });

  test('a network has one egress, and another one after that is closed', async () => {
    const egress = await net.egress({});
    await expect(net.egress({})).rejects.toThrow(errorWith({ code: 'EEXIST' }));
    await egress.close();
    await using another = await net.egress({});
    expect(another.closed).toBe(false);
  });

  /** An outside in which every address is that one. */
  const redirected = (host: string) => ({
    lookup: () => Promise.resolve([{ address: host, family: 4 as const }]),
    connect: async (options: object) => (await here).connect({ ...options, host }),
  });
  const here = Network.open();
  afterAll(async () => (await here).close());
});
