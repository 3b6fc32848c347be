import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createNet } from 'node:net';
import { type NamespaceSet, NamespaceError, Sandbox, hostUserland, spawn, unshare } from '../../lib';
import { Network } from '../../lib/network';
import * as waitFor from '../../lib/wait';
import { closeAll } from '../network/sockets/inside';
import { errorWith } from '../fixtures/errors';

/** A server that listens after a while, as servers do. */
const SLOW_SERVER = `
  const server = require('node:http').createServer((request, response) => {
    const starting = Date.now() < up + 300;
    response.writeHead(request.url === '/health' && starting ? 503 : 200).end(request.url);
  });
  let up = Infinity;
  console.log('starting');
  setTimeout(() => server.listen(8080, () => { up = Date.now(); console.log('listening on port %d', 8080) }), 200);
`;

/** The error that a wait rejects with. */
async function errorOf(wait: Promise<unknown>): Promise<NamespaceError> {
  const error: unknown = await wait.then(
    () => new Error('it did not reject'),
    (reason: unknown) => reason,
  );
  return error as NamespaceError;
}

describe('waitFor', () => {
  let set: NamespaceSet;
  let net: Network;
  beforeEach(async () => {
    set = await unshare(['user', 'net', 'pid']);
    net = await Network.open(set);
  });
  afterEach(async () => {
    await net.close();
    await set.close();
  });

  const node = (script: string): ReturnType<NamespaceSet['spawn']> => set.spawn(process.execPath, ['-e', script]);

  describe('port()', () => {
    test('resolves when a server has come up, from wherever it is asked', async () => {
      await using server = await node(SLOW_SERVER);
      await waitFor.port(server, 8080);
      await waitFor.port(set, 8080);
      await waitFor.port(net, 8080, { host: '127.0.0.1' });
      await waitFor.port({ network: net }, 8080); // a host of a lab has one
      expect(server.exitCode).toBeNull();
    });

    test('looks where a program is: in its network, which may be that of this process', async () => {
      const server = createNet();
      await once(server.listen(0, '127.0.0.1'), 'listening');
      await using program = await spawn('sleep', ['1000']);
      await waitFor.port(program, (server.address() as { port: number }).port);
      await closeAll(server);
    });

    test('looks into a sandbox', async () => {
      await using sandbox = await Sandbox.create(hostUserland());
      await using inside = await Network.open(sandbox.namespaces);
      const server = await inside.listen(80);
      await waitFor.port(sandbox, 80);
      await closeAll(server);
    });

    test('says after its time what the last state was, and what the program has said', async () => {
      await using server = await node(
        "console.log('cannot \\x1b[31mread my config'); console.error('waiting'); setInterval(() => {}, 1000)",
      );
      await waitFor.log(server, 'waiting');
      const error = await errorOf(waitFor.port(server, 8080, { timeout: 300 }));
      expect(error).toBeInstanceOf(NamespaceError);
      expect(error).toMatchObject({ code: 'ETIMEDOUT', step: 'wait for port 8080', cause: { code: 'ECONNREFUSED' } });
      expect(error.message).toMatch(
        /^port 8080 did not accept a connection within 300 ms \(attempt \d+: ECONNREFUSED: /,
      );
      expect(error.hint).toBe(
        `The output of ${process.execPath} (pid ${server.pid}) ends with:\n  cannot ␛[31mread my config\n  waiting`,
      );
    });

    test('ends at once when the program does', async () => {
      await using server = await set.spawn('sh', ['-c', 'echo bad option >&2; exit 3']);
      const error = await errorOf(waitFor.port(server, 8080, { timeout: 0 }));
      expect(error).toMatchObject({ code: 'ERR_LINUX_NS_ENDED' });
      expect(error.message).toContain(`sh (pid ${server.pid}) ended with exit code 3, and port 8080 did not accept`);
      expect(error.hint).toContain('ends with:\n  bad option');
      await using other = await set.spawn('sleep', ['0.1']);
      const second = await errorOf(waitFor.port(net, 8080, { timeout: 0, program: other }));
      expect(second).toMatchObject({
        code: 'ERR_LINUX_NS_ENDED',
        hint: expect.stringContaining('has no output') as string,
      });
    });

    test('ends when its signal is aborted, or its target closed', async () => {
      const abort = new AbortController();
      const wait = errorOf(waitFor.port(net, 8080, { signal: abort.signal }));
      setTimeout(() => abort.abort(), 30);
      expect(await wait).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
      const early = waitFor.port(net, 8080, { signal: AbortSignal.abort() });
      expect(await errorOf(early)).toMatchObject({ name: 'AbortError' });
      const gone = await Network.open(set);
      const closing = errorOf(waitFor.port(gone, 8080, { timeout: 0 }));
      await gone.close();
      expect(await closing).toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
    });

    test('is not held up by packets that get no answer', async () => {
      await net.link.add({ name: 'hole', kind: 'veth', up: true, peer: { name: 'end', up: true } });
      await net.address.add('hole', '10.0.0.1/24');
      const error = await errorOf(waitFor.port(net, 80, { host: '10.0.0.2', timeout: 100 }));
      expect(error).toMatchObject({ code: 'ETIMEDOUT', step: 'wait for port 80 of 10.0.0.2' });
    });
  });

  describe('http()', () => {
    test('resolves with the answer that was waited for', async () => {
      await using server = await node(SLOW_SERVER);
      const response = await waitFor.http(server, '/health', { port: 8080, status: 200 });
      expect(await response.text()).toBe('/health');
      expect((await waitFor.http(net, 'http://127.0.0.1:8080/x')).url).toBe('http://127.0.0.1:8080/x');
    });

    test('says what the server answered last', async () => {
      let asked = 0;
      const server = await net.listen(
        createServer((request, response) => {
          asked++;
          response.writeHead(request.headers['x-key'] === 'mine' ? 503 : 401).end('body');
        }),
        80,
      );
      const options = { status: 204, timeout: 200, request: { headers: { 'x-key': 'mine' } } };
      const error = await errorOf(waitFor.http(net, '/ready', options));
      expect(error).toMatchObject({ code: 'ETIMEDOUT', step: 'wait for http://localhost/ready' });
      expect(error.message).toMatch(
        /did not answer with status 204 within 200 ms \(attempt \d+: status 503 Service Unavailable\)/,
      );
      expect((await waitFor.http(net, '/ready', 401)).status).toBe(401);
      expect(asked).toBeGreaterThan(2);
      await closeAll(server);
    });

    test('gives up a server that takes a request and never answers', async () => {
      const server = await net.listen(
        createNet((socket) => socket.on('error', () => undefined).resume()),
        80,
      );
      expect(await errorOf(waitFor.http(net, '/', { timeout: 100 }))).toMatchObject({ code: 'ETIMEDOUT' });
      await closeAll(server);
    });
  });

  describe('log()', () => {
    test('resolves with the line, of any stream, also when it came before the call', async () => {
      await using server = await node(SLOW_SERVER);
      const [, port] = await waitFor.log(server, /listening on port (\d+)/);
      expect(port).toBe('8080');
      expect((await waitFor.log(server, 'starting')).input).toBe('starting');
      await using other = await set.spawn('sh', ['-c', 'echo "no [brackets] (here)" >&2; exec sleep 1000']);
      expect((await waitFor.log(other, '[brackets] (here)')).input).toBe('no [brackets] (here)');
    });

    test('puts together what comes in pieces, and takes a last line without an end', async () => {
      await using child = await node(`
        const parts = ['re', 'ad', 'y\\nä', Buffer.from('€').subarray(0, 2), Buffer.from('€').subarray(2), '\\nprompt> '];
        const next = () => parts.length > 0 && process.stdout.write(parts.shift(), () => setTimeout(next, 5));
        next();
        setInterval(() => {}, 1000);
      `);
      expect((await waitFor.log(child, /^ready$/)).input).toBe('ready');
      expect((await waitFor.log(child, /^ä€$/)).input).toBe('ä€');
      expect((await waitFor.log(child, /> $/)).input).toBe('prompt> ');
    });

    test('counts lines', async () => {
      await using child = await set.spawn('sh', [
        '-c',
        'for i in 1 2 3; do sleep 0.05; echo ready $i; done; exec sleep 1000',
      ]);
      expect((await waitFor.log(child, /ready/g, { times: 3 })).input).toBe('ready 3');
    });

    test('ends when the output does, and shows it', async () => {
      await using child = await set.spawn('sh', ['-c', 'echo starting; printf "no newline"']);
      const error = await errorOf(waitFor.log(child, 'ready', { timeout: 0 }));
      expect(error).toMatchObject({ code: 'ERR_LINUX_NS_ENDED', step: 'wait for a line with ready' });
      expect(error.hint).toContain('ends with:\n  starting\n  no newline');
      expect((await waitFor.log(child, 'no newline')).input).toBe('no newline');
    });

    test('ends after its time, and leaves nothing behind', async () => {
      await using child = await set.spawn('sh', ['-c', 'echo starting; exec sleep 1000']);
      const error = await errorOf(waitFor.log(child, 'ready', { timeout: 150 }));
      expect(error).toMatchObject({ code: 'ETIMEDOUT', hint: expect.stringContaining('starting') as string });
    });
  });

  describe('exec()', () => {
    test('runs a program until it succeeds', async () => {
      const script = 'n=$(cat /proc/sys/kernel/random/uuid | tr -dc 0-3 | head -c 1); test "$n" = 1 && echo "$n"';
      expect((await waitFor.exec(set, 'sh', ['-c', script])).stdout).toBe('1\n');
      await using child = await set.spawn('sleep', ['1000']);
      expect((await waitFor.exec(child, 'echo', ['in its namespaces'])).stdout).toBe('in its namespaces\n');
    });

    test('says how the last run has failed', async () => {
      const error = await errorOf(waitFor.exec(set, 'sh', ['-c', 'echo no response; exit 2'], { timeout: 300 }));
      expect(error).toMatchObject({ code: 'ETIMEDOUT', step: 'wait for sh -c echo no response; exit 2' });
      expect(error.message).toMatch(/did not succeed within 300 ms \(attempt \d+: exit code 2: no response\)/);
    });

    test('kills a run that does not end, and fails at once without the program', async () => {
      expect(await errorOf(waitFor.exec(set, 'sleep', ['1000'], { timeout: 100 }))).toMatchObject({
        code: 'ETIMEDOUT',
      });
      const error = await errorOf(waitFor.exec(set, '/no/such/program', [], { timeout: 0 }));
      const noArguments = { timeout: 0 };
      expect(await errorOf(waitFor.exec(set, '/no/such/program', noArguments))).toMatchObject({ code: 'ENOENT' });
      expect((await waitFor.exec(set, 'true', noArguments)).stdout).toBe('');
      expect(error).toMatchObject({ code: 'ENOENT' });
    });
  });

  describe('exit()', () => {
    test('resolves with the way in which a program ends', async () => {
      await using child = await set.spawn('sh', ['-c', 'sleep 0.1; exit 7']);
      expect(await waitFor.exit(child)).toEqual({ code: 7, signal: null });
      expect(await waitFor.exit(child, { code: 7 })).toEqual({ code: 7, signal: null });
    });

    test('rejects with its output where it ends in another way, or not in time', async () => {
      await using child = await set.spawn('sh', ['-c', 'echo migration 3 failed >&2; exit 1']);
      const error = await errorOf(waitFor.exit(child, { code: 0 }));
      expect(error).toMatchObject({ code: 'ERR_LINUX_NS_ENDED' });
      expect(error.message).toContain('ended with exit code 1, and not with exit code 0');
      expect(error.hint).toContain('migration 3 failed');
      await using slow = await set.spawn('sleep', ['1000']);
      expect(await errorOf(waitFor.exit(slow, { timeout: 50 }))).toMatchObject({ code: 'ETIMEDOUT' });
      slow.kill('SIGKILL');
      expect(await waitFor.exit(slow)).toEqual({ code: null, signal: 'SIGKILL' });
    });
  });

  test('takes no property of Object.prototype for an option', async () => {
    const child = await set.spawn('sleep', ['0.1']);
    Object.defineProperty(Object.prototype, 'timeout', { value: 1, configurable: true });
    const wait = waitFor.exit(child);
    Reflect.deleteProperty(Object.prototype, 'timeout');
    expect(await wait).toMatchObject({ code: 0 });
  });

  test('refuses bad arguments before anything starts', async () => {
    await using child = await set.spawn('sleep', ['1000']);
    const type = errorWith({ name: 'TypeError' });
    await expect(waitFor.port(net, 0)).rejects.toThrow(errorWith({ code: 'ERR_OUT_OF_RANGE' }));
    await expect(waitFor.port('here' as never, 80)).rejects.toThrow(type);
    await expect(waitFor.port(net, 80, { timout: 1 } as never)).rejects.toThrow("did you mean 'timeout'?");
    await expect(waitFor.port(net, 80, { program: net as never })).rejects.toThrow(type);
    await expect(waitFor.http(net, 'ftp://x/')).rejects.toThrow(errorWith({ code: 'ERR_INVALID_ARG_VALUE' }));
    await expect(waitFor.http(net, '/', { status: 99 })).rejects.toThrow(errorWith({ code: 'ERR_OUT_OF_RANGE' }));
    await expect(waitFor.log(child, 7 as never)).rejects.toThrow(type);
    await expect(waitFor.log(set as never, 'x')).rejects.toThrow(type);
    await expect(waitFor.log(child, 'x', { times: 0 })).rejects.toThrow(errorWith({ code: 'ERR_OUT_OF_RANGE' }));
    await expect(waitFor.exec(net as never, 'true')).rejects.toThrow(type);
    await expect(waitFor.exec(set, 'true', 'args' as never)).rejects.toThrow(type);
    await expect(waitFor.exit(child, { code: 256 })).rejects.toThrow(errorWith({ code: 'ERR_OUT_OF_RANGE' }));
  });
});
