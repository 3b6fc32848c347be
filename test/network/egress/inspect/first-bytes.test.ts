import { EXPECTED, Fed, look } from './feed';
import { hello, serverName } from './hello';

/** What comes after the first bytes, and is not looked at where these are of another protocol. */
const HTTP = 'GET / HTTP/1.1\r\nHost: evil.org\r\n\r\n';

test.each([
  ['ssh', 'SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n'],
  ['SMTP', 'EHLO http.example.com\r\n'],
  ['git', '0032git-upload-pack /project.git\0host=www.example.com\0'],
  ['PostgreSQL', '\0\0\0\x08\x04\xd2\x16\x2f'],
  ['Redis', '*1\r\n$4\r\nPING\r\n'],
  ['Redis by hand', 'SET key value\r\n'],
  ['memcached', 'get key\r\n'],
  ['IRC', 'NICK somebody\r\n'],
  ['AMQP', 'AMQP\0\0\x09\x01'],
  ['MQTT', '\x10\x10\0\x04MQTT'],
  ['RTSP', 'OPTIONS rtsp://www.example.com/x RTSP/1.0\r\n'],
  ['gopher', '/path\r\n'],
  ['finger', 'somebody\r\n'],
  ['LDAP', '0\x0c\x02\x01\x01'],
  ['bytes that begin like a method', 'A\0\0\0\xd4\x07'],
  ['bytes that begin like TLS', '\x16\x02\x01'],
  ['bytes that begin like an alert of TLS', '\x15\0\0\0\x64\xff\xff\x08\0' + '9P2000.L'],
  ['bytes that begin like SSL 2', '\x80\x2e\x02'],
  ['bytes that begin more like SSL 2', '\x80\x2e\x01\x09\x02'],
  ['lines', 'one\r\ntwo\r\n'],
])('%s follows the name of the connection', (_, bytes) => {
  expect(look(bytes + HTTP)).toEqual({
    passed: Buffer.from(bytes + HTTP, 'latin1'),
    refusal: undefined,
    settled: true,
  });
});

test.each([
  ['small letters', 'get / http/1.1\r\nHost: evil.org\r\n\r\n'],
  ['a tab for a space', 'GET\t/ HTTP/1.1\r\nHost: evil.org\r\n\r\n'],
  ['a vertical tab for a space', 'GET\v/ HTTP/1.1\r\nHost: evil.org\r\n\r\n'],
  ['what Python takes for a space', 'GET\xa0/\x85HTTP/1.1\r\nHost: evil.org\r\n\r\n'],
  ['another that Python takes for a space', 'GET\x1c/\x1fHTTP/1.1\r\nHost: evil.org\r\n\r\n'],
  ['blanks before the method', ' \t GET / HTTP/1.1\r\nHost: evil.org\r\n\r\n'],
  ['empty lines before the method', '\n\r\nGET / HTTP/1.1\r\nHost: evil.org\r\n\r\n'],
  ['a method that nobody knows', 'X-Y.Z! / HTTP/1.1\r\nHost: evil.org\r\n\r\n'],
  ['a long method', `${'X'.repeat(5000)} / HTTP/1.1\r\nHost: evil.org\r\n\r\n`],
  ['a blank in the version', 'GET / HTTP /1.1\r\nHost: evil.org\r\n\r\n'],
  ['no target', 'GET HTTP/1.1\r\nHost: evil.org\r\n\r\n'],
  ['CR for a space', 'GET /\rHTTP/1.1\r\nHost: evil.org\r\n\r\n'],
  ['a control in the line', 'GET /\x01 HTTP/1.1\r\nHost: evil.org\r\n\r\n'],
  ['a control in the line, after a method that nobody knows', '_g3t /\x01 HTTP/1.1\r\nHost: evil.org\r\n\r\n'],
  ['HTTP/0.9', 'GET /\n'],
  ['HTTP/0.9 in small letters', 'get http://evil.org/x \r\n'],
])('what a lenient server takes for HTTP is none of these: %s', (_, bytes) => {
  const { passed, refusal } = look(bytes);
  expect(refusal?.protocol).toBe('http');
  expect(passed.toString('latin1')).not.toContain('evil');
});

describe('what some servers take for TLS', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  const whole = hello({ extensions: [serverName('evil.org')] });
  const ofVersion = (...version: number[]): Buffer => Buffer.concat([Buffer.of(22, ...version), whole.subarray(3)]);

  test.each<[string, Buffer]>([
    ['Go: a record of version 0', ofVersion(0, 0)],
    ['Go: a record of version 15.3', ofVersion(15, 3)],
    ['Java: a record of version 255.255', ofVersion(255, 255)],
    ['Java: an empty record before it', Buffer.concat([Buffer.of(22, 2, 0, 0, 0), whole])],
    ['Go: a warning before it', Buffer.concat([Buffer.of(21, 3, 1, 0, 2, 1, 90), whole])],
    ['Java: a warning of version 255.3', Buffer.concat([Buffer.of(21, 255, 3, 0, 2, 1, 90), whole])],
  ])('%s', (_, bytes) => {
    const { passed, refusal } = look(bytes);
    expect(refusal).toMatchObject({ protocol: 'tls', cause: 'malformed' });
    expect(passed).toHaveLength(0);
    const slow = new Fed().client(bytes.subarray(0, 5));
    jest.advanceTimersByTime(1000);
    slow.client(bytes.subarray(5));
    expect(slow.outcome).toMatchObject({ passed: bytes.subarray(0, 5), refusal: { protocol: 'tls' } });
  });
});

test('a connection to an address that a rule names is not looked at', () => {
  expect(look(HTTP, { name: undefined, port: 80 })).toMatchObject({ passed: Buffer.from(HTTP), settled: true });
});

test('what is denied and speaks another protocol is reset', () => {
  const denied = { cause: 'policy', sentence: 'No rule names it.' } as const;
  for (const name of [EXPECTED.name, undefined]) {
    expect(look('SSH-2.0-x\r\n', { name, port: 22, denied })).toMatchObject({
      passed: Buffer.alloc(0),
      refusal: { ...denied, protocol: 'other' },
      settled: false,
    });
  }
});

describe('bytes that do not come', () => {
  /** After the time is over, what has come is read in one more turn of the event loop: a millisecond of the fake clock. */
  const TURN = 1;

  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('one word goes on alone, as some protocols have no more, and is still looked at', () => {
    const fed = new Fed().client('GE');
    expect(fed.passed).toBe('');
    jest.advanceTimersByTime(250 + TURN);
    expect(fed.passed).toBe('GE');
    fed.client('T ');
    jest.advanceTimersByTime(1000);
    expect(fed.passed).toBe('GE');
    fed.client('/ HTTP/1.1\r\nHost: evil.org\r\n\r\n');
    expect(fed.outcome).toMatchObject({ passed: Buffer.from('GE'), refusal: { cause: 'other-name' } });

    const good = new Fed().client('GE');
    jest.advanceTimersByTime(250 + TURN);
    good.client('T / HTTP/1.1\r\nHost: www.example.com\r\n\r\n');
    expect(good.passed).toBe('GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n');

    const other = new Fed().client('ruok');
    jest.advanceTimersByTime(250 + TURN);
    expect(other.passed).toBe('ruok');
    expect(other.client('\n').outcome).toMatchObject({ passed: Buffer.from('ruok\n'), settled: true });
  });

  test('a head that comes byte by byte is refused after 30 seconds', () => {
    const fed = new Fed().client('GET / HTTP/1.1\r\nHost: www.example.com\r\n');
    for (let seconds = 0; seconds < 29; seconds++) {
      jest.advanceTimersByTime(1000);
      fed.client('X');
    }
    expect(fed.cause).toBeUndefined();
    jest.advanceTimersByTime(1000 + TURN);
    expect(fed.outcome).toMatchObject({ passed: Buffer.alloc(0), refusal: { cause: 'too-slow', protocol: 'http' } });
    expect(new Fed().client('GET / HTTP').cause).toBeUndefined();
  });

  test('each head has its time from its own first byte on, and an idle connection has any', () => {
    const request = 'GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n';
    const fed = new Fed().client(request);
    jest.advanceTimersByTime(3_600_000);
    fed.client(request + request.slice(0, 9));
    jest.advanceTimersByTime(29_000);
    fed.client(request.slice(9) + request.slice(0, 9));
    jest.advanceTimersByTime(29_000);
    expect(fed.cause).toBeUndefined();
    expect(fed.client(request.slice(9)).passed).toBe(request.repeat(4));
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a ClientHello is refused after 10 seconds', () => {
    const fed = new Fed().client('\x16\x03\x01\x01\0\x01');
    jest.advanceTimersByTime(9_999);
    expect(fed.cause).toBeUndefined();
    jest.advanceTimersByTime(1 + TURN);
    expect(fed.outcome.refusal).toMatchObject({ cause: 'too-slow', protocol: 'tls' });
  });

  test.each([
    ['on most ports at once', 25, 1],
    ['on those of HTTP and TLS, where it speaks first, after a moment', 443, 250],
  ])('a client that is denied and says nothing is reset: %s', (_, port, time) => {
    const denied = { cause: 'policy', sentence: 'No rule names it.' } as const;
    const fed = new Fed({ name: 'mail.example.com', port, denied });
    jest.advanceTimersByTime(time - 1);
    expect(fed.outcome.refusal).toBeUndefined();
    jest.advanceTimersByTime(1 + TURN);
    expect(fed.outcome.refusal).toEqual({ ...denied, protocol: 'other', headOnly: false });

    const word = new Fed({ name: 'mail.example.com', port, denied }).client('ruok');
    jest.advanceTimersByTime(250 + TURN);
    expect(word.outcome).toMatchObject({ passed: Buffer.alloc(0), refusal: { protocol: 'other' } });
    const request = new Fed({ name: 'mail.example.com', port, denied }).client('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(request.outcome.refusal).toEqual({ ...denied, protocol: 'http', headOnly: false });
  });

  test('nothing is late once the inspector is closed', () => {
    const fed = new Fed().client('GET / HT');
    fed.inspector.close();
    jest.advanceTimersByTime(60_000);
    expect(fed.cause).toBeUndefined();
    expect(jest.getTimerCount()).toBe(0);
  });
});
