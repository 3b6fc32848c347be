import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type RequestListener, createServer } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type Server, createServer as createNet } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { type NamespaceSet, unshare } from '../../../lib';
import { Network } from '../../../lib/network';
import { errorWith } from '../../fixtures/errors';
import { type Footprint, eventually, expectNothingLeft } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';
import { WAYS, closeAll, footprintWithServers } from './inside';

/** Answers by the path of the request. */
const ANSWERS: Record<string, RequestListener> = {
  '/echo': (request, response) => {
    void text(request).then((body) => {
      const { method, headers } = request;
      response.writeHead(201, 'Made', { 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'] });
      response.end(JSON.stringify({ method, headers, body }));
    });
  },
  '/see-other': (_, response) => response.writeHead(303, { location: '/echo#there' }).end(),
  '/moved': (_, response) => response.writeHead(302, { location: '/echo' }).end(),
  '/again': (_, response) => response.writeHead(307, { location: '/echo' }).end(),
  '/elsewhere': (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:81/echo' }).end(),
  '/round': (_, response) => response.writeHead(302, { location: '/round' }).end(),
  '/file': (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  '/gzip': (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('packed')),
  '/both': (_, response) =>
    response.writeHead(200, { 'content-encoding': 'br, gzip' }).end(gzipSync(brotliCompressSync('packed twice'))),
  '/broken': (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('not packed'),
  '/nothing': (_, response) => response.writeHead(204).end(),
  '/never': () => undefined,
  '/half': (_, response) => void response.writeHead(200).write('half'),
};

describe.each(WAYS)('fetch() in %s', (_, kinds) => {
  let set: NamespaceSet;
  let net: Network;
  let servers: Server[];
  let before: Footprint;

  const answer: RequestListener = (request, response) => ANSWERS[request.url ?? '']?.(request, response);

  beforeAll(async () => {
    before = await footprintWithServers();
    set = await unshare(kinds);
    net = await Network.open(set);
    servers = [await net.listen(createServer(answer), 80), await net.listen(createServer(answer), 81)];
  });

  afterAll(async () => {
    await closeAll(...servers);
    await net.close();
    await set.close();
    await expectNothingLeft(before);
  });

  interface Echo {
    method: string;
    headers: Record<string, string>;
    body: string;
  }
  const echoOf = async (response: Response): Promise<Echo> => (await response.json()) as Echo;

  test('resolves with a Response of Node, which says where it comes from', async () => {
    const response = await net.fetch('http://localhost/echo?#there');
    expect(response).toBeInstanceOf(Response);
    const { status, statusText, ok, url, redirected, headers } = await net.fetch('http://localhost/echo#there');
    expect({ status, statusText, ok, url, redirected }).toEqual({
      status: 201,
      statusText: 'Made',
      ok: true,
      url: 'http://localhost/echo',
      redirected: false,
    });
    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(headers.get('content-type')).toBe('application/json');
  });

  test('sends method, headers and body, with a length where that is known', async () => {
    const response = await net.fetch('http://localhost/echo', {
      method: 'POST',
      headers: { host: 'shop', 'x-a': '1' },
      body: 'ü',
    });
    const { method, headers, body } = await echoOf(response);
    expect({ method, body }).toEqual({ method: 'POST', body: 'ü' });
    expect(headers).toMatchObject({
      host: 'shop',
      'x-a': '1',
      'content-length': '2',
      'content-type': 'text/plain;charset=UTF-8',
      accept: '*/*',
    });
  });

  test('takes every body that the global fetch() takes', async () => {
    const post = async (body: NonNullable<RequestInit['body']>): Promise<Echo> =>
      echoOf(await net.fetch('http://localhost/echo', { method: 'POST', body, duplex: 'half' }));
    expect(await post(new URLSearchParams({ a: 'b c' }))).toMatchObject({ body: 'a=b+c' });
    expect(await post(new Blob(['blob']))).toMatchObject({ body: 'blob', headers: { 'content-length': '4' } });
    expect(await post(Buffer.from('bytes'))).toMatchObject({ body: 'bytes' });
    const form = new FormData();
    form.set('field', 'value');
    expect((await post(form)).body).toContain('name="field"\r\n\r\nvalue');
    const stream = await post(new Blob(['streamed']).stream());
    expect(stream).toMatchObject({ body: 'streamed', headers: { 'transfer-encoding': 'chunked' } });
  });

  test('takes a Request', async () => {
    const request = new Request('http://localhost/echo', { method: 'PUT', body: 'whole', headers: { 'x-a': '2' } });
    expect(await echoOf(await net.fetch(request))).toMatchObject({
      method: 'PUT',
      body: 'whole',
      headers: { 'x-a': '2' },
    });
  });

  test('follows redirects as the standard has it', async () => {
    const secret = { authorization: 'secret', 'content-language': 'de' };
    const post = (path: string): Promise<Response> =>
      net.fetch(`http://localhost${path}`, { method: 'POST', body: 'sent', headers: secret });
    const other = await post('/see-other');
    expect(other).toMatchObject({ redirected: true, url: 'http://localhost/echo' });
    const seen = await echoOf(other);
    expect(seen).toMatchObject({ method: 'GET', body: '', headers: { authorization: 'secret' } });
    expect(seen.headers['content-language']).toBeUndefined();
    expect(await echoOf(await post('/moved'))).toMatchObject({ method: 'GET', body: '' });
    expect(await echoOf(await post('/again'))).toMatchObject({ method: 'POST', body: 'sent' });
    const strange = await echoOf(await post('/elsewhere'));
    expect(strange).toMatchObject({ method: 'POST', body: 'sent', headers: { host: '127.0.0.1:81' } });
    expect(strange.headers.authorization).toBeUndefined();
  });

  test('follows none, or refuses them, if told so', async () => {
    const manual = await net.fetch('http://localhost/moved', { redirect: 'manual' });
    expect([manual.status, manual.headers.get('location')]).toEqual([302, '/echo']);
    const refused = errorWith({ name: 'NamespaceError', code: 'ERR_LINUX_NS_REDIRECT', step: 'fetch' });
    await expect(net.fetch('http://localhost/moved', { redirect: 'error' })).rejects.toThrow(refused);
    await expect(net.fetch('http://localhost/round')).rejects.toThrow(refused);
    await expect(net.fetch('http://localhost/file')).rejects.toThrow(refused);
    const body = new Blob(['once']).stream();
    await expect(net.fetch('http://localhost/again', { method: 'POST', body, duplex: 'half' })).rejects.toThrow(
      refused,
    );
  });

  test('unpacks bodies', async () => {
    expect(await (await net.fetch('http://localhost/gzip')).text()).toBe('packed');
    expect(await (await net.fetch('http://localhost/both')).text()).toBe('packed twice');
    await expect((await net.fetch('http://localhost/broken')).text()).rejects.toThrow();
  });

  test('gives no body where there is none', async () => {
    expect((await net.fetch('http://localhost/nothing')).body).toBeNull();
    const head = await net.fetch('http://localhost/gzip', { method: 'HEAD' });
    expect([head.status, head.body]).toEqual([200, null]);
  });

  test('rejects with the reason why there is no answer', async () => {
    await expect(net.fetch('http://127.0.0.1:82/')).rejects.toThrow(
      errorWith({ name: 'NamespaceError', code: 'ECONNREFUSED', address: '127.0.0.1', port: 82 }),
    );
    const gone = await Network.open(set);
    await gone.close();
    await expect(gone.fetch('http://127.0.0.1/echo')).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_CLOSED' }));
  });

  test('stops when the signal is aborted, before and after the headers', async () => {
    const reason = new Error('enough');
    const early = new AbortController();
    const pending = net.fetch('http://localhost/never', { signal: early.signal });
    setImmediate(() => early.abort(reason));
    await expect(pending).rejects.toBe(reason);
    await expect(net.fetch('http://localhost/echo', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(net.fetch('http://localhost/never', { signal: AbortSignal.timeout(10) })).rejects.toThrow(
      errorWith({ name: 'TimeoutError' }),
    );
    await net.link.add({ name: 'hole', kind: 'veth', up: true, peer: { name: 'end', up: true } });
    await net.address.add('hole', '10.0.0.1/24');
    const silent = net.fetch('http://10.0.0.2/', { signal: AbortSignal.timeout(10) });
    await expect(silent).rejects.toThrow(errorWith({ name: 'TimeoutError' }));
    const late = new AbortController();
    const response = await net.fetch('http://localhost/half', { signal: late.signal });
    const body = response.text();
    late.abort(reason);
    await expect(body).rejects.toBe(reason);
  });

  test('reads no further ahead than the reader of the body', async () => {
    let sent = 0;
    const endless = await net.listen(
      createServer((__, response) => {
        const more = (): void => {
          while (response.write(Buffer.alloc(65536))) sent += 65536;
          sent += 65536;
        };
        response.on('drain', more);
        more();
      }),
      83,
    );
    const response = await net.fetch('http://localhost:83/');
    let last = -1;
    await eventually(() => last === (last = sent)); // nothing more goes out in 20 ms
    expect(sent).toBeLessThan(64 << 20);
    await response.body?.cancel();
    await closeAll(endless);
  });

  test('survives servers that do not speak HTTP as it should be', async () => {
    const say = async (words: string): Promise<number> => {
      const rude = await net.listen(
        createNet((socket) =>
          socket
            .on('error', () => undefined)
            .resume()
            .end(words),
        ),
        84,
      );
      try {
        const { status, body } = await net.fetch('http://localhost:84/');
        await body?.cancel();
        return status;
      } finally {
        await closeAll(rude);
      }
    };
    await expect(say('hello')).rejects.toThrow(errorWith({ code: 'HPE_INVALID_CONSTANT' }));
    await expect(say('')).rejects.toThrow(errorWith({ code: 'ECONNRESET' }));
    await expect(say('HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n')).rejects.toThrow(
      errorWith({ name: 'RangeError' }),
    );
    await expect(say(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(1 << 20)}\r\n\r\n`)).rejects.toThrow(
      errorWith({ code: 'HPE_HEADER_OVERFLOW' }),
    );
    const nested = Array<string>(100).fill('gzip').join();
    expect(await say(`HTTP/1.1 200 OK\r\ncontent-encoding: ${nested}\r\ncontent-length: 1\r\n\r\nx`)).toBe(200);
  });

  test('refuses what is no request', async () => {
    await expect(net.fetch('/relative')).rejects.toThrow(errorWith({ name: 'TypeError' }));
    await expect(net.fetch('ftp://localhost/')).rejects.toThrow(errorWith({ code: 'ERR_INVALID_ARG_VALUE' }));
    await expect(net.fetch('http://localhost/', { body: 'with GET' })).rejects.toThrow(
      errorWith({ name: 'TypeError' }),
    );
    await expect(net.fetch('http://localhost/', { metod: 'POST' } as never)).rejects.toThrow("did you mean 'method'?");
    await expect(net.fetch('http://localhost/', { agent: 'mine' } as never)).rejects.toThrow(
      errorWith({ name: 'TypeError' }),
    );
  });

  needs({ tool: ['openssl'] }).test('speaks TLS with the settings of an agent', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linux-ns-fetch-'));
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', keyFile, '-out', certFile, ...subject], {
      stdio: 'ignore',
    });
    const [key, cert] = [readFileSync(keyFile), readFileSync(certFile)];
    rmSync(folder, { recursive: true });
    const secure = await net.listen(createHttps({ key, cert }, answer), 443);
    try {
      await expect(net.fetch('https://localhost/echo')).rejects.toThrow(
        errorWith({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      );
      const response = await net.fetch('https://localhost/echo', { agent: net.httpsAgent({ ca: cert }) });
      expect(response).toMatchObject({ status: 201, url: 'https://localhost/echo' });
      await response.body?.cancel();
    } finally {
      await closeAll(secure);
    }
  });
});
