import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { dial } from '../../../../lib/network/egress/outside/dial';
import { HERE } from '../../../../lib/network/egress/outside/here';
import { Policy } from '../../../../lib/network/egress/policy/policy';
import { type Certificates, makeCertificates } from '../../../egress/outside/certificates';
import { httpProxy, socksProxy } from '../../../egress/outside/proxies';
import { eventually } from '../../../fixtures/footprint';
import { needs } from '../../../fixtures/optional';
import { nodeArguments } from '../../../fixtures/scenario';
import { closeAll } from '../../sockets/inside';
import { exchange } from './scenarios';

const LOOPBACK = '127.0.0.1';
const USER = 'agent';
const PASSWORD = 'open: sesame/100%';
const CREDENTIALS = `${USER}:${encodeURIComponent(PASSWORD)}`;

let target: Server;
const servers: Server[] = [];
const children: ChildProcess[] = [];

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const listen = async <S extends Server>(server: S): Promise<S> => {
  servers.push(server.listen(0, LOOPBACK));
  await once(server, 'listening');
  return server;
};

beforeEach(async () => {
  target = await listen(
    createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined).write('greetings; ');
      socket.pipe(socket);
    }),
  );
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  await closeAll(...servers.splice(0));
});

/** Dials the target by its name, which only the proxy resolves. */
const through = (via: string, name = 'localhost'): Promise<Socket> =>
  dial({
    name,
    address: '198.18.0.1',
    port: portOf(target),
    policy: Policy.of('policy', {}),
    via: new URL(via),
    outside: {
      ...HERE,
      lookup: (host) => (host === name ? Promise.reject(new Error('asked here')) : HERE.lookup(host)),
    },
  });

const start = async (command: string, args: readonly string[], port: number): Promise<void> => {
  children.push(spawn(command, args, { stdio: 'ignore' }));
  await eventually(async () => {
    const socket = connect(port, LOOPBACK);
    return new Promise((resolve) => {
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    }).finally(() => socket.destroy()) as Promise<boolean>;
  });
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const port = portOf(server);
  await closeAll(server);
  return port;
};

describe('real proxies', () => {
  needs({ tool: ['tinyproxy'] }).test('tinyproxy, with and without credentials', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ns-tinyproxy-'));
    try {
      const [open, guarded] = [await freePort(), await freePort()];
      const lines = (port: number, ...more: string[]): string =>
        [`Port ${port}`, `Listen ${LOOPBACK}`, 'MaxClients 20', 'LogLevel Critical', ...more, ''].join('\n');
      writeFileSync(join(directory, 'open'), lines(open));
      writeFileSync(join(directory, 'guarded'), lines(guarded, `BasicAuth ${USER} opensesame`));
      await start('tinyproxy', ['-d', '-c', join(directory, 'open')], open);
      await start('tinyproxy', ['-d', '-c', join(directory, 'guarded')], guarded);
      expect(await exchange(await through(`http://${LOOPBACK}:${open}`))).toBe('greetings; hello');
      const by = `http://${USER}:opensesame@${LOOPBACK}:${guarded}`;
      expect(await exchange(await through(by))).toBe('greetings; hello');
      await expect(through(`http://${USER}:wrong@${LOOPBACK}:${guarded}`)).rejects.toMatchObject({ code: 'proxy' });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  needs({ tool: ['microsocks'] }).test('microsocks, with and without credentials', async () => {
    const [open, guarded] = [await freePort(), await freePort()];
    await start('microsocks', ['-i', LOOPBACK, '-p', String(open)], open);
    await start('microsocks', ['-i', LOOPBACK, '-p', String(guarded), '-u', USER, '-P', PASSWORD], guarded);
    expect(await exchange(await through(`socks5://${LOOPBACK}:${open}`))).toBe('greetings; hello');
    expect(await exchange(await through(`socks5://${CREDENTIALS}@${LOOPBACK}:${guarded}`))).toBe('greetings; hello');
    await expect(through(`socks5://${USER}:wrong@${LOOPBACK}:${guarded}`)).rejects.toMatchObject({
      code: 'proxy',
      message: 'The upstream proxy does not accept the credentials it was given.',
    });
    await expect(through(`socks5://${LOOPBACK}:${guarded}`)).rejects.toMatchObject({
      message: 'The upstream proxy wants other credentials.',
    });
    await expect(through(`socks5://${LOOPBACK}:${open}`, 'nowhere.invalid')).rejects.toMatchObject({ code: 'proxy' });
  });
});

describe('what a proxy is asked', () => {
  const refuse = (): Promise<never> => Promise.reject(new Error('no'));

  test('a name is asked for as a name, and an address as an address', async () => {
    const asked: string[] = [];
    const proxies = [
      `http://agent:open%20sesame@${LOOPBACK}:${portOf(await listen(httpProxy(refuse, asked)))}`,
      `socks5://agent:open%20sesame@${LOOPBACK}:${portOf(await listen(socksProxy(refuse, asked)))}`,
    ];
    const policy = Policy.of('policy', { allow: ['93.184.216.10', '2606:4700::1'] });
    for (const via of proxies) {
      for (const [name, address] of [
        ['www.example.com', '198.18.0.1'],
        [undefined, '93.184.216.10'],
        [undefined, '2606:4700::1'],
      ] as const) {
        await expect(dial({ name, address, port: 443, policy, via: new URL(via) })).rejects.toMatchObject({
          code: 'proxy',
        });
      }
    }
    expect(asked).toEqual([
      'http www.example.com:443',
      'http 93.184.216.10:443',
      'http [2606:4700::1]:443',
      'socks5 www.example.com:443',
      'socks5 93.184.216.10:443',
      'socks5 2606:4700:0000:0000:0000:0000:0000:0001:443',
    ]);
  });

  test('credentials are as they were meant, and are in no error', async () => {
    let head = '';
    const proxy = await listen(
      createServer((socket) =>
        socket.on('data', (chunk) => {
          head += String(chunk);
          socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        }),
      ),
    );
    const error = await through(`http://${CREDENTIALS}@${LOOPBACK}:${portOf(proxy)}`).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ message: 'The upstream proxy does not accept the credentials it was given.' });
    const [, sent = ''] = /Proxy-Authorization: Basic (\S+)\r\n/.exec(head) ?? [];
    expect(Buffer.from(sent, 'base64').toString()).toBe(`${USER}:${PASSWORD}`);
    const gone = await through(`http://${CREDENTIALS}@${LOOPBACK}:${await freePort()}`).catch(
      (reason: unknown) => reason,
    );
    expect(gone).toMatchObject({ code: 'proxy', message: 'The upstream proxy cannot be reached.' });
  });

  test('what the target says first is not lost', async () => {
    const proxy = await listen(
      createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nfirst words'))),
    );
    const socket = await through(`http://${LOOPBACK}:${portOf(proxy)}`);
    expect(await text(socket)).toBe('first words');
  });

  test.each([
    ['http', 'HTTP/1.1 503 No\r\n\r\n', 'The upstream proxy has answered 503.'],
    ['http', 'SSH-2.0-x\r\n\r\n', 'The upstream proxy does not speak HTTP.'],
    ['http', '', 'The upstream proxy has ended the connection.'],
    ['http', 'x'.repeat(20_000), 'The upstream proxy sends an answer without an end.'],
    ['socks5', '\x04\x5a', 'The upstream proxy does not speak SOCKS 5.'],
    ['socks5', '\x05\xff', 'The upstream proxy wants other credentials.'],
    ['socks5', '\x05\x00\x05\x05\x00\x01\0\0\0\0\0\0', 'The upstream proxy was refused by the host.'],
    ['socks5', '\x05\x00\x05\x00\x00\x09\0\0\0\0\0\0', 'The upstream proxy does not speak SOCKS 5.'],
    ['socks5', '\x05', 'The upstream proxy has ended the connection.'],
    ['https', 'HTTP/1.1 200 OK\r\n\r\n', 'The upstream proxy cannot be spoken to in TLS.'],
  ])('%s: a proxy that answers otherwise is an error', async (protocol, answer, message) => {
    const proxy = await listen(
      createServer((socket) => {
        socket.on('error', () => undefined).once('data', () => socket.end(Buffer.from(answer, 'latin1')));
      }),
    );
    await expect(through(`${protocol}://${LOOPBACK}:${portOf(proxy)}`)).rejects.toMatchObject({
      code: 'proxy',
      message,
    });
    await eventually(async () => (await connections(proxy)) === 0);
  });

  test.each(['http', 'https', 'socks5'])('%s: a proxy that does not answer is given up', async (protocol) => {
    const asked = new EventEmitter();
    const proxy = await listen(
      createServer((socket) => void socket.on('error', () => undefined).once('data', () => asked.emit('data'))),
    );
    const controller = new AbortController();
    const dialled = dial({
      ...{ name: 'www.example.com', address: '198.18.0.1', port: 443, policy: Policy.of('policy', {}) },
      via: new URL(`${protocol}://${LOOPBACK}:${portOf(proxy)}`),
      giveUp: controller,
    });
    await once(asked, 'data');
    controller.abort();
    await expect(dialled).rejects.toMatchObject({ name: 'AbortError' });
    await eventually(async () => (await connections(proxy)) === 0);
  });
});

needs({ tool: ['openssl'] }).describe('a proxy over TLS', () => {
  let directory: string;
  let certificates: Certificates;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'ns-proxy-'));
    certificates = await makeCertificates(directory, ['localhost']);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test.each([
    ['passes both directions on', 'exchange', 'greetings; hello'],
    ['can be reset', 'reset', 'closed'],
  ])('%s', async (_, what, result) => {
    const ended: boolean[] = [];
    const proxy = createHttps(certificates).on('connect', (__, client: Socket) => {
      const server = connect({ port: portOf(target), host: LOOPBACK, allowHalfOpen: true });
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.on('error', () => undefined).once('close', () => ended.push(server.destroy().destroyed));
      server
        .on('error', () => undefined)
        .pipe(client)
        .pipe(server);
    });
    await listen(proxy);
    const child = spawn(
      process.execPath,
      nodeArguments(require.resolve('./scenarios'), 'throughProxy', [
        `https://localhost:${portOf(proxy)}`,
        portOf(target),
        what,
      ]),
      { env: { ...process.env, NODE_EXTRA_CA_CERTS: certificates.caFile } },
    );
    children.push(child);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect({ stdout, stderr }).toEqual({ stdout: `result: ${JSON.stringify(result)}\n`, stderr: '' });
    await eventually(() => ended.length === 1);
  });

  test('is not trusted without its authority', async () => {
    const proxy = await listen(createHttps(certificates));
    await expect(through(`https://localhost:${portOf(proxy)}`, 'www.example.com')).rejects.toMatchObject({
      message: 'The upstream proxy cannot be spoken to in TLS.',
    });
  });
});

function connections(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}
