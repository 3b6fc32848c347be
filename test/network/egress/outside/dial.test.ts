import { once } from 'node:events';
import { type AddressInfo, type Server, connect, createServer } from 'node:net';
import { Lab } from '../../../../lib/lab';
import { type Dial, dial } from '../../../../lib/network/egress/outside/dial';
import type { EgressOutside, EgressPolicy } from '../../../../lib/network/egress/policy/egress-policy';
import { Policy } from '../../../../lib/network/egress/policy/policy';
import { eventually } from '../../../fixtures/footprint';
import { nodeArguments } from '../../../fixtures/scenario';
import { closeAll, converse } from '../../sockets/inside';

/** Names with their addresses, in place of a resolver; connections are those of this process. */
function names(known: Record<string, string[]>, connect: EgressOutside['connect']): EgressOutside {
  return {
    connect,
    lookup: async (name) => {
      const addresses = known[name];
      if (addresses === undefined) throw Object.assign(new Error(`${name}?`), { code: 'ENOTFOUND' });
      return Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
    },
  };
}

const policy = (given: EgressPolicy = {}): Policy => Policy.of('policy', given);
const never = (): Promise<never> => Promise.reject(new Error('nobody may connect'));

describe('addresses', () => {
  const to = { name: 'www.example.com', address: '198.18.0.1', port: 443 };

  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '::1',
    '::ffff:127.0.0.1',
    'fd00:ec2::254',
    '64:ff9b::7f00:1',
    'fe80::1%lo',
  ])('a name that leads to %s is not connected to', async (address) => {
    const outside = names({ 'www.example.com': [address] }, never);
    const dialled = dial({ ...to, policy: policy({ allow: ['www.example.com', '*'] }), outside });
    await expect(dialled).rejects.toMatchObject({ code: 'special-address', refused: { cause: 'policy' } });
  });

  test('a rule that names the address lets the name lead there, on its ports', async () => {
    const outside = names({ 'www.example.com': ['10.1.2.3'] }, ({ host, port }) =>
      never().catch(() => Promise.reject(Object.assign(new Error(), { code: `TRIED ${host} ${port}` }))),
    );
    const allowing = policy({ allow: ['www.example.com', '10.1.0.0/16:443'] });
    await expect(dial({ ...to, policy: allowing, outside })).rejects.toThrow('TRIED 10.1.2.3 443');
    await expect(dial({ ...to, port: 80, policy: allowing, outside })).rejects.toMatchObject({
      code: 'special-address',
      message:
        'The egress policy does not allow www.example.com:80: www.example.com has the address 10.1.2.3, which is private, and no rule names this address.',
    });
  });

  test.each([[['93.184.216.10']], [['93.184.216.10', '93.184.216.11']]])(
    'an outside that throws is one that does not connect: %j',
    async (addresses) => {
      const outside = names({ 'www.example.com': addresses }, () => {
        throw Object.assign(new Error(), { code: 'EHOSTUNREACH' });
      });
      const dialled = dial({ ...to, policy: policy(), outside });
      await expect(dialled).rejects.toMatchObject({ code: 'refused' });
      await expect(dialled).rejects.toThrow('EHOSTUNREACH');
    },
  );

  test('of several addresses only those are connected to that may be', async () => {
    const tried: unknown[] = [];
    const outside = names({ 'www.example.com': ['10.1.2.3', '93.184.216.10', '::1', '93.184.216.11'] }, ({ host }) => {
      tried.push(host);
      return Promise.reject(Object.assign(new Error(), { code: 'ECONNREFUSED' }));
    });
    const dialled = dial({ ...to, policy: policy({ deny: ['93.184.216.11'] }), outside });
    await expect(dialled).rejects.toMatchObject({ code: 'refused', refused: { cause: 'unreachable' } });
    expect(tried).toEqual(['93.184.216.10']);
  });

  test('a rule that denies an address denies a name that leads there, also by NAT64', async () => {
    for (const address of ['93.184.216.10', '::ffff:93.184.216.10', '64:ff9b::5db8:d80a']) {
      const outside = names({ 'www.example.com': [address] }, never);
      const dialled = dial({ ...to, policy: policy({ deny: ['93.184.216.0/24:443'] }), outside });
      await expect(dialled).rejects.toMatchObject({
        code: 'denied-address',
        message: `The egress policy does not allow www.example.com:443: www.example.com has the address ${address}, which is denied by the rule '93.184.216.0/24:443'.`,
      });
    }
  });

  test('an address that is dialled as such is checked as well', async () => {
    const literal = { ...to, name: undefined, outside: names({}, never) };
    for (const via of [undefined, new URL('http://proxy.example.com')]) {
      const dialled = dial({ ...literal, address: '10.1.2.3', policy: policy({ allow: ['*'] }), via });
      await expect(dialled).rejects.toMatchObject({ code: 'special-address' });
    }
  });

  test('the name is resolved at each connection, and the address that was checked is the one that is connected to', async () => {
    const tried: unknown[] = [];
    const turns = [['93.184.216.10'], ['127.0.0.1'], ['93.184.216.12']];
    const outside: EgressOutside = {
      lookup: async () => Promise.resolve((turns.shift() ?? []).map((address) => ({ address, family: 4 }))),
      connect: ({ host }) => {
        tried.push(host);
        return Promise.reject(Object.assign(new Error(), { code: 'ECONNREFUSED' }));
      },
    };
    const codes = [];
    for (let turn = 0; turn < 4; turn++) {
      codes.push(
        await dial({ ...to, policy: policy(), outside }).catch(
          (error: unknown) => (error as Error & { code: string }).code,
        ),
      );
    }
    expect(codes).toEqual(['refused', 'special-address', 'refused', 'no-address']);
    expect(tried).toEqual(['93.184.216.10', '93.184.216.12']);
  });

  test('what connects after it was given up is closed', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const controller = new AbortController();
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    let finish = (): void => undefined;
    const late: EgressOutside = {
      lookup: async () => Promise.resolve([{ address: '93.184.216.10', family: 4 }]),
      connect: () => {
        queueMicrotask(() => controller.abort());
        return new Promise((resolve) => (finish = () => resolve(socket)));
      },
    };
    const dialled = dial({ ...to, policy: policy(), outside: late, giveUp: controller });
    await expect(dialled).rejects.toMatchObject({ name: 'AbortError' });
    finish();
    await eventually(() => socket.destroyed);
    server.close();
  });

  test('an upstream proxy without an address is not waited for', async () => {
    const outside = names({ 'proxy.example.com': [] }, never);
    const via = new URL('http://proxy.example.com');
    const dialled = dial({ ...to, policy: policy(), outside, via });
    await expect(dialled).rejects.toMatchObject({ code: 'proxy', message: 'The upstream proxy cannot be reached.' });
  });

  test('a name without an address, and one that nobody answers for', async () => {
    const dialled = dial({ ...to, policy: policy(), outside: names({}, never) });
    await expect(dialled).rejects.toMatchObject({
      code: 'no-address',
      message: 'The name www.example.com has no address: ENOTFOUND.',
      refused: { cause: 'unreachable' },
    });
    const controller = new AbortController();
    const silent: EgressOutside = { lookup: () => new Promise(() => undefined), connect: never };
    const waiting = dial({ ...to, policy: policy(), outside: silent, giveUp: controller });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('an address of this machine is special, though it may be one of the internet', async () => {
    await using lab = await Lab.create({ networks: { lan: { subnet: '93.184.216.0/24' } } });
    const host = await lab.addHost('host', { on: 'lan', address: '93.184.216.5' });
    const run = async (name: string, ...args: string[]): Promise<string> => {
      const script = nodeArguments(require.resolve('./scenarios'), name, args);
      return (await host.execFile(process.execPath, script)).stdout.trim();
    };
    const dialled = (...args: string[]): Promise<string> => run('dialHere', ...args);
    expect(await dialled('93.184.216.5', '*')).toContain('93.184.216.5 is one of this machine itself, and no rule');
    expect(await dialled('93.184.216.5', '93.184.216.5')).toContain('cannot be connected to: ECONNREFUSED');
    // So it is cut when that rule is revoked, though another one names the connection.
    expect(await run('reachHere', '93.184.216.5')).toBe('result: {"address":"93.184.216.5","isSpecial":true}');
  });
});

describe('several addresses', () => {
  const to = { name: 'www.example.com', address: '198.18.0.1', port: 443, policy: policy() };
  let server: Server;
  let closed: number;

  beforeEach(async () => {
    closed = 0;
    server = createServer((socket) => {
      socket.on('error', () => undefined).once('close', () => closed++);
      socket.resume();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    await closeAll(server);
  });

  /** Attempts by their address: what is given, or a connection to the server after that. */
  const outsideOf = (
    addresses: string[],
    act: (address: string, signal: AbortSignal) => Promise<void>,
    tried: string[] = [],
  ): EgressOutside =>
    names({ 'www.example.com': addresses }, async ({ host = '', signal = new AbortController().signal }) => {
      tried.push(host);
      await act(host, signal);
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    });
  const silence = (signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up'))));

  test('are tried with the families in turns', async () => {
    const tried: string[] = [];
    const refuse = (): Promise<void> => Promise.reject(Object.assign(new Error(), { code: 'ECONNREFUSED' }));
    const six = ['2606:4700::1', '2606:4700::2', '2606:4700::3'];
    const outside = outsideOf([...six, '93.184.216.1', '93.184.216.2'], refuse, tried);
    await expect(dial({ ...to, outside })).rejects.toMatchObject({ code: 'refused' });
    expect(tried).toEqual([six[0], '93.184.216.1', six[1], '93.184.216.2', six[2]]);
    tried.length = 0;
    await expect(dial({ ...to, outside: outsideOf(['93.184.216.1', ...six], refuse, tried) })).rejects.toThrow();
    expect(tried).toEqual(['93.184.216.1', ...six]);
  });

  test('the first that accepts wins, and the others are given up', async () => {
    const givenUp: string[] = [];
    const outside = outsideOf(['2606:4700::1', '93.184.216.1'], async (address, signal) => {
      if (address !== '93.184.216.1') await silence(signal).finally(() => givenUp.push(address));
    });
    const socket = await dial({ ...to, outside });
    expect(givenUp).toEqual(['2606:4700::1']);
    socket.destroy();
  });

  test('one that accepts late still wins if no other does', async () => {
    const outside = outsideOf(['2606:4700::1', '93.184.216.1'], async (address, signal) => {
      if (address === '93.184.216.1') await silence(signal);
      else await new Promise((resolve) => setTimeout(resolve, 400));
    });
    (await dial({ ...to, outside })).destroy();
  });

  test('giving up ends all attempts, and closes what is there too late', async () => {
    const controller = new AbortController();
    const outside = outsideOf(['93.184.216.1', '2606:4700::1'], (address, signal) => {
      if (address === '93.184.216.1') return silence(signal);
      controller.abort();
      return Promise.resolve();
    });
    await expect(dial({ ...to, outside, giveUp: controller })).rejects.toMatchObject({ name: 'AbortError' });
    await eventually(() => closed === 1);
  });

  test('that say nothing are given up after 30 seconds, and so is a resolver', async () => {
    jest.useFakeTimers();
    try {
      const silent = names({ 'www.example.com': ['93.184.216.1'] }, ({ signal }) => silence(signal!) as never);
      const deaf: EgressOutside = { lookup: () => new Promise(() => undefined), connect: never };
      const via = new URL('http://proxy.example:3128');
      for (const way of [{ outside: silent }, { outside: deaf }, { outside: deaf, via }]) {
        const code = dial({ ...to, ...way }).catch((error: unknown) => (error as Error & { code: string }).code);
        await jest.advanceTimersByTimeAsync(30_000);
        expect(await code).toBe('timed-out');
        expect(jest.getTimerCount()).toBe(0);
      }
    } finally {
      jest.useRealTimers();
    }
  });

  test('a network gives what it has: a half-open socket that is not read yet', async () => {
    server.on('connection', (socket) => socket.on('data', () => socket.end('hello back')));
    const { port } = server.address() as AddressInfo;
    const address = '127.0.0.1';
    const here: Dial = { name: undefined, address, port, policy: policy({ allow: [address] }) };
    const socket = await dial(here);
    expect(socket.allowHalfOpen).toBe(true);
    expect(await converse(socket, 'hello')).toBe('hello back');
  });

  test('a name is resolved by the resolver of the host', async () => {
    server.on('connection', (socket) => socket.end('hello back'));
    const { port } = server.address() as AddressInfo;
    const allowing = policy({ allow: ['127.0.0.1', '::1'] });
    expect(await converse(await dial({ ...to, name: 'localhost', port, policy: allowing }), '')).toBe('hello back');
    await expect(dial({ ...to, name: 'localhost', port })).rejects.toMatchObject({ code: 'special-address' });
  });
});
