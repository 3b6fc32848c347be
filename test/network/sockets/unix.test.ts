import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type Server, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NamespaceSet, unshare } from '../../../lib';
import { Network } from '../../../lib/network';
import { errorWith } from '../../fixtures/errors';
import { WAYS, closeAll, converse } from './inside';

describe.each(WAYS)('Unix sockets of %s', (_, kinds) => {
  let sets: NamespaceSet[];
  let one: Network;
  let other: Network;
  let folder: string;
  const servers: Server[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ns-unix-'));
    sets = await Promise.all([unshare(kinds), unshare(kinds)]);
    [one, other] = (await Promise.all(sets.map((set) => Network.open(set)))) as [Network, Network];
  });

  afterEach(() => closeAll(...servers.splice(0)));

  afterAll(async () => {
    await Promise.all([one, other, ...sets].map((each) => each.close()));
    rmSync(folder, { recursive: true });
  });

  const saying = (words: string): Server => createServer((socket) => socket.end(words));

  test('abstract names belong to the network namespace: each has its own', async () => {
    const path = '\0the same name';
    servers.push(await one.listen(saying('one'), { path }), await other.listen(saying('other'), { path }));
    expect(await converse(await one.connect({ path }), '')).toBe('one');
    expect(await converse(await other.connect({ path }), '')).toBe('other');
  });

  test('an abstract name is not seen from another namespace, nor from the host', async () => {
    const path = '\0of one alone';
    servers.push(await one.listen(saying('one'), { path }));
    await expect(other.connect({ path })).rejects.toThrow(
      errorWith({ code: 'ECONNREFUSED', syscall: 'connect', path: '@of one alone' }),
    );
    await expect(one.listen(saying('twice'), { path })).rejects.toThrow(errorWith({ code: 'EADDRINUSE' }));
    const unixSockets = await sets[0]!.readFile('/proc/net/unix', 'utf8');
    expect(unixSockets).not.toBe('');
  });

  test('a path belongs to the file system: who sees the file can connect, from any network namespace', async () => {
    const path = join(folder, 'socket');
    const server = await one.listen(saying('by its path'), { path });
    expect(await converse(await one.connect({ path }), '')).toBe('by its path');
    expect(await converse(await other.connect({ path }), '')).toBe('by its path');
    expect(await converse(connect(path), '')).toBe('by its path');
    await closeAll(server);
    expect(existsSync(path)).toBe(false);
  });

  test('the file goes with the server, so that another can listen there at once', async () => {
    const path = join(folder, 'again');
    for (const words of ['first', 'second']) {
      const server = await one.listen(saying(words), { path });
      expect(await converse(await one.connect({ path }), '')).toBe(words);
      await expect(one.listen(saying('too many'), { path })).rejects.toThrow(
        errorWith({ code: 'EADDRINUSE', path, hint: expect.stringContaining('left behind') as string }),
      );
      expect(existsSync(path)).toBe(true);
      await closeAll(server);
    }
  });

  test('the file goes when the server is closed, though a connection stays', async () => {
    const path = join(folder, 'at-once');
    const server = await one.listen(
      createServer((socket) => socket.on('error', () => undefined)),
      { path },
    );
    const accepted = once(server, 'connection');
    const client = await one.connect({ path });
    await accepted;
    const closed = new Promise((resolve) => server.close(resolve));
    expect(existsSync(path)).toBe(false);
    const next = await one.listen(saying('next'), { path });
    servers.push(next);
    client.destroy();
    await closed;
    expect(await converse(await one.connect({ path }), '')).toBe('next');
  });

  test('a server that listens already leaves no file', async () => {
    const path = join(folder, 'refused');
    const server = await one.listen(saying('words'), { path: '\0refused' });
    servers.push(server);
    await expect(one.listen(server, { path })).rejects.toThrow(errorWith({ code: 'ERR_SERVER_ALREADY_LISTEN' }));
    expect(existsSync(path)).toBe(false);
  });

  test('a path that is not there is an error that names it', async () => {
    const path = join(folder, 'nobody');
    await expect(one.connect({ path })).rejects.toThrow(errorWith({ code: 'ENOENT', syscall: 'connect', path }));
  });
});
