import { createServer as createHttp } from 'node:http';
import { type AddressInfo, type Server, createServer } from 'node:net';
import { type NamespaceSet, unshare } from '../../../lib';
import { Network } from '../../../lib/network';
import { errorWith } from '../../fixtures/errors';
import { type Footprint, expectNothingLeft } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';
import { WAYS, closeAll, converse, footprintWithServers, getText } from './inside';

describe.each(WAYS)('listen() in %s', (_, kinds) => {
  let set: NamespaceSet;
  let net: Network;
  const servers: Server[] = [];
  let before: Footprint;

  beforeAll(async () => {
    before = await footprintWithServers();
  });

  beforeEach(async () => {
    set = await unshare(kinds);
    net = await Network.open(set);
  });

  afterEach(async () => {
    await closeAll(...servers.splice(0));
    await net.close();
    await set.close();
  });

  afterAll(() => expectNothingLeft(before));

  const echo = (): Server => createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));

  test('has a server listen on a port of the namespace, privileged ones included', async () => {
    const server = await net.listen(echo(), 80);
    servers.push(server);
    expect(server.listening).toBe(true);
    expect((server.address() as AddressInfo).port).toBe(80);
    expect(await converse(await net.connect(80), 'hello')).toBe('hello');
  });

  test('has many servers on port 80, one in each of many namespaces, in one process', async () => {
    const sets = await Promise.all(Array.from({ length: 8 }, () => unshare(kinds)));
    const networks = await Promise.all(sets.map((each) => Network.open(each)));
    try {
      const answers = networks.map((__, index) => createHttp((_request, response) => response.end(`number ${index}`)));
      servers.push(...(await Promise.all(networks.map((each, index) => each.listen(answers[index]!, 80)))));
      const bodies = await Promise.all(networks.map((each) => getText({ host: '127.0.0.1', agent: each.httpAgent() })));
      expect(bodies).toEqual(networks.map((__, index) => `number ${index}`));
    } finally {
      await Promise.all([...networks, ...sets].map((each) => each.close()));
    }
  });

  test('makes a server of its own where none is given', async () => {
    const server = await net.listen({ port: 0, host: '127.0.0.1' });
    servers.push(server);
    server.on('connection', (socket) => socket.end('welcome'));
    expect(server.address()).toMatchObject({ address: '127.0.0.1', family: 'IPv4' });
    const { port } = server.address() as AddressInfo;
    expect(await converse(await net.connect(port), '')).toBe('welcome');
  });

  test('listens on both families, unless told otherwise', async () => {
    servers.push(
      await net.listen(echo(), { port: 80 }),
      await net.listen(echo(), { port: 81, host: '::', ipv6Only: true }),
    );
    for (const host of ['127.0.0.1', '::1'])
      expect(await converse(await net.connect({ port: 80, host }), host)).toBe(host);
    expect(await converse(await net.connect({ port: 81, host: '::1' }), 'six')).toBe('six');
    await expect(net.connect({ port: 81, host: '127.0.0.1' })).rejects.toThrow(errorWith({ code: 'ECONNREFUSED' }));
  });

  test('listens on IPv4 where the namespace has no IPv6', async () => {
    await set.writeFile('/proc/sys/net/ipv6/conf/all/disable_ipv6', '1');
    const server = await net.listen(echo(), 80);
    servers.push(server);
    expect(await converse(await net.connect({ port: 80, host: '127.0.0.1' }), 'four')).toBe('four');
  });

  test('resolves names in the namespace', async () => {
    servers.push(await net.listen(echo(), { port: 80, host: 'localhost' }));
    expect(await converse(await net.connect({ port: 80, host: 'localhost' }), 'local')).toBe('local');
  });

  test('listens where others do not: a port can be had once', async () => {
    servers.push(await net.listen(echo(), 80));
    await expect(net.listen(echo(), 80)).rejects.toThrow(
      errorWith({ name: 'NamespaceError', code: 'EADDRINUSE', address: '::', port: 80, kind: 'net' }),
    );
  });

  test('spreads connections over servers that share a port', async () => {
    servers.push(...(await Promise.all([1, 2].map(() => net.listen(echo(), { port: 80, reusePort: true })))));
    expect(await converse(await net.connect(80), 'shared')).toBe('shared');
  });

  test('takes connections of one interface only, if asked', async () => {
    servers.push(await net.listen(echo(), { port: 80, device: 'lo' }));
    expect(await converse(await net.connect({ port: 80, device: 'lo' }), 'through lo')).toBe('through lo');
    await expect(net.listen(echo(), { device: 'nosuch0' })).rejects.toThrow(errorWith({ code: 'ENODEV' }));
  });

  test('says why an address cannot be had', async () => {
    await expect(net.listen(echo(), { host: '192.0.2.77', port: 80 })).rejects.toThrow(
      errorWith({
        code: 'EADDRNOTAVAIL',
        syscall: 'bind',
        address: '192.0.2.77',
        port: 80,
        hint: expect.stringContaining('192.0.2.77') as string,
      }),
    );
    await expect(net.listen(echo(), { host: 'fe80::1%nosuch0' })).rejects.toThrow(
      errorWith({ code: 'ENODEV', hint: expect.stringContaining('nosuch0') as string }),
    );
    await expect(net.listen(echo(), { host: 'fe80::1' })).rejects.toThrow(
      errorWith({ code: 'EINVAL', hint: expect.stringContaining('fe80::1%') as string }),
    );
  });

  test('refuses a server that listens already, and leaves it as it is', async () => {
    const server = await net.listen(echo(), 80);
    servers.push(server);
    await expect(net.listen(server, 81)).rejects.toThrow(errorWith({ code: 'ERR_SERVER_ALREADY_LISTEN' }));
    expect((server.address() as AddressInfo).port).toBe(80);
  });

  test('closes the server when its signal is aborted', async () => {
    const controller = new AbortController();
    const server = await net.listen(echo(), { port: 80, signal: controller.signal });
    const closed = new Promise((resolve) => server.once('close', resolve));
    controller.abort();
    await closed;
    expect(server.listening).toBe(false);
    await expect(net.listen(echo(), { port: 80, signal: controller.signal })).rejects.toThrow(
      errorWith({ name: 'AbortError' }),
    );
  });

  test('does not listen when its signal is aborted before it could', async () => {
    const controller = new AbortController();
    const server = echo();
    const listening = net.listen(server, { port: 80, signal: controller.signal });
    controller.abort();
    await expect(listening).rejects.toThrow(errorWith({ name: 'AbortError' }));
    expect(server.listening).toBe(false);
  });

  test('keeps the namespace for as long as it listens, also when the set and the network are closed', async () => {
    const apart = await unshare(kinds);
    const [other, again] = await Promise.all([Network.open(apart), Network.open(apart.net)]);
    const server = await other.listen(echo(), 80);
    servers.push(server);
    await apart.close();
    await other.close();
    await expect(other.listen(echo(), 81)).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_CLOSED' }));
    expect(await converse(await again.connect(80), 'still here')).toBe('still here');
    await again.close();
  });

  needs({ tool: ['ip'] }).test('does it on a network that has been joined', async () => {
    const handle = await set.net!.duplicate();
    const joined = await Network.open(handle);
    try {
      servers.push(await joined.listen(echo(), 80));
      expect(await converse(await joined.connect(80), 'by its handle')).toBe('by its handle');
    } finally {
      await joined.close();
      await handle.close();
    }
  });
});

describe('listen()', () => {
  let net: Network;
  beforeAll(async () => {
    net = await Network.open();
  });
  afterAll(() => net.close());

  test("without a target does it in this process's own network", async () => {
    const server = await net.listen({ host: '127.0.0.1' });
    expect(server.listening).toBe(true);
    await closeAll(server);
  });

  test.each([
    [70000, { code: 'ERR_OUT_OF_RANGE' }],
    [{ port: '80' }, { code: 'ERR_INVALID_ARG_TYPE' }],
    [
      { prot: 80 },
      { code: 'ERR_INVALID_ARG_VALUE', message: expect.stringContaining("did you mean 'port'") as string },
    ],
    [{ path: '/run/x', port: 80 }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ path: 'x'.repeat(108) }, { code: 'ERR_OUT_OF_RANGE' }],
    [{ path: 'a\0b' }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ device: 'much-too-long-name' }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ lookup: () => undefined, dns: {} }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ dns: { servers: ['nonsense'] } }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ backlog: -1 }, { code: 'ERR_OUT_OF_RANGE' }],
    ['80', { code: 'ERR_INVALID_ARG_TYPE' }],
  ])('refuses %j before anything is started', async (options, error) => {
    await expect(net.listen(options as never)).rejects.toThrow(errorWith(error));
  });
});
