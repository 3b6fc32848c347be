/** Sockets of a network by descriptor, and what becomes of all that a network has made when it is closed. */
import { closeSync, readlinkSync } from 'node:fs';
import { type Server, createServer } from 'node:net';
import { Namespace, type NamespaceSet, unshare } from '../../lib';
import { Network } from '../../lib/network';
import { errorWith } from '../fixtures/errors';
import { expectNothingLeft } from '../fixtures/footprint';
import { WAYS, closeAll, converse, footprintWithServers, getText } from './sockets/inside';

describe.each(WAYS)('a network of %s', (_, kinds) => {
  let set: NamespaceSet;
  beforeAll(async () => {
    set = await unshare(kinds);
  });
  afterAll(() => set.close());

  const echo = (): Server => createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));

  test('makes sockets inside, as descriptors', async () => {
    await using net = await Network.open(set);
    const fd = await net.socket('inet', 'stream');
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toMatch(/^socket:/);
    closeSync(fd);
    await expect(net.socket('inets' as 'inet', 'stream')).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    await expect(net.socket('inet', 'seqpacket')).rejects.toMatchObject({ step: 'create socket', kind: 'net' });
  });

  test('makes sockets of the kind and protocol that were asked for, each in that network', async () => {
    await using net = await Network.open(set);
    const fds = await Promise.all([
      net.socket('unix', 'seqpacket'),
      net.socket('netlink', 'raw', 16 /* NETLINK_GENERIC */),
      ...Array.from({ length: 100 }, () => net.socket('inet', 'dgram')),
    ]);
    expect(new Set(fds).size).toBe(102);
    const found = new Set<string>();
    for (const fd of fds) {
      await using namespace = await Namespace.ofSocket('self', fd);
      found.add(String(namespace));
    }
    expect(found).toEqual(new Set([String(set.net)]));
    for (const fd of fds) closeSync(fd);
  });

  test('that is closed makes no more; what it has made goes on', async () => {
    const net = await Network.open(set);
    const server = await net.listen(echo(), 80);
    const connection = await net.connect(80);
    const datagram = await net.createSocket({ type: 'udp4', port: 53 });
    const agent = net.httpAgent();
    const connect = net.connector();
    await net.close();
    expect(await converse(connection, 'still here')).toBe('still here');
    expect(datagram.address().port).toBe(53);
    datagram.close();
    const closed = errorWith({ code: 'ERR_LINUX_NS_CLOSED' });
    for (const call of [
      () => net.listen(81),
      () => net.connect(80),
      () => net.createSocket('udp4'),
      () => net.socket('inet', 'stream'),
      () => net.lookup('name.test', { servers: ['127.0.0.1'], attempts: 1 }),
      () => getText({ host: '127.0.0.1', agent }),
      () =>
        new Promise((resolve, reject) =>
          connect({ hostname: '127.0.0.1', protocol: 'http:', port: 80 }, (error, socket) =>
            error === null ? resolve(socket) : reject(error),
          ),
        ),
    ]) {
      await expect(call()).rejects.toThrow(closed);
    }
    await closeAll(server);
  });

  test('leaves nothing, of mount namespaces either', async () => {
    const before = await footprintWithServers();
    const apart = await unshare([...kinds, 'mnt']);
    const net = await Network.open(apart);
    await apart.close();
    expect(await net.lookup('localhost', { family: 4 })).toEqual([{ address: '127.0.0.1', family: 4 }]);
    await net.connect({ host: 'localhost', port: 1 }).catch(() => undefined);
    await net.close();
    await expectNothingLeft(before);
  });
});
