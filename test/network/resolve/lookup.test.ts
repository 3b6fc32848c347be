import { type Socket, createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, fetch } from 'undici';
import { type NamespaceProcess, type NamespaceSet, unshare } from '../../../lib';
import { Network } from '../../../lib/network';
import { errorWith } from '../../fixtures/errors';
import { eventually } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';
import { ONE_WAIT } from '../../fixtures/patience';
import { WAYS, closeAll, converse, getText } from '../sockets/inside';

/** Servers that nobody listens at are answered for at once; those that are silent are not waited for long. */
const PATIENT = { timeout: ONE_WAIT, attempts: 1 };

describe.each(WAYS)('lookup() in %s', (_, kinds) => {
  let set: NamespaceSet;
  let net: Network;

  beforeAll(async () => {
    set = await unshare(kinds);
    net = await Network.open(set);
  });

  afterAll(async () => {
    await net.close();
    await set.close();
  });

  needs({ tool: ['dnsmasq'] }).describe('with a dnsmasq', () => {
    const dns = { ...PATIENT, servers: ['127.0.0.1'] };
    let dnsmasq: NamespaceProcess;

    beforeAll(async () => {
      const many = Array.from({ length: 60 }, (__, index) => `--host-record=many.lab.test,10.0.1.${index + 1}`);
      dnsmasq = await set.spawn(
        'dnsmasq',
        [
          ...['--no-daemon', '--conf-file=/dev/null'],
          ...['--no-resolv', '--no-hosts', '--listen-address=127.0.0.1,::1', '--bind-interfaces', '--local=/test/'],
          ...['--host-record=www.lab.test,10.0.0.80,fd00::80', '--host-record=four.lab.test,10.0.0.4'],
          ...['--host-record=here.lab.test,127.0.0.1', '--cname=alias.lab.test,www.lab.test', ...many],
        ],
        { stdio: 'ignore' },
      );
      await eventually(() =>
        net.lookup('www.lab.test', { ...dns, timeout: 500 }).then(
          () => true,
          () => false,
        ),
      );
    });

    afterAll(() => dnsmasq.close());

    test('finds the addresses of a name, of both families or of one', async () => {
      const both = [
        { address: '10.0.0.80', family: 4 },
        { address: 'fd00::80', family: 6 },
      ];
      expect(await net.lookup('www.lab.test', dns)).toEqual(both);
      expect(await net.lookup('WWW.Lab.Test.', { ...dns, order: 'ipv6first' })).toEqual([...both].reverse());
      expect(await net.lookup('www.lab.test', { ...dns, family: 4 })).toEqual(both.slice(0, 1));
      expect(await net.lookup('www.lab.test', { ...dns, family: 6 })).toEqual(both.slice(1));
    });

    test('follows aliases', async () => {
      expect(await net.lookup('alias.lab.test', { ...dns, family: 4 })).toEqual([{ address: '10.0.0.80', family: 4 }]);
    });

    test('asks over TCP where an answer is too large for a datagram', async () => {
      expect(await net.lookup('many.lab.test', { ...dns, family: 4 })).toHaveLength(60);
    });

    test('asks a server by IPv6, too', async () => {
      expect(await net.lookup('four.lab.test', { ...dns, servers: ['::1'] })).toEqual([
        { address: '10.0.0.4', family: 4 },
      ]);
    });

    test('tries the domains of the search list', async () => {
      expect(await net.lookup('four', { ...dns, search: ['nosuch.test', 'lab.test'] })).toHaveLength(1);
      expect(await net.lookup('four.lab', { ...dns, search: ['test'], ndots: 2 })).toHaveLength(1);
    });

    test('goes on to the next server where one does not answer', async () => {
      expect(await net.lookup('four.lab.test', { ...dns, servers: ['127.0.0.9', '127.0.0.1'] })).toHaveLength(1);
    });

    test('says that a name has no address', async () => {
      const error = { name: 'NamespaceError', code: 'ENOTFOUND', syscall: 'getaddrinfo' };
      await expect(net.lookup('nosuch.lab.test', dns)).rejects.toThrow(errorWith(error));
      await expect(net.lookup('four.lab.test', { ...dns, family: 6 })).rejects.toThrow(errorWith(error));
      await expect(net.lookup('a..b', dns)).rejects.toThrow(errorWith(error));
    });

    test('is what connections, servers, datagrams and fetch find names by', async () => {
      const server = await net.listen(
        createHttp((__, response) => response.end('by name')),
        { host: 'here.lab.test', port: 80, dns },
      );
      const host = 'here.lab.test';
      const socket = await net.connect({ host, port: 80, dns });
      expect(socket.remoteAddress).toBe('127.0.0.1');
      socket.destroy();
      expect(await getText({ host, agent: net.httpAgent({ dns }) })).toBe('by name');
      const dispatcher = new Agent({ connect: net.connector({ dns }) });
      expect(await (await fetch(`http://${host}/`, { dispatcher })).text()).toBe('by name');
      await dispatcher.close();
      const datagram = await net.createSocket({ type: 'udp4', port: 5300, address: host, dns });
      datagram.send('to itself', 5300, host);
      expect(String((await once(datagram, 'message'))[0])).toBe('to itself');
      datagram.close();
      await closeAll(server);
    });
  });

  test('asks from inside: a server of the host is not reached, whatever its address', async () => {
    const host = createSocket('udp4');
    const heard: unknown[] = [];
    host.on('message', (message) => heard.push(message));
    host.bind(0, '127.0.0.1');
    await once(host, 'listening');
    try {
      const servers = [`127.0.0.1:${host.address().port}`];
      await expect(net.lookup('www.lab.test', { ...PATIENT, servers })).rejects.toThrow(
        errorWith({
          name: 'NamespaceError',
          code: 'EAI_AGAIN',
          message: expect.stringContaining('127.0.0.1: recvmsg ECONNREFUSED') as string,
          hint: expect.stringContaining("the host's resolver does not listen") as string,
        }),
      );
      await expect(net.connect({ host: 'www.lab.test', port: 80, dns: { ...PATIENT, servers } })).rejects.toThrow(
        errorWith({ code: 'EAI_AGAIN' }),
      );
      expect(heard).toEqual([]);
    } finally {
      host.close();
    }
  });

  test('knows the loopback without asking anyone', async () => {
    const both = [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ];
    for (const name of ['localhost', 'LOCALHOST.', 'sub.localhost']) {
      expect(await net.lookup(name, { servers: [] })).toEqual(both);
    }
    expect(await net.lookup('192.0.2.1')).toEqual([{ address: '192.0.2.1', family: 4 }]);
  });

  describe('with a server that is out of its mind', () => {
    let server: Socket;
    let stream: Server;
    let reply: (query: Buffer) => (Buffer | undefined)[];
    const dns = { servers: ['127.0.0.1:5301'], attempts: 1, timeout: ONE_WAIT, family: 4 as const };

    beforeAll(async () => {
      server = await net.createSocket({ type: 'udp4', port: 5301, address: '127.0.0.1' });
      server.on('message', (query, { port, address }) => {
        for (const answer of reply(query)) if (answer !== undefined) server.send(answer, port, address);
      });
      stream = await net.listen(
        createServer((socket) =>
          socket
            .on('error', () => undefined)
            .resume()
            .end(Buffer.from([0xff, 0xff, 1, 2, 3])),
        ),
        { port: 5301, host: '127.0.0.1' },
      );
    });

    afterAll(async () => {
      server.close();
      await closeAll(stream);
    });

    /** The question as an answer, with one address. */
    const good = (query: Buffer, last = 7): Buffer => {
      const answer = Buffer.concat([query, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, last])]);
      answer.writeUInt16BE(0x8180, 2);
      answer.writeUInt16BE(1, 6);
      return answer;
    };

    const withNumber = (answer: Buffer, id: number): Buffer => {
      answer.writeUInt16BE(id, 0);
      return answer;
    };

    test('does not take what is no answer to its question for one', async () => {
      reply = (query) => [
        withNumber(good(query, 66), (query.readUInt16BE(0) + 1) & 0xffff),
        Buffer.from('nonsense'),
        Buffer.alloc(0),
        good(query),
      ];
      expect(await net.lookup('x.test', dns)).toEqual([{ address: '10.0.0.7', family: 4 }]);
    });

    test('is asked for the name itself when it cannot tell of a domain of the search list', async () => {
      const broken = (query: Buffer): Buffer => {
        const answer = Buffer.from(query);
        answer.writeUInt16BE(0x8182, 2);
        return answer;
      };
      reply = (query) => [query.includes('corp') ? broken(query) : good(query)];
      expect(await net.lookup('host', { ...dns, search: ['corp'] })).toHaveLength(1);
      reply = (query) => [broken(query)];
      await expect(net.lookup('host', { ...dns, search: ['corp'] })).rejects.toThrow(
        errorWith({ code: 'EAI_AGAIN', message: expect.stringContaining('127.0.0.1: SERVFAIL') as string }),
      );
    });

    test('says that it refuses, or that it is broken', async () => {
      reply = (query) => {
        const answer = Buffer.from(query);
        answer.writeUInt16BE(0x8185, 2);
        return [answer];
      };
      await expect(net.lookup('x.test', dns)).rejects.toThrow(
        errorWith({ code: 'EAI_AGAIN', message: expect.stringContaining('127.0.0.1: REFUSED') as string }),
      );
    });

    test('says that nothing came in time', async () => {
      reply = () => [];
      await expect(net.lookup('x.test', { ...dns, timeout: 50 })).rejects.toThrow(
        errorWith({ code: 'EAI_AGAIN', message: expect.stringContaining('no answer within 50 ms') as string }),
      );
    });

    test('says that what came over TCP makes no sense', async () => {
      reply = (query) => {
        const answer = good(query);
        answer.writeUInt16BE(0x8380, 2);
        return [answer];
      };
      await expect(net.lookup('x.test', dns)).rejects.toThrow(
        errorWith({ code: 'EAI_AGAIN', message: expect.stringContaining('no sense') as string }),
      );
    });

    test('is given up when the signal is aborted', async () => {
      reply = () => [];
      const controller = new AbortController();
      const looking = net.lookup('x.test', { ...dns, signal: controller.signal });
      setTimeout(() => controller.abort(), 20);
      await expect(looking).rejects.toThrow(errorWith({ name: 'AbortError', code: 'ABORT_ERR' }));
      await expect(
        net.connect({ host: 'x.test', port: 80, dns: { servers: dns.servers }, timeout: 50 }),
      ).rejects.toThrow(errorWith({ code: 'ETIMEDOUT', step: 'connect x.test:80' }));
    });
  });

  test.each([
    [{ family: 5 }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ server: ['10.0.0.1'] }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ servers: ['10.0.0.1:99999'] }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ attempts: 0 }, { code: 'ERR_OUT_OF_RANGE' }],
    [{ order: 'verbatim' }, { code: 'ERR_INVALID_ARG_VALUE' }],
  ])('refuses %j before anything is started', async (options, error) => {
    await expect(net.lookup('x.test', options as never)).rejects.toThrow(errorWith(error));
  });
});

describe('lookup() in a set with a mount namespace', () => {
  test('goes by the files in there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ns-etc-'));
    const set = await unshare(['user', 'mnt', 'net']);
    const net = await Network.open(set);
    try {
      writeFileSync(join(folder, 'hosts'), '10.0.0.77 only.inside\n127.0.0.1 here.inside\n');
      writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.53\noptions timeout:30 attempts:1\n');
      for (const file of ['hosts', 'resolv.conf']) {
        await set.mount({ bind: true, source: join(folder, file), target: `/etc/${file}` });
      }
      expect(await net.lookup('only.inside')).toEqual([{ address: '10.0.0.77', family: 4 }]);
      await expect(net.lookup('nosuch.inside')).rejects.toThrow(
        errorWith({
          code: 'EAI_AGAIN',
          message: expect.stringContaining('127.0.0.53: recvmsg ECONNREFUSED') as string,
        }),
      );
      const server = await net.listen(
        createServer((socket) => socket.end('found')),
        { port: 80, host: 'here.inside' },
      );
      expect(await converse(await net.connect({ host: 'here.inside', port: 80 }), '')).toBe('found');
      await closeAll(server);
    } finally {
      await net.close();
      await set.close();
      rmSync(folder, { recursive: true });
    }
  });
});
