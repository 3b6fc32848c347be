import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { type NamespaceProcess, type NamespaceSet, unshare } from '../../../../lib';
import { Network } from '../../../../lib/network';
import { Place } from '../../../../lib/network/place';
import type { EgressProgram } from '../../../../lib/network/egress/requests/egress-request';
import { Programs } from '../../../../lib/network/egress/requests/programs';
import { type Footprint, eventually, expectNothingLeft } from '../../../fixtures/footprint';
import { WAYS, closeAll, footprintWithServers } from '../../sockets/inside';

/** Connects, says so, and waits for a line of the server. */
const CONNECT = 'exec 3<>/dev/tcp/$0/$1; echo connected; read -u 3 line';

describe.each(WAYS)('the program behind a connection in %s', (_, kinds) => {
  let before: Footprint;
  let set: NamespaceSet;
  let network: Network;
  let place: Place;
  let programs: Programs;
  let server: Server;
  let accepted: Socket[];
  let started: NamespaceProcess[];

  beforeAll(async () => {
    before = await footprintWithServers();
  });
  beforeEach(async () => {
    set = await unshare([...kinds, 'pid']);
    network = await Network.open(set);
    place = Place.of('target', set);
    programs = new Programs(place);
    accepted = [];
    started = [];
    await network.link.set('lo', { up: true });
    server = await network.listen(0);
    server.on('connection', (socket) => accepted.push(socket.on('error', () => undefined)));
  });
  afterEach(async () => {
    programs.close();
    for (const each of started) each.kill('SIGKILL');
    await Promise.all(started.map(({ exited }) => exited));
    for (const socket of accepted) socket.destroy();
    await closeAll(server);
    await place.close();
    await network.close();
    await set.close();
  });
  afterAll(() => expectNothingLeft(before));

  /** Starts a program that connects, and resolves when it has. */
  async function connected(argv: readonly string[] = []): Promise<NamespaceProcess> {
    const { port } = server.address() as AddressInfo;
    const args = ['-c', CONNECT, '127.0.0.1', String(port), ...argv];
    const child = await set.spawn('bash', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    started.push(child);
    await once(child.stdout!, 'data');
    return child;
  }

  /** The program that is at the other end of a socket that was accepted. */
  async function behind({
    remoteAddress,
    remotePort,
    localAddress,
    localPort,
  }: Socket): Promise<EgressProgram | undefined> {
    const own = { address: remoteAddress ?? '', port: remotePort ?? 0 };
    return programs.find(own, { address: localAddress ?? '', port: localPort ?? 0 });
  }

  test('is known by its ids outside and inside, its file and its arguments', async () => {
    const child = await connected(['one', 'two words']);
    await eventually(() => accepted.length === 1);
    const program = await behind(accepted[0]!);
    expect(program).toMatchObject({ pid: child.pid, file: expect.stringMatching(/\/bash$/) as string });
    expect(program?.pidInside).toBeGreaterThan(1);
    expect(program?.pidInside).not.toBe(child.pid);
    expect(program?.argv).toEqual(['bash', '-c', CONNECT, '127.0.0.1', expect.any(String), 'one', 'two words']);
  });

  test('is told apart from others that connect to the same server', async () => {
    const children = await Promise.all(['a', 'b', 'c'].map((word) => connected([word])));
    await eventually(() => accepted.length === 3);
    const found = await Promise.all(accepted.map(behind));
    expect(found.map((program) => program?.pid).sort()).toEqual(children.map(({ pid }) => pid).sort());
  });

  test('is not known once it has ended, nor for a connection that never was', async () => {
    const child = await connected();
    await eventually(() => accepted.length === 1);
    child.kill('SIGKILL');
    await child.exited;
    expect(await behind(accepted[0]!)).toBeUndefined();
    const none = { address: '127.0.0.1', port: 1 };
    expect(await programs.find(none, none)).toBeUndefined();
    expect(await programs.find({ address: 'nonsense', port: 1 }, none)).toBeUndefined();
    const { port } = server.address() as AddressInfo; // a server is at this address, and no connection from it
    expect(await programs.find({ address: '127.0.0.1', port }, none)).toBeUndefined();
  });

  test('is the one that runs now, even if the process has run another before', async () => {
    const { port } = server.address() as AddressInfo;
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; echo connected; read; exec sleep 1000`;
    const child = await set.spawn('bash', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    started.push(child);
    await once(child.stdout!, 'data');
    await eventually(() => accepted.length === 1);
    expect((await behind(accepted[0]!))?.argv[0]).toBe('bash');
    child.stdin!.end('go on\n');
    let argv: readonly string[] | undefined;
    await eventually(async () => (argv = (await behind(accepted[0]!))?.argv)?.[0] === 'sleep');
    expect(argv).toEqual(['sleep', '1000']);
  });

  test('has the arguments of now, even if the same program was run again with others', async () => {
    const { port } = server.address() as AddressInfo;
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; echo connected; read; exec bash -c 'read; true' again`;
    const child = await set.spawn('bash', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    started.push(child);
    await once(child.stdout!, 'data');
    await eventually(() => accepted.length === 1);
    expect((await behind(accepted[0]!))?.argv).toEqual(['bash', '-c', script]);
    child.stdin!.write('go on\n');
    await eventually(async () => (await behind(accepted[0]!))?.argv.at(-1) === 'again');
  });

  test('is not looked for any more after close(), nor where too many are looked for at once', async () => {
    await connected();
    await eventually(() => accepted.length === 1);
    const many = Array.from({ length: 5000 }, () => behind(accepted[0]!));
    const found = await Promise.all(many.slice(0, 1024));
    expect(found.every((program) => program !== undefined)).toBe(true);
    expect((await Promise.all(many.slice(2000))).every((program) => program === undefined)).toBe(true);
    programs.close();
    expect(await behind(accepted[0]!)).toBeUndefined();
  });

  test('is found among many descriptors', async () => {
    const { port } = server.address() as AddressInfo;
    const script = `for i in {10..900}; do eval "exec $i</dev/null"; done; exec 1000<>/dev/tcp/127.0.0.1/${port}; echo ok; read`;
    const child = await set.spawn('bash', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    started.push(child);
    await once(child.stdout!, 'data');
    await eventually(() => accepted.length === 1);
    expect((await behind(accepted[0]!))?.pid).toBe(child.pid);
  });
});
