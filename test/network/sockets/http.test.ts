import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type Agent as HttpAgent, createServer, request as httpRequest } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2';
import { type Agent as HttpsAgent, createServer as createHttps, get as getHttps } from 'node:https';
import { type Server, type Socket, createServer as createNet } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls, createServer as createTls } from 'node:tls';
import { Agent, fetch } from 'undici';
import { type NamespaceSet, unshare } from '../../../lib';
import { Network } from '../../../lib/network';
import { errorWith } from '../../fixtures/errors';
import { type Footprint, eventually, expectNothingLeft } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';
import { WAYS, closeAll, converse, footprintWithServers, getText } from './inside';

describe.each(WAYS)('HTTP in %s', (_, kinds) => {
  let set: NamespaceSet;
  let net: Network;
  let server: Server;
  let before: Footprint;
  const agents: (HttpAgent | HttpsAgent)[] = [];

  beforeAll(async () => {
    before = await footprintWithServers();
    set = await unshare(kinds);
    net = await Network.open(set);
    server = await net.listen(
      createServer((request, response) => {
        request.pipe(response.writeHead(200, { port: String(request.socket.remotePort), url: request.url }));
      }),
      80,
    );
  });

  afterAll(async () => {
    for (const agent of agents) agent.destroy();
    await closeAll(server);
    await net.close();
    await set.close();
    await expectNothingLeft(before);
  });

  const kept = <A extends HttpAgent | HttpsAgent>(agent: A): A => {
    agents.push(agent);
    return agent;
  };

  test('an agent connects from the namespace', async () => {
    const agent = kept(net.httpAgent());
    const body = await new Promise<string>((resolve, reject) => {
      const request = httpRequest('http://localhost/path', { agent, method: 'POST' }, (response) => {
        expect(response.headers.url).toBe('/path');
        text(response).then(resolve, reject);
      });
      request.on('error', reject).end('sent');
    });
    expect(body).toBe('sent');
  });

  test('an agent that keeps its connections uses them again', async () => {
    const agent = kept(net.httpAgent({ keepAlive: true, maxSockets: 1 }));
    const ports = new Set<unknown>();
    for (let index = 0; index < 3; index++) {
      await new Promise<void>((resolve, reject) => {
        httpRequest({ host: '127.0.0.1', agent }, (response) => {
          ports.add(response.headers.port);
          response.resume().on('end', () => setImmediate(resolve));
        })
          .on('error', reject)
          .end();
      });
    }
    expect(ports.size).toBe(1);
  });

  test('an agent tells a request why there is no connection', async () => {
    await expect(getText({ host: '127.0.0.1', port: 81, agent: kept(net.httpAgent()) })).rejects.toThrow(
      errorWith({ name: 'NamespaceError', code: 'ECONNREFUSED', address: '127.0.0.1', port: 81 }),
    );
    const gone = await Network.open(set);
    const agent = kept(gone.httpAgent());
    await gone.close();
    await expect(getText({ host: '127.0.0.1', agent })).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_CLOSED' }));
  });

  test('a request whose namespace is closed goes on: its connection keeps the namespace', async () => {
    const apart = await unshare(kinds);
    const other = await Network.open(apart);
    await apart.close();
    const arrived = deferred();
    const slow = await other.listen(
      createServer((__, response) => {
        arrived.resolve();
        void other.close().then(() => response.end('after all'));
      }),
      80,
    );
    const body = getText({ host: '127.0.0.1', agent: kept(other.httpAgent()) });
    await arrived.promise;
    expect(await body).toBe('after all');
    await closeAll(slow);
  });

  test('a request whose peer vanishes fails as any other', async () => {
    const rude = await net.listen(
      createServer((request) => request.socket.destroy()),
      81,
    );
    await expect(getText({ host: '127.0.0.1', port: 81, agent: kept(net.httpAgent()) })).rejects.toThrow(
      errorWith({ code: 'ECONNRESET' }),
    );
    await closeAll(rude);
  });

  test('a request that is aborted while it connects leaves nothing', async () => {
    const controller = new AbortController();
    const request = httpRequest({ host: '127.0.0.1', agent: kept(net.httpAgent()), signal: controller.signal });
    const answered = new Promise((resolve, reject) => {
      request.on('response', resolve).on('error', reject).end();
    });
    controller.abort();
    await expect(answered).rejects.toThrow(errorWith({ name: 'AbortError' }));
  });

  test('a certificate that cannot be read leaves no connection', async () => {
    const open = new Set<Socket>();
    const plain = await net.listen(
      createNet((socket) => open.add(socket.on('close', () => open.delete(socket)))),
      8443,
    );
    const bad = { cert: 'none', key: 'none' };
    const request = getHttps({ host: '127.0.0.1', port: 8443, agent: kept(net.httpsAgent()), ...bad });
    await expect(once(request, 'response')).rejects.toThrow(errorWith({ code: 'ERR_OSSL_PEM_NO_START_LINE' }));
    const connect = net.connector(bad);
    const [error] = await new Promise<unknown[]>((resolve) => {
      connect({ hostname: '127.0.0.1', protocol: 'https:', port: 8443 }, (...outcome) => resolve(outcome));
    });
    expect(error).toMatchObject({ code: 'ERR_OSSL_PEM_NO_START_LINE' });
    await eventually(() => open.size === 0);
    await closeAll(plain);
  });

  test('fetch goes from the namespace, by a dispatcher of undici', async () => {
    const dispatcher = new Agent({ connect: net.connector() });
    try {
      const answer = await fetch('http://localhost/fetched', { method: 'POST', body: 'fetched', dispatcher });
      expect(answer.headers.get('url')).toBe('/fetched');
      expect(await answer.text()).toBe('fetched');
      const bodies = await Promise.all(
        Array.from({ length: 20 }, async (__, index) =>
          (await fetch('http://[::1]/', { method: 'POST', body: String(index), dispatcher })).text(),
        ),
      );
      expect(bodies).toEqual(Array.from({ length: 20 }, (__, index) => String(index)));
      await expect(fetch('http://127.0.0.1:81/', { dispatcher })).rejects.toThrow(
        errorWith({ cause: errorWith({ code: 'ECONNREFUSED', port: 81 }) }),
      );
    } finally {
      await dispatcher.close();
    }
  });

  test('HTTP/2 goes over a connection of the namespace', async () => {
    const second = await net.listen(
      createHttp2((request, response) => response.end(`${request.httpVersion} ${request.url}`)),
      82,
    );
    const socket = await net.connect(82);
    const session = connectHttp2('http://localhost:82', { createConnection: () => socket });
    expect(await text(session.request({ ':path': '/two' }))).toBe('2.0 /two');
    await new Promise<void>((resolve) => session.close(resolve));
    await closeAll(second);
  });

  test('two namespaces speak HTTP through a veth, in one process', async () => {
    const peer = kinds.includes('user') ? await unshare('net', { setns: set }) : await unshare('net');
    const [near, far] = await Promise.all([Network.open(set), Network.open(peer)]);
    try {
      await near.link.add({ name: 'near', kind: 'veth', up: true, peer: { name: 'far', namespace: peer.net! } });
      await far.link.set('far', { up: true });
      await near.address.add('near', '192.168.5.5/24');
      await far.address.add('far', '192.168.5.10/24');
      const there = await far.listen(
        createServer((request, response) => response.end(request.socket.remoteAddress)),
        {
          host: '192.168.5.10',
          port: 80,
        },
      );
      expect(await getText({ host: '192.168.5.10', agent: kept(net.httpAgent()) })).toBe('192.168.5.5');
      await closeAll(there);
    } finally {
      await Promise.all([near.close(), far.close()]);
      await peer.close();
    }
  });

  describe('with TLS', () => {
    let folder: string;
    let key: Buffer;
    let cert: Buffer;

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'ns-tls-'));
      const [keyout, out] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
      const subject = ['-subj', '/CN=inside.test', '-addext', 'subjectAltName=DNS:inside.test,IP:127.0.0.1'];
      const request = [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ];
      execFileSync('openssl', [...request, ...subject, '-keyout', keyout, '-out', out], { stdio: 'ignore' });
      [key, cert] = [readFileSync(keyout), readFileSync(out)];
    });

    afterAll(() => rmSync(folder, { recursive: true }));

    needs({ tool: ['openssl'] }).test('https.request and fetch verify who answers inside', async () => {
      const secure = await net.listen(
        createHttps({ key, cert }, (__, response) => response.end('securely')),
        443,
      );
      const lookup = (__: string, ___: unknown, callback: (...answer: unknown[]) => void): void =>
        callback(null, [{ address: '127.0.0.1', family: 4 }]);
      const agent = kept(net.httpsAgent({ ca: cert, keepAlive: true }));
      const body = await new Promise<string>((resolve, reject) => {
        getHttps('https://inside.test/', { agent, lookup: lookup as never }, (response) => {
          text(response).then(resolve, reject);
        }).on('error', reject);
      });
      expect(body).toBe('securely');
      const dispatcher = new Agent({ connect: net.connector({ ca: cert }) });
      expect(await (await fetch('https://127.0.0.1/', { dispatcher })).text()).toBe('securely');
      await dispatcher.close();
      const distrustful = new Agent({ connect: net.connector() });
      await expect(fetch('https://127.0.0.1/', { dispatcher: distrustful })).rejects.toThrow(
        errorWith({ cause: errorWith({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }) }),
      );
      await distrustful.close();
      await closeAll(secure);
    });

    needs({ tool: ['openssl'] }).test(
      'tls servers listen inside, and tls.connect() speaks on a socket from there',
      async () => {
        const secure = await net.listen(
          createTls({ key, cert }, (socket) => socket.end(`for ${socket.servername as string}`)),
          444,
        );
        const socket = connectTls({ socket: await net.connect(444), ca: cert, servername: 'inside.test' });
        expect(await converse(socket, '')).toBe('for inside.test');
        await closeAll(secure);
      },
    );
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
