import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Expected } from '../../../../lib/network/egress/inspect/guard';
import { needs } from '../../../fixtures/optional';
import { EXPECTED, Fed, look } from './feed';
import { extension, handshake, hello, record, serverName } from './hello';

const NAME = 'www.example.com';
const TLS: Expected = { name: NAME, port: 443 };

describe('a ClientHello', () => {
  test.each([
    ['with the name', hello({ extensions: [serverName(NAME)] })],
    ['with the name in large letters, and a dot', hello({ extensions: [serverName('WWW.example.COM.')] })],
    [
      'with other extensions',
      hello({ extensions: [extension(16, Buffer.from([0, 3, 2, 104, 50])), serverName(NAME)] }),
    ],
    ['in many records', record(...[...handshake(1, helloBody())].map((byte) => Buffer.from([byte])))],
    ['in records of different sizes', inRecords(handshake(1, helloBody()), [4, 1, 40, 7, 1000])],
    [
      'with a long session and padding',
      hello({ session: 32, extensions: [extension(21, Buffer.alloc(9000)), serverName(NAME)] }),
    ],
  ])('%s passes', (_, bytes) => {
    expect(look(bytes, TLS)).toEqual({ passed: bytes, refusal: undefined, settled: false });
  });

  test.each([
    ['with another name', 'other-name', hello({ extensions: [serverName('evil.example.org')] })],
    ['with a name that begins so', 'other-name', hello({ extensions: [serverName(`${NAME}.evil.org`)] })],
    ['with a NUL after the name', 'other-name', hello({ extensions: [serverName(`${NAME}\0.evil.org`)] })],
    ['with two dots at the end', 'other-name', hello({ extensions: [serverName(`${NAME}..`)] })],
    ['with the name and another', 'other-name', hello({ extensions: [serverName(NAME, 'evil.org')] })],
    ['with the name twice', 'other-name', hello({ extensions: [serverName(NAME, NAME)] })],
    ['without extensions', 'no-name', hello({ extensions: undefined })],
    ['with no extension', 'no-name', hello({ extensions: [] })],
    ['without a name', 'no-name', hello({ extensions: [extension(16, Buffer.alloc(0))] })],
    [
      'with an encrypted one',
      'encrypted-name',
      hello({ extensions: [serverName(NAME), extension(0xfe0d, Buffer.alloc(9))] }),
    ],
    [
      'with an encrypted one of a draft',
      'encrypted-name',
      hello({ extensions: [extension(0xfe09, Buffer.alloc(9)), serverName(NAME)] }),
    ],
    [
      'with an encrypted name (ESNI)',
      'encrypted-name',
      hello({ extensions: [serverName(NAME), extension(0xffce, Buffer.alloc(9))] }),
    ],
    ['with the extension twice', 'malformed', hello({ extensions: [serverName(NAME), serverName('evil.org')] })],
    ['with an empty list', 'malformed', hello({ extensions: [extension(0, Buffer.from([0, 0]))] })],
    ['with an empty extension', 'malformed', hello({ extensions: [extension(0, Buffer.alloc(0))] })],
    ['with an empty name', 'malformed', hello({ extensions: [serverName('')] })],
    [
      'with a name of another type',
      'malformed',
      hello({ extensions: [extension(0, Buffer.from([0, 4, 1, 0, 1, 97]))] }),
    ],
    [
      'with bytes after the list',
      'malformed',
      hello({ extensions: [extension(0, Buffer.from([0, 4, 0, 0, 1, 97, 0]))] }),
    ],
    [
      'with bytes after it in its record',
      'malformed',
      record(Buffer.concat([handshake(1, helloBody()), handshake(1, helloBody('evil.org'))])),
    ],
    [
      'with bytes after its extensions',
      'malformed',
      record(handshake(1, Buffer.concat([helloBody(), Buffer.from([0])]))),
    ],
    ['cut off', 'malformed', record(handshake(1, helloBody().subarray(0, -3)))],
    [
      'with an empty record in it',
      'malformed',
      Buffer.concat([record(handshake(1, helloBody()).subarray(0, 9)), record(Buffer.alloc(0))]),
    ],
    [
      'with an alert in it',
      'malformed',
      Buffer.concat([record(handshake(1, helloBody()).subarray(0, 9)), Buffer.from([21, 3, 1, 0, 2, 1, 0])]),
    ],
    ['that is another message', 'malformed', record(handshake(2, helloBody()))],
    ['that is too long', 'too-long', record(Buffer.from([1, 0xff, 0xff, 0xff, 0]))],
    [
      'that has no end',
      'too-long',
      record(...Array.from({ length: 11_000 }, (_, index) => Buffer.from([index === 0 ? 1 : index === 2 ? 0x7f : 0]))),
    ],
    ['of SSL 2', 'no-name', Buffer.from([0x80, 0x2e, 1, 3, 1, 0, 21, 0, 0, 0, 16])],
    ['of SSL 2 for SSL 2', 'no-name', Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 21, 0, 0, 0, 16])],
  ])('%s is refused before any byte of it', (_, cause, bytes) => {
    const { passed, refusal } = look(bytes, TLS);
    expect(refusal).toMatchObject({ cause, protocol: 'tls' });
    expect(passed).toHaveLength(0);
  });

  test('with an encrypted name passes where the policy allows that, if its other name is right', () => {
    const ech = extension(0xfe0d, Buffer.alloc(9));
    const allowing = { ...TLS, ech: 'allow' } as const;
    expect(look(hello({ extensions: [serverName(NAME), ech] }), allowing).refusal).toBeUndefined();
    expect(look(hello({ extensions: [serverName('public.example'), ech] }), allowing).refusal?.cause).toBe(
      'other-name',
    );
  });

  test('says which name it has, with nothing that a terminal would act on', () => {
    const bytes = hello({ extensions: [serverName('\x1b[2Jevil\0.org')] });
    expect(look(bytes, TLS).refusal?.sentence).toBe(
      `The egress policy allows this connection for ${NAME} alone, but its ClientHello names '␛[2Jevil␀.org'.`,
    );
  });
});

describe('after the ClientHello', () => {
  const FIRST = hello({ extensions: [serverName(NAME)] });
  const EARLY = Buffer.from([23, 3, 3, 0, 3, 1, 2, 3]);
  const SPEC = Buffer.from([20, 3, 3, 0, 1, 1]);
  const serverHello = (random: Buffer): Buffer =>
    record(handshake(2, Buffer.concat([Buffer.from([3, 3]), random, Buffer.from([0, 0x13, 1, 0, 0, 0])])));
  const ANSWER = serverHello(Buffer.alloc(32, 7));
  const RETRY = serverHello(Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex'));

  test('early data passes, and all else when the server has answered', () => {
    const fed = new Fed(TLS).client(Buffer.concat([FIRST, SPEC, EARLY])).client(EARLY.subarray(0, 6));
    expect(fed.inspector).toMatchObject({ settled: false, listens: true, holds: false });
    for (const byte of ANSWER) fed.server(Buffer.from([byte]));
    expect(fed.inspector).toMatchObject({ settled: true, listens: false });
    fed.client('whatever');
    const sent = Buffer.concat([FIRST, SPEC, EARLY, EARLY.subarray(0, 6), Buffer.from('whatever')]);
    expect(fed.outcome).toMatchObject({ passed: sent, refusal: undefined });
  });

  test('a second one that the server has not asked for is refused', () => {
    for (const between of [Buffer.alloc(0), SPEC, EARLY]) {
      const passed = Buffer.concat([FIRST, between]);
      const outcome = look(Buffer.concat([passed, FIRST]), TLS);
      expect(outcome).toMatchObject({ passed, refusal: { cause: 'malformed', protocol: 'tls' } });
    }
  });

  test('a second one that the server has asked for is compared as well', () => {
    const evil = hello({ extensions: [serverName('evil.org')] });
    const refused = new Fed(TLS)
      .client(FIRST)
      .server(RETRY)
      .client(Buffer.concat([SPEC, evil]));
    expect(refused.outcome).toMatchObject({ passed: Buffer.concat([FIRST, SPEC]), refusal: { cause: 'other-name' } });
    const good = new Fed(TLS)
      .client(FIRST)
      .server(RETRY)
      .client(Buffer.concat([SPEC, FIRST, EARLY]));
    expect(good.outcome).toEqual({
      passed: Buffer.concat([FIRST, SPEC, FIRST, EARLY]),
      refusal: undefined,
      settled: true,
    });
  });

  test('an alert of the server settles it', () => {
    const fed = new Fed(TLS).client(FIRST).server(Buffer.from([21, 3, 3, 0, 2, 2, 40]));
    expect(fed.inspector.settled).toBe(true);
  });

  test.each([
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['a record of another kind', Buffer.concat([Buffer.from([23, 3, 3, 0, 60]), Buffer.alloc(60)])],
    ['another message', record(handshake(11, Buffer.alloc(60)))],
    ['too short a record', Buffer.concat([record(Buffer.from([2])), Buffer.alloc(60)])],
  ])('a server that answers with %s gets nothing more', (_, answer) => {
    const fed = new Fed(TLS).client(FIRST).server(answer);
    expect(fed.cause).toBeUndefined();
    fed.client('GET / HTTP/1.1\r\nHost: evil.org\r\n\r\n');
    expect(fed.outcome).toMatchObject({ passed: FIRST, refusal: { cause: 'malformed' } });
  });

  test('records of no kind are refused', () => {
    expect(look(Buffer.concat([FIRST, Buffer.from('GET / HTTP/1.1\r\n')]), TLS)).toMatchObject({
      passed: FIRST,
      refusal: { cause: 'malformed' },
    });
  });
});

describe('real clients', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** The first bytes of a client that connects to a port of this host. */
  const firstBytesOf = async (start: (port: number) => void): Promise<Buffer> => {
    const server = createServer().listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    start((server.address() as AddressInfo).port);
    const [socket] = (await once(server, 'connection')) as [Socket];
    socket.on('error', () => undefined);
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return chunk;
  };
  const run = (command: string, args: readonly string[]): void => {
    spawn(command, args, { stdio: 'ignore' }).on('error', () => undefined);
  };

  test.each<[string, ConnectionOptions]>([
    ['as it is', {}],
    ['TLS 1.2', { maxVersion: 'TLSv1.2' }],
    ['with HTTP/2', { ALPNProtocols: ['h2', 'http/1.1'] }],
    ['with one curve', { ecdhCurve: 'X25519' }],
  ])('node:tls, %s', async (_, options) => {
    const to = (servername: string) => (port: number) =>
      void connectTls({ ...options, port, host: '127.0.0.1', servername }).on('error', () => undefined);
    const bytes = await firstBytesOf(to(NAME));
    expect(look(bytes, TLS)).toMatchObject({ passed: bytes, refusal: undefined });
    expect(look(await firstBytesOf(to('evil.example.org')), TLS).refusal?.cause).toBe('other-name');
    expect(look(await firstBytesOf(to('')), TLS).refusal?.cause).toBe('no-name');
  });

  needs({ tool: ['openssl'] }).test('openssl s_client, also with a ClientHello in several records', async () => {
    const client =
      (...args: string[]) =>
      (port: number) =>
        run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args]);
    const bytes = await firstBytesOf(client('-servername', NAME));
    expect(look(bytes, TLS)).toMatchObject({ passed: bytes, refusal: undefined });
    const protocols = ['a', 'b', 'c'].map((letter) => letter.repeat(200)).join(',');
    const split = await firstBytesOf(client('-servername', NAME, '-max_send_frag', '512', '-alpn', protocols));
    expect(split.readUInt16BE(3)).toBe(512);
    expect(look(split, TLS)).toMatchObject({ refusal: undefined });
    expect(look(await firstBytesOf(client('-noservername')), TLS).refusal?.cause).toBe('no-name');
    expect(look(await firstBytesOf(client('-servername', 'evil.org')), TLS).refusal?.cause).toBe('other-name');
  });

  needs({ tool: ['curl'] }).test('curl', async () => {
    const client =
      (name: string, ...args: string[]) =>
      (port: number) =>
        run('curl', [
          '-s',
          '--noproxy',
          '*',
          '--connect-to',
          `${name}:${port}:127.0.0.1:${port}`,
          ...args,
          `https://${name}:${port}/`,
        ]);
    const bytes = await firstBytesOf(client(NAME));
    expect(look(bytes, TLS)).toMatchObject({ passed: bytes, refusal: undefined });
    expect(look(await firstBytesOf(client('evil.org')), TLS).refusal?.cause).toBe('other-name');
  });
});

test('a connection that is denied is answered in TLS when its ClientHello is there', () => {
  const denied = { cause: 'policy', sentence: 'No rule names it.' } as const;
  for (const name of [NAME, 'evil.org']) {
    const outcome = look(hello({ extensions: [serverName(name)] }), { ...EXPECTED, denied });
    expect(outcome).toMatchObject({ passed: Buffer.alloc(0), refusal: { ...denied, protocol: 'tls' } });
  }
});

function helloBody(name = NAME): Buffer {
  return hello({ extensions: [serverName(name)] }).subarray(9);
}

function inRecords(message: Buffer, sizes: readonly number[]): Buffer {
  let at = 0;
  return record(...sizes.map((size) => message.subarray(at, (at += size))).filter((part) => part.length > 0));
}
