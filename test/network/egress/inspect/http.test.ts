import { EXPECTED, Fed, look } from './feed';

/** A request with these lines, the request line first. */
const request = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;
const HOST = 'Host: www.example.com';
const GET = request('GET / HTTP/1.1', HOST);

describe('a request for the name of the connection passes', () => {
  test.each([
    ['a path', GET],
    ['with its port', request('GET /x?y=z HTTP/1.1', 'Host: www.example.com:80')],
    ['in other letters, with a dot at the end', request('GET / HTTP/1.1', 'HOST: WWW.Example.COM.')],
    ['an absolute URI', request('GET http://www.example.com/x HTTP/1.1', HOST)],
    ['an absolute URI with a port', request('GET HTTP://www.example.com:80?x HTTP/1.1', HOST)],
    ['OPTIONS *', request('OPTIONS * HTTP/1.1', HOST)],
    ['HTTP/1.0', request('GET / HTTP/1.0', HOST)],
    ['a method of its own', request('PROPFIND /dav HTTP/1.1', HOST, 'Depth: 1')],
    ['bytes of UTF-8 in the path and in a field', request('GET /b\xc3\xbccher HTTP/1.1', HOST, 'X-Name: b\xc3\xbc')],
    ['a field without a value', request('GET / HTTP/1.1', HOST, 'Accept:')],
    ['blanks around a value', request('GET / HTTP/1.1', 'Host: \t www.example.com \t')],
    ['a body of known length', `${request('POST / HTTP/1.1', HOST, 'Content-Length: 5')}hello`],
    ['an empty body', request('POST / HTTP/1.1', HOST)],
    ['chunks', `${request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`],
    [
      'chunks with extensions and a trailer',
      `${request('PUT / HTTP/1.1', HOST, 'Transfer-Encoding: CHUNKED')}a;name="x"\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n`,
    ],
    ['one after another', `${request('PUT / HTTP/1.1', HOST, 'Content-Length: 3')}abc${GET}${GET}`],
    ['an empty line after a body', `${request('POST / HTTP/1.1', HOST, 'Content-Length: 3')}abc\r\n${GET}`],
    ['an empty line before the first', `\r\n${GET}`],
    [
      'many fields',
      request('GET / HTTP/1.1', HOST, ...Array.from({ length: 100 }, (_, index) => `X-${index}: ${index}`)),
    ],
  ])('%s', (_, bytes) => {
    const { passed, refusal, settled } = look(bytes);
    expect(refusal).toBeUndefined();
    expect(passed.toString('latin1')).toBe(bytes);
    expect(settled).toBe(false);
  });
});

describe('a request for another host, or for none, is refused before any byte of it', () => {
  test.each([
    ['another Host', 'other-name', request('GET / HTTP/1.1', 'Host: evil.example.org')],
    ['another port', 'other-name', request('GET / HTTP/1.1', 'Host: www.example.com:8080')],
    ['a name that only begins so', 'other-name', request('GET / HTTP/1.1', 'Host: www.example.com.evil.org')],
    ['a user before the name', 'other-name', request('GET / HTTP/1.1', 'Host: www.example.com@evil.org')],
    ['two names in one Host', 'other-name', request('GET / HTTP/1.1', 'Host: www.example.com, evil.org')],
    ['an empty Host', 'other-name', request('GET / HTTP/1.1', 'Host:')],
    ['an absolute URI to another', 'other-name', request('GET http://evil.org/ HTTP/1.1', HOST)],
    ['an absolute URI with a user', 'other-name', request('GET http://www.example.com@evil.org/ HTTP/1.1', HOST)],
    [
      'an absolute URI with a backslash',
      'other-name',
      request('GET http://evil.org\\@www.example.com/ HTTP/1.1', HOST),
    ],
    [
      'an absolute URI and another Host',
      'other-name',
      request('GET http://www.example.com/ HTTP/1.1', 'Host: evil.org'),
    ],
    ['no Host', 'no-name', request('GET / HTTP/1.1', 'Accept: */*')],
    ['no Host in HTTP/1.0', 'no-name', request('GET / HTTP/1.0')],
    ['HTTP/0.9', 'no-name', 'GET /\r\n'],
    ['HTTP/0.9 with an absolute URI', 'no-name', 'GET http://evil.org/\r\n'],
    ['two Hosts', 'malformed', request('GET / HTTP/1.1', HOST, 'Host: evil.org')],
    ['the same Host twice', 'malformed', request('GET / HTTP/1.1', HOST, HOST)],
    ['https without TLS', 'malformed', request('GET https://www.example.com/ HTTP/1.1', HOST)],
    ['a target that is neither', 'malformed', request('GET www.example.com/ HTTP/1.1', HOST)],
    ['* of another method', 'malformed', request('GET * HTTP/1.1', HOST)],
    ['CONNECT', 'unwatchable', request('CONNECT evil.org:443 HTTP/1.1', HOST)],
    ['CONNECT to the host itself', 'unwatchable', request('CONNECT www.example.com:80 HTTP/1.1', HOST)],
    ['the preface of HTTP/2', 'unwatchable', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    [
      'an upgrade to TLS',
      'unwatchable',
      request('OPTIONS * HTTP/1.1', HOST, 'Upgrade: TLS/1.0', 'Connection: Upgrade'),
    ],
    ['an upgrade to one of several', 'unwatchable', request('GET / HTTP/1.1', HOST, 'Upgrade: websocket, h2c')],
    ['the PROXY protocol', 'unwatchable', `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${GET}`],
    ['the PROXY protocol in bytes', 'malformed', '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c'],
  ])('%s', (_, cause, bytes) => {
    const { passed, refusal } = look(bytes);
    expect(refusal?.cause).toBe(cause);
    expect(passed.toString('latin1')).toBe('');
  });
});

describe('what servers understand differently is refused', () => {
  const BOTH = ['Content-Length: 5', 'Transfer-Encoding: chunked'];
  test.each([
    ['Content-Length and Transfer-Encoding', request('POST / HTTP/1.1', HOST, ...BOTH)],
    ['two lengths', request('POST / HTTP/1.1', HOST, 'Content-Length: 5', 'Content-Length: 6')],
    ['the same length twice', request('POST / HTTP/1.1', HOST, 'Content-Length: 5', 'Content-Length: 5')],
    ['a list of lengths', request('POST / HTTP/1.1', HOST, 'Content-Length: 5, 5')],
    ['a length with a sign', request('POST / HTTP/1.1', HOST, 'Content-Length: +5')],
    ['a length in hexadecimal', request('POST / HTTP/1.1', HOST, 'Content-Length: 0x5')],
    ['a length without end', request('POST / HTTP/1.1', HOST, `Content-Length: ${'9'.repeat(20)}`)],
    ['an empty length', request('POST / HTTP/1.1', HOST, 'Content-Length:')],
    ['another coding', request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: gzip, chunked')],
    ['chunked twice', request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: chunked, chunked')],
    ['a coding with something before it', request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: xchunked')],
    ['identity', request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: identity')],
    ['chunks in HTTP/1.0', request('POST / HTTP/1.0', HOST, 'Transfer-Encoding: chunked')],
    ['a body of HTTP/1.0 without a length', request('POST / HTTP/1.0', HOST)],
    ['a blank before the colon', request('POST / HTTP/1.1', HOST, 'Transfer-Encoding : chunked')],
    ['an underscore in the name of a field', request('POST / HTTP/1.1', HOST, 'Content_Length: 5')],
    ['a folded line', request('GET / HTTP/1.1', HOST, 'X-A: b', ' Host: evil.org')],
    ['a line that begins with a tab', request('GET / HTTP/1.1', '\tHost: evil.org', HOST)],
    ['LF alone', 'GET / HTTP/1.1\nHost: www.example.com\n\n'],
    ['one LF alone', 'GET / HTTP/1.1\r\nHost: www.example.com\nX: y\r\n\r\n'],
    ['CR alone', 'GET / HTTP/1.1\r\nX: y\rHost: evil.org\r\nHost: www.example.com\r\n\r\n'],
    ['a NUL in a field', request('GET / HTTP/1.1', 'Host: www.example.com\0.evil.org')],
    ['a NUL in the path', request('GET /\0 HTTP/1.1', HOST)],
    ['a field without a name', request('GET / HTTP/1.1', HOST, ': evil.org')],
    ['a line without a colon', request('GET / HTTP/1.1', HOST, 'evil.org')],
    ['two spaces in the request line', request('GET  / HTTP/1.1', HOST)],
    ['a blank in the target', request('GET /a b HTTP/1.1', HOST)],
    ['a tab in the request line', request('GET\t/\tHTTP/1.1', HOST)],
    ['a blank before the method', request(' GET / HTTP/1.1', HOST)],
    ['small letters in the version', request('GET / http/1.1', HOST)],
    ['another version', request('GET / HTTP/1.2', HOST)],
    ['a version with blanks', request('GET / HTTP /1.1', HOST)],
    ['five empty lines', `${'\r\n'.repeat(5)}${GET}`],
  ])('%s', (_, bytes) => {
    const { passed, refusal } = look(bytes);
    expect(refusal).toMatchObject({ cause: 'malformed', protocol: 'http' });
    expect(passed.toString('latin1').trim()).toBe('');
  });

  test.each([
    ['a size without digits', ';x\r\n'],
    ['a size with a blank', '5 \r\nhello\r\n'],
    ['a size with a sign', '-5\r\nhello\r\n'],
    ['a size that overflows', '100000005\r\nhello\r\n'],
    ['a size in a line of LF alone', '5\nhello\r\n'],
    ['a chunk that is longer than its size', '5\r\nhello!\r\n'],
    ['an extension with CR', '5;a\rb\r\nhello\r\n'],
    ['a Host in the trailer', '0\r\nHost: evil.org\r\n\r\n'],
    ['a length in the trailer', '0\r\nContent-Length: 3\r\n\r\n'],
    ['an endless extension', `5;${'x'.repeat(2000)}`],
  ])('in chunks: %s', (_, chunks) => {
    const { refusal } = look(`${request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}${chunks}`);
    expect(refusal?.cause).toMatch(/malformed|too-long/);
  });

  test('a head without an end', () => {
    expect(look(`GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(12_000)}`).refusal?.cause).toBe('too-long');
    expect(look(request('GET / HTTP/1.1', HOST, `X: ${'y'.repeat(70_000)}`)).refusal?.cause).toBe('too-long');
    expect(look(`GET /${'y'.repeat(70_000)}`).refusal?.cause).toBe('too-long');
    expect(look(request('GET / HTTP/1.1', HOST, ...Array<string>(300).fill('X: y'))).refusal?.cause).toBe('malformed');
  });

  test('a value of many blanks takes no time', () => {
    const started = process.cpuUsage();
    expect(
      look(request('GET / HTTP/1.1', HOST, `X: a${' '.repeat(30_000)}${'\t'.repeat(30_000)}\x01`)).refusal?.cause,
    ).toBe('malformed');
    expect(process.cpuUsage(started).user).toBeLessThan(5e6);
  });
});

describe('each request of a connection is looked at', () => {
  const EVIL = request('GET / HTTP/1.1', 'Host: evil.org');

  test.each([
    ['after one without a body', GET],
    ['after a body', `${request('POST / HTTP/1.1', HOST, 'Content-Length: 5')}hello`],
    ['after chunks', `${request('POST / HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}1\r\nx\r\n0\r\n\r\n`],
    ['after a body of GET', `${request('GET / HTTP/1.1', HOST, 'Content-Length: 1')}x`],
    ['after "Connection: close"', request('GET / HTTP/1.1', HOST, 'Connection: close')],
    [
      'after "Expect: 100-continue"',
      `${request('PUT / HTTP/1.1', HOST, 'Content-Length: 1', 'Expect: 100-continue')}x`,
    ],
  ])('%s', (_, first) => {
    const { passed, refusal } = look(`${first}${EVIL}${GET}`);
    expect(refusal?.cause).toBe('other-name');
    expect(passed.toString('latin1')).toBe(first);
  });

  test('what looks like a request is none in a body', () => {
    const bytes = `${request('POST / HTTP/1.1', HOST, `Content-Length: ${EVIL.length}`)}${EVIL}`;
    expect(look(bytes)).toMatchObject({ refusal: undefined, passed: Buffer.from(bytes) });
  });

  test('nothing goes on after a refusal', () => {
    const fed = new Fed().client(EVIL).client(GET).client('x');
    expect(fed.passed).toBe('');
    expect(fed.cause).toBe('other-name');
  });

  test('bodies are passed on without a copy', () => {
    const fed = new Fed().client(request('PUT / HTTP/1.1', HOST, 'Content-Length: 1000000'));
    const chunk = Buffer.alloc(65_536);
    const { pass } = fed.inspector.fromClient(chunk);
    expect(pass).toHaveLength(1);
    expect(pass[0]?.buffer).toBe(chunk.buffer);
    expect(pass[0]?.length).toBe(chunk.length);
  });
});

describe('an upgrade', () => {
  const UPGRADE = request('GET /chat HTTP/1.1', HOST, 'Connection: Upgrade', 'Upgrade: websocket');
  const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n';
  const FRAME = '\x81\x85\0\0\0\0hello';

  test('to WebSocket, which the server accepts, leaves the rest unseen', () => {
    for (const size of [1, 5, SWITCHED.length]) {
      const fed = new Fed().client(UPGRADE);
      expect(fed.passed).toBe(UPGRADE);
      expect(fed.inspector).toMatchObject({ holds: true, listens: true, settled: false });
      fed.client(FRAME);
      expect(fed.passed).toBe(UPGRADE);
      for (let at = 0; at < SWITCHED.length; at += size) fed.server(SWITCHED.slice(at, at + size));
      expect(fed.inspector).toMatchObject({ holds: false, listens: false, settled: true });
      expect(fed.passed).toBe(UPGRADE + FRAME);
    }
  });

  test('after an interim answer', () => {
    const fed = new Fed().client(UPGRADE).server('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n').client(FRAME);
    expect(fed.inspector.holds).toBe(true);
    fed.server(SWITCHED);
    expect(fed.passed).toBe(UPGRADE + FRAME);
  });

  test.each([
    ['another answer', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['an answer with 101 in its body', 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['no HTTP', '101\r\n'],
    ['1010', 'HTTP/1.1 1010 X\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'],
  ])('that the server does not accept leaves a connection of HTTP: %s', (_, answer) => {
    const fed = new Fed().client(UPGRADE).client(request('GET / HTTP/1.1', 'Host: evil.org')).server(answer);
    expect(fed.passed).toBe(UPGRADE);
    expect(fed.cause).toBe('other-name');
    const good = new Fed().client(UPGRADE).server(answer).client(GET);
    expect(good.passed).toBe(UPGRADE + GET);
    expect(good.inspector.settled).toBe(false);
  });

  test('is refused after other requests, whose answers cannot be told from its own', () => {
    const fed = new Fed().client(GET).client(UPGRADE);
    expect(fed.passed).toBe(GET);
    expect(fed.cause).toBe('unwatchable');
  });

  test('with a body waits after that', () => {
    const asked = request('POST / HTTP/1.1', HOST, 'Connection: Upgrade', 'Upgrade: tcp', 'Content-Length: 2');
    const fed = new Fed().client(asked);
    expect(fed.inspector.holds).toBe(false);
    fed.client('{}').client(FRAME);
    expect(fed.inspector.holds).toBe(true);
    expect(fed.server(SWITCHED).passed).toBe(`${asked}{}${FRAME}`);
  });

  test('does not let a client fill memory', () => {
    const fed = new Fed().client(UPGRADE);
    for (let i = 0; i < 5; i++) fed.client(Buffer.alloc(65_536));
    expect(fed.cause).toBe('too-long');
  });

  test('to HTTP/2 is taken out of the request, which stays one of HTTP/1', () => {
    const fields = ['Connection: Upgrade, HTTP2-Settings, keep-alive', 'Upgrade: h2c', 'HTTP2-Settings: AAAA', 'X: y'];
    const { passed, refusal, settled } = look(request('GET / HTTP/1.1', HOST, ...fields));
    expect(refusal).toBeUndefined();
    expect(passed.toString('latin1')).toBe(request('GET / HTTP/1.1', HOST, 'Connection: keep-alive', 'X: y'));
    expect(settled).toBe(false);
  });
});

test('an answer says what is refused, and HEAD has none', () => {
  expect(look(request('GET / HTTP/1.1', 'Host: evil.org')).refusal).toEqual({
    protocol: 'http',
    cause: 'other-name',
    sentence: "The egress policy allows this connection for www.example.com alone, but its request is for 'evil.org'.",
    headOnly: false,
  });
  expect(look(request('HEAD / HTTP/1.1', 'Host: evil.org')).refusal?.headOnly).toBe(true);
});

test('a connection that is denied is answered in HTTP as soon as its first request is there', () => {
  const denied = { cause: 'policy', sentence: 'No rule names it.' } as const;
  for (const bytes of [GET, request('GET / HTTP/1.1', 'Host: evil.org'), request('GET / HTTP/1.1', ' folded')]) {
    const { passed, refusal } = look(bytes, { ...EXPECTED, denied });
    expect(passed).toHaveLength(0);
    expect(refusal).toEqual({ ...denied, protocol: 'http', headOnly: false });
  }
});
