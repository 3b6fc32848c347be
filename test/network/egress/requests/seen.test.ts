/** What is seen of connections while they are made, and after: Egress.requests and the event 'request'. */
import type { Socket } from 'node:net';
import type { Egress, EgressQuestion, EgressRequest } from '../../../../lib/network';
import { type NamespaceProcess } from '../../../../lib';
import { type Footprint, eventually, expectNothingLeft } from '../../../fixtures/footprint';
import { WAYS, converse, footprintWithServers } from '../../sockets/inside';
import { World, endOf, heardFrom } from '../inside';

describe.each(WAYS)('the requests of an egress of %s', (_, kinds) => {
  let world: World;
  let before: Footprint;
  let heard: EgressRequest[];

  beforeAll(async () => {
    before = await footprintWithServers();
  });
  beforeEach(async () => {
    world = await World.make([...kinds, 'pid']);
    heard = [];
  });
  afterEach(() => world.close());
  afterAll(() => expectNothingLeft(before));

  const echo = (socket: Socket): void => void socket.on('error', () => undefined).pipe(socket);

  const listen = (egress: Egress): void => void egress.on('request', (request) => heard.push(request));

  /** Connects as a program inside, says hello, and reads what comes until the end. */
  const bash = async (name: string, port: number): Promise<NamespaceProcess> => {
    const script = 'exec 3<>/dev/tcp/$0/$1; echo hello >&3; read -u 3 line; read -u 3 line';
    const args = ['-c', script, await world.resolve(name), String(port)];
    return world.set.spawn('bash', args, { stdio: 'ignore' });
  };

  test('tell the name, the rule, the program, the bytes and the time of a connection', async () => {
    const { net, outside } = world;
    await outside.serve(7000, echo);
    await using egress = await net.egress({ allow: ['*.example:7000'], outside });
    listen(egress);
    const child = await bash('echo.example', 7000);
    await eventually(() => heard.length === 1);
    const [request] = heard;
    await eventually(() => request?.bytesReceived === 'hello\n'.length);
    expect(request).toMatchObject({
      ...{ decision: 'allow', name: 'echo.example', port: 7000, rule: '*.example:7000' },
      ...{ reason: "The egress policy allows echo.example:7000: the rule '*.example:7000' names it.", bytesSent: 6 },
    });
    expect(request?.program).toMatchObject({ pid: child.pid, file: expect.stringMatching(/bash$/) as string });
    expect(request?.program?.argv.slice(-1)).toEqual(['7000']);
    child.kill('SIGKILL');
    await request?.finished;
    expect(request?.bytesReceived).toBe(6);
  });

  test('tell of what is refused, and why', async () => {
    await using egress = await world.net.egress({ deny: ['evil.example'], outside: world.outside });
    listen(egress);
    await endOf(await world.dial('evil.example', 443));
    await endOf(await world.dial('10.1.2.3', 22));
    await eventually(() => heard.length === 2);
    expect(heard.map(({ decision, name, address, rule }) => [decision, name, address === '10.1.2.3', rule])).toEqual([
      ['deny', 'evil.example', false, 'evil.example'],
      ['deny', undefined, true, undefined],
    ]);
    await Promise.all(heard.map(({ finished }) => finished));
    expect(egress.requests.recent).toEqual(heard);
  });

  test('tell the program that is refused, though it ends at once', async () => {
    await using egress = await world.net.egress({ outside: world.outside });
    listen(egress);
    const address = await world.resolve('evil.example');
    for (const port of ['22', '5432']) {
      const args = ['-c', 'exec 3<>/dev/tcp/$0/$1; read -u 3 line', address, port];
      const child = await world.set.spawn('bash', args, { stdio: 'ignore' });
      await child.exited;
    }
    await eventually(() => heard.length === 2);
    expect(heard.map(({ program }) => program?.argv.at(-1))).toEqual(['22', '5432']);
  });

  test('tell of a request for another host as refused, when it has come', async () => {
    await world.outside.serve(80, echo);
    await using egress = await world.net.egress({ allow: ['web.example'], outside: world.outside });
    listen(egress);
    const socket = await world.dial('web.example', 80);
    await eventually(() => heard.length === 1);
    expect(heard[0]?.decision).toBe('allow');
    socket.write('GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n');
    expect(await heardFrom(socket)).toContain('403');
    expect([heard[0]?.decision, heard[0]?.reason.includes('evil.example')]).toEqual(['deny', true]);
    socket.destroy();
  });

  test('tell of a name that leads to a private address as refused', async () => {
    const outside = {
      lookup: () => Promise.resolve([{ address: '169.254.169.254', family: 4 as const }]),
      connect: () => Promise.reject(new Error('nobody connects there')),
    };
    await using egress = await world.net.egress({ allow: ['rebind.example'], outside });
    listen(egress);
    await endOf(await world.dial('rebind.example', 22));
    await eventually(() => heard.length === 1);
    await heard[0]?.finished;
    expect([heard[0]?.decision, heard[0]?.reason]).toEqual([
      'deny',
      expect.stringContaining('rebind.example has the address 169.254.169.254'),
    ]);
  });

  test('tell of a connection that is cut as one that was allowed until then', async () => {
    await world.outside.serve(7000, echo);
    await using egress = await world.net.egress({ allow: ['echo.example'], outside: world.outside });
    listen(egress);
    const socket = await world.dial('echo.example', 7000);
    socket.write('x');
    await eventually(() => heard[0]?.bytesReceived === 1);
    egress.revoke('echo.example');
    expect(await endOf(socket)).toBe('ECONNRESET');
    await heard[0]?.finished;
    expect([heard[0]?.decision, heard[0]?.reason]).toEqual([
      'allow',
      'The egress policy has changed, and allows echo.example:7000 no longer.',
    ]);
  });

  test('come in a loop, which ends with the egress', async () => {
    const egress = await world.net.egress({ outside: world.outside });
    const names: unknown[] = [];
    const loop = (async () => {
      for await (const { name } of egress.requests) names.push(name);
    })();
    for (const name of ['a.example', 'b.example']) await endOf(await world.dial(name, 443));
    await eventually(() => names.length === 2);
    await egress.close();
    await loop;
    expect(names.sort()).toEqual(['a.example', 'b.example']);
  });

  test('that nobody has decided about wait for an answer, whose question has the program', async () => {
    await world.outside.serve(7000, echo);
    const questions: EgressQuestion[] = [];
    let answer: (allowed: boolean) => void = () => undefined;
    const ask = (question: EgressQuestion): Promise<boolean> => {
      questions.push(question);
      return new Promise((resolve) => (answer = resolve));
    };
    await using egress = await world.net.egress({ ask, outside: world.outside });
    listen(egress);
    const child = await bash('ask.example', 7000);
    await eventually(() => questions.length === 1);
    expect(questions[0]).toMatchObject({ name: 'ask.example', port: 7000, program: { pid: child.pid } });
    expect([heard, world.outside.looked]).toEqual([[], []]);
    answer(true);
    await eventually(() => heard[0]?.bytesReceived === 6);
    child.kill('SIGKILL');
    expect(await converse(await world.dial('ask.example', 7000), 'again')).toBe('again');
    expect(questions).toHaveLength(1);
  });

  test('to an address whose name is forgotten say so, even where a rule names all addresses', async () => {
    await using egress = await world.net.egress({ allow: ['*', '0.0.0.0/0'], outside: world.outside });
    listen(egress);
    await endOf(await world.dial('198.18.200.1', 443));
    await eventually(() => heard.length === 1);
    expect([heard[0]?.decision, heard[0]?.reason.includes('look it up again')]).toEqual(['deny', true]);
  });
});
