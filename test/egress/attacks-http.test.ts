import { type Conversation, END, Inside, converse, converseWith } from './inside';
import { Outside, RAW_PORT } from './outside/outside';

const NAME = 'www.example.com';
/** A name that is not allowed, of the same server. */
const OTHER = 'api.example.com';

const request = (target: string, host: string, ...more: string[]): string =>
  [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...more, '', ''].join('\r\n');

const RIGHT = request('/right', NAME);
const STOLEN = request('/stolen', OTHER);

describe('HTTP: a connection to one name cannot be used for another', () => {
  let outside: Outside;
  let inside: Inside;

  beforeAll(async () => {
    outside = await Outside.open();
    inside = await Inside.open(outside, { allow: [NAME] });
  });
  beforeEach(() => {
    outside.raw = '';
  });
  afterAll(async () => {
    await inside[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
  });

  const send = (...pieces: string[]): Promise<Conversation> => converseWith(inside, [NAME, RAW_PORT], [...pieces, END]);

  test('a request for the name passes, and so does one with a port, in any spelling', async () => {
    for (const host of [NAME, `${NAME}:${RAW_PORT}`, 'WWW.Example.COM']) {
      const { heard } = await converseWith(
        inside,
        [NAME, RAW_PORT],
        [request('/right', host)],
        (all) => all.length > 0,
      );
      expect(heard.toString()).toMatch(/^HTTP\/1.1 200 OK/);
    }
  });

  test('a refusal is a page with a sentence, which names the policy', async () => {
    const { heard } = await send(STOLEN);
    expect(heard.toString()).toMatch(/^HTTP\/1\.1 403 .*\r\n[^]*egress policy[^]*api\.example\.com/);
  });

  // Nothing may arrive that a server outside could take for a request to the other name.
  test.each<[string, string[]]>([
    ['another Host', [STOLEN]],
    ['two Hosts', [request('/stolen', NAME, `Host: ${OTHER}`)]],
    ['two Hosts, the other one first', [request('/stolen', OTHER, `Host: ${NAME}`)]],
    ['an absolute URI', [request(`http://${OTHER}/stolen`, NAME)]],
    ['an absolute URI of another scheme', [request(`https://${OTHER}/stolen`, NAME)]],
    ['a name before an @', [request('/stolen', `${NAME}@${OTHER}`)]],
    ['a name after an @', [request('/stolen', `${OTHER}@${NAME}`)]],
    ['a list of names', [request('/stolen', `${NAME}, ${OTHER}`)]],
    ['a NUL in the name', [request('/stolen', `${NAME}\0${OTHER}`)]],
    ['a second request behind the first', [RIGHT + STOLEN]],
    ['a second request after the answer', [RIGHT, STOLEN]],
    ['a hundred requests, of which the last is another', [RIGHT.repeat(99) + STOLEN]],
    ['a request that comes byte by byte', Array.from(STOLEN)],
    [
      'a length and chunks',
      [request('/right', NAME, 'Content-Length: 5', 'Transfer-Encoding: chunked') + `0\r\n\r\n${STOLEN}`],
    ],
    ['two lengths', [request('/right', NAME, 'Content-Length: 0', `Content-Length: ${STOLEN.length}`) + STOLEN]],
    ['a list of lengths', [request('/right', NAME, `Content-Length: 0, ${STOLEN.length}`) + STOLEN]],
    ['a length with a sign', [request('/right', NAME, 'Content-Length: +0') + STOLEN]],
    ['a length in hexadecimal', [request('/right', NAME, 'Content-Length: 0x0') + STOLEN]],
    ['a length before which there is a space', [request('/right', NAME, `Content-Length : ${STOLEN.length}`) + STOLEN]],
    ['a body after chunks', [request('/right', NAME, 'Transfer-Encoding: chunked') + `0\r\n\r\n${STOLEN}`]],
    ['an unknown coding', [request('/right', NAME, 'Transfer-Encoding: xchunked') + STOLEN]],
    ['chunks that are not the last coding', [request('/right', NAME, 'Transfer-Encoding: chunked, identity') + STOLEN]],
    ['chunks twice', [request('/right', NAME, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') + STOLEN]],
    ['chunks with a space before the colon', [request('/right', NAME, 'Transfer-Encoding : chunked') + STOLEN]],
    [
      'the size of a chunk that is too large',
      [request('/right', NAME, 'Transfer-Encoding: chunked') + `10000000000000000\r\n\r\n${STOLEN}`],
    ],
    ['a Host with a space before the colon', [`GET /stolen HTTP/1.1\r\nHost : ${OTHER}\r\nHost: ${NAME}\r\n\r\n`]],
    ['a folded Host', [`GET /stolen HTTP/1.1\r\nHost: ${NAME}\r\n .${OTHER}\r\n\r\n`]],
    ['a Host behind a folded line', [`GET /stolen HTTP/1.1\r\nX: y\r\n Host: ${OTHER}\r\nHost: ${NAME}\r\n\r\n`]],
    ['lines that end in LF alone', [`GET /stolen HTTP/1.1\nHost: ${OTHER}\n\n`]],
    ['a line that ends in CR alone', [`GET /stolen HTTP/1.1\r\nX: y\rHost: ${OTHER}\r\nHost: ${NAME}\r\n\r\n`]],
    ['empty lines before it', [`\r\n\r\n${STOLEN}`]],
    ['a space before it', [` ${STOLEN}`]],
    ['a method in small letters', [STOLEN.replace('GET', 'get')]],
    ['a method that nobody knows', [STOLEN.replace('GET', 'STEAL')]],
    ['tabs between the parts of the first line', [STOLEN.replace(/ (?=\/|HTTP)/g, '\t')]],
    ['no Host', ['GET /stolen HTTP/1.1\r\n\r\n']],
    ['an absolute URI of HTTP/1.0 without Host', [`GET http://${OTHER}/stolen HTTP/1.0\r\n\r\n`]],
    ['HTTP/1.0 with another Host', [STOLEN.replace('HTTP/1.1', 'HTTP/1.0')]],
    ['HTTP/0.9 after a request', [`${RIGHT}GET http://${OTHER}/stolen\r\n`]],
    ['CONNECT', [`CONNECT ${OTHER}:443 HTTP/1.1\r\nHost: ${OTHER}:443\r\n\r\n`, STOLEN]],
    ['CONNECT with the right Host', [`CONNECT ${OTHER}:443 HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`, STOLEN]],
    ['CONNECT to the name itself', [`CONNECT ${NAME}:80 HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`, STOLEN]],
    ['HTTP/2 by prior knowledge', ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '/stolen']],
    ['HTTP/2 by prior knowledge, in pieces', [...Array.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), '/stolen']],
    [
      'a change to HTTP/2',
      [
        request(
          '/right',
          NAME,
          'Connection: Upgrade, HTTP2-Settings',
          'Upgrade: h2c',
          'HTTP2-Settings: AAMAAABkAAQAAP__',
        ),
        '/stolen',
      ],
    ],
  ])('%s', async (_, pieces) => {
    const { heard } = await send(...pieces);
    expect(outside.raw).not.toContain('/stolen');
    expect(outside.raw).not.toContain(OTHER);
    expect(heard.toString()).not.toContain('/stolen for');
  });

  test('a request that never gets whole is refused when its client ends', async () => {
    const { heard } = await send('GET /right HTTP/1.1\r\nHost: www');
    expect(heard.toString()).toMatch(/^HTTP\/1\.1 408/);
    expect(outside.raw).toBe('');
  });

  test('a web socket may follow', async () => {
    const socket = await inside.network.connect({ host: NAME, port: RAW_PORT });
    const upgrade = request(
      '/chat',
      NAME,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    );
    let switched = false;
    await converse(socket, [upgrade], (heard) => {
      if (heard.includes('101') && !switched) {
        switched = true;
        socket.write('a frame');
      }
      return outside.raw.includes('a frame');
    });
    expect(outside.raw).toContain('a frame');
  });

  test.each([
    ['headers that never end', () => `GET / HTTP/1.1\r\nHost: ${NAME}\r\n${'X: y\r\n'.repeat(200_000)}`],
    ['a line that never ends', () => `GET /${'x'.repeat(1_000_000)}`],
    ['a header that never ends', () => `GET / HTTP/1.1\r\nX: ${'y'.repeat(1_000_000)}`],
  ])('%s end the connection, and nothing of them arrives', async (_, text) => {
    await send(text());
    expect(outside.raw).toBe('');
  });
});
