import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { type Refusal, answerOf, quoted, refuse } from '../../../../lib/network/egress/inspect/refusal';
import { needs } from '../../../fixtures/optional';

const SENTENCE = 'The egress policy does not allow evil.example.org:443: no rule names it.';
const refusal = (more: Partial<Refusal>): Refusal => ({
  protocol: 'http',
  cause: 'policy',
  sentence: SENTENCE,
  headOnly: false,
  ...more,
});

let server: Server;
let port: number;
let answer: Refusal;

beforeEach(async () => {
  // It is refused at the first chunk, while the client may still be sending.
  server = createServer((socket: Socket) => {
    socket.on('error', () => undefined).once('data', () => refuse(socket, answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterEach(() => void server.close());

const http = async (method: string, body?: Buffer): Promise<IncomingMessage> => {
  const asking = request({ port, host: '127.0.0.1', method, agent: false });
  const [response] = (await once(asking.end(body), 'response')) as [IncomingMessage];
  return response;
};

test('HTTP: 403 with the sentence, also to who still sends', async () => {
  answer = refusal({});
  for (const body of [undefined, Buffer.alloc(1 << 20)]) {
    const response = await http(body === undefined ? 'GET' : 'POST', body);
    expect(response).toMatchObject({ statusCode: 403, statusMessage: 'Forbidden by the egress policy' });
    expect(response.headers).toMatchObject({ connection: 'close', 'content-type': 'text/plain; charset=utf-8' });
    expect(await text(response)).toBe(`${SENTENCE}\n`);
  }
});

test('HTTP: HEAD has no body, but its length', async () => {
  answer = refusal({ headOnly: true });
  const response = await http('HEAD');
  expect(response.headers['content-length']).toBe(String(SENTENCE.length + 1));
  expect(String(answerOf(answer))).toMatch(/\r\n\r\n$/);
});

test.each([
  ['malformed', 400],
  ['too-long', 431],
  ['too-slow', 408],
  ['unreachable', 502],
  ['other-name', 403],
] as const)('HTTP: %s is %i', async (cause, status) => {
  answer = refusal({ cause });
  expect((await http('GET')).statusCode).toBe(status);
});

test('TLS: node:tls hears that access is denied', async () => {
  answer = refusal({ protocol: 'tls' });
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const client = connectTls({ port, host: '127.0.0.1', servername: 'evil.example.org', maxVersion });
    const [error] = (await once(client, 'error')) as [Error & { code: string; reason: string }];
    expect(error.message).toContain('alert access denied');
  }
});

needs({ tool: ['openssl'] }).test('TLS: openssl hears that access is denied', async () => {
  answer = refusal({ protocol: 'tls' });
  expect(await words('openssl', ['s_client', '-connect', `127.0.0.1:${port}`])).toMatch(/alert access denied/);
});

needs({ tool: ['curl'] }).test('curl hears both', async () => {
  answer = refusal({});
  const head = await words('curl', ['-si', '--noproxy', '*', `http://127.0.0.1:${port}/`]);
  expect(head).toMatch(/^HTTP\/1\.1 403 Forbidden by the egress policy\r\n/);
  expect(head).toContain(`\r\n\r\n${SENTENCE}\n`);
  answer = refusal({ protocol: 'tls' });
  expect(await words('curl', ['-sS', '--noproxy', '*', `https://127.0.0.1:${port}/`])).toMatch(/alert|denied/i);
});

test('all else is reset', async () => {
  answer = refusal({ protocol: 'other' });
  expect(answerOf(answer)).toBeUndefined();
  const client = connect(port, '127.0.0.1', () => client.write('hello'));
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNRESET');
});

test('a client that does not end is not waited for', async () => {
  answer = refusal({});
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => client.write('GET'));
  client.on('error', () => undefined).resume();
  const sending = setInterval(() => client.write('x'), 100);
  try {
    await new Promise((resolve) => client.once('close', resolve));
  } finally {
    clearInterval(sending);
  }
});

test('what comes from inside is printed with care', () => {
  expect(quoted('a\x1b[31m\r\nb')).toBe("'a␛[31m␍␊b'");
  expect(quoted('x'.repeat(1000))).toHaveLength(102);
});

/** All that a program prints, whatever its exit code. */
function words(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile(command, args, (_, stdout, stderr) => resolve(stdout + stderr));
    child.stdin?.end();
  });
}
