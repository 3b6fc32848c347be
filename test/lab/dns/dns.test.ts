/** The name server of a lab: what programs and this process find there, and what a test makes of it. */
import { type Host, Lab, type LabNetwork } from '../../../lib/lab';
import { errorWith } from '../../fixtures/errors';
import { type Footprint, expectNothingLeft } from '../../fixtures/footprint';
import { footprintWithServers } from '../../network/sockets/inside';
import { encodeQuestion, decodeAnswer } from '../../../lib/network/resolve/dns-message';

let before: Footprint;
beforeAll(async () => {
  before = await footprintWithServers();
});
afterAll(() => expectNothingLeft(before));

let lab: Lab;
let lan: LabNetwork;
let a: Host;
beforeEach(async () => {
  lab = await Lab.create();
  lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24', subnet6: 'fd00::/64' });
  [a] = await lab.addHosts(['a', 'b'], { on: lan });
});
afterEach(() => lab.close());

/** What a program finds: getaddrinfo(3). */
async function addressesInside(name: string): Promise<string[]> {
  const script =
    "require('dns').lookup(process.argv[1], { all: true }, (e, all) => console.log(e ? e.code : all.map((x) => x.address).join()))";
  const { stdout } = await a.execFile(process.execPath, ['-e', script, name]);
  return stdout.trim().split(',').sort();
}

/** What this process finds. */
async function addresses(name: string): Promise<string[]> {
  try {
    return (await a.lookup(name)).map(({ address }) => address).sort();
  } catch (error) {
    return [(error as { code: string }).code];
  }
}

describe('a name', () => {
  test('that is set is found by programs and by this process, with and without the domain of the lab', async () => {
    lab.dns.set('Api.Example.org', ['10.0.0.77', 'fd00::77']);
    lab.dns.set('short', '10.0.0.78');
    for (const find of [addresses, addressesInside]) {
      expect(await find('api.example.ORG')).toEqual(['10.0.0.77', 'fd00::77']);
      expect(await find('short')).toEqual(['10.0.0.78']);
      expect(await find('short.lab')).toEqual(['10.0.0.78']);
    }
  });

  test('of a host has other addresses while it is set, and its own after that', async () => {
    lab.dns.set('b', '10.0.0.99');
    expect(await addresses('b')).toEqual(['10.0.0.99']);
    expect(await addressesInside('b.lab')).toEqual(['10.0.0.99']);
    expect(lab.dns.changed).toEqual(['b']);
    expect(lab.dns.delete('B.lab')).toBe(true);
    expect(lab.dns.delete('b')).toBe(false);
    expect(await addresses('b')).toEqual(['10.0.0.2', 'fd00::2']);
    expect(await addressesInside('b')).toEqual(['10.0.0.2', 'fd00::2']);
  });

  test('that nobody has does not exist, and one can be made to fail', async () => {
    expect(await addresses('example.org')).toEqual(['ENOTFOUND']);
    lab.dns.set('b', 'NXDOMAIN');
    expect(await addresses('b')).toEqual(['ENOTFOUND']);
    expect(await addressesInside('b')).toEqual(['ENOTFOUND']);
    lab.dns.set('b', 'SERVFAIL');
    expect(await addresses('b')).toEqual(['EAI_AGAIN']);
    expect(await addressesInside('b')).toEqual(['EAI_AGAIN']);
    // The test has made it fail, so there is no remedy to be told.
    await expect(a.lookup('b')).rejects.toThrow(/no name server has an answer \(127\.0\.0\.53: SERVFAIL\), look up b$/);
    lab.dns.set('b', { silent: true });
    await expect(a.lookup('b', { timeout: 20, attempts: 1 })).rejects.toThrow(/EAI_AGAIN.*, look up b$/);
  });

  test('is answered after the delay that is set', async () => {
    lab.dns.set('b', { delay: 200 });
    const start = performance.now();
    expect(await addresses('b')).toEqual(['10.0.0.2', 'fd00::2']);
    expect(performance.now() - start).toBeGreaterThan(190);
  });

  test('of an address is the name of its host, or the one that is set', async () => {
    const names = async (address: string): Promise<string> =>
      (await a.exec(`getent hosts ${address} || echo none`)).stdout.trim();
    lab.dns.set('b', { delay: 1 }); // so that /etc/hosts does not have it
    lab.dns.set('api.example.org', '10.0.0.77');
    expect(await names('10.0.0.2')).toMatch(/b\.lab$/);
    expect(await names('fd00::2')).toMatch(/b\.lab$/);
    expect(await names('10.0.0.77')).toMatch(/api\.example\.org$/);
    expect(await names('10.0.0.78')).toBe('none');
  });

  test('of a host that is added or removed is known at once', async () => {
    lab.dns.set('other', { delay: 0 });
    const c = await lab.addHost('c', { on: lan });
    lab.dns.set('c', { ttl: 1 });
    expect(await addresses('c')).toEqual([...c.addresses].sort());
    await c.close();
    expect(await addresses('c')).toEqual(['ENOTFOUND']);
  });
});

test('more addresses than fit in a datagram are asked for over TCP', async () => {
  const many = Array.from({ length: 60 }, (_, index) => `10.0.1.${index + 1}`);
  lab.dns.set('many', many);
  expect(await addressesInside('many.lab')).toHaveLength(60);
  expect(await addresses('many')).toHaveLength(60);
});

describe('a hostile client', () => {
  const question = encodeQuestion({ id: 7, name: 'b.lab', type: 'A' })!;

  /** The name server goes on. */
  async function stillAnswers(): Promise<void> {
    lab.dns.set('b', { ttl: 1 });
    expect(await addresses('b')).toEqual(['10.0.0.2', 'fd00::2']);
  }

  test('that sends what is no question gets no answer, or that it is wrong', async () => {
    const socket = await a.createSocket({ type: 'udp4', port: 0, address: '127.0.0.1' });
    const replies: Buffer[] = [];
    socket.on('message', (reply) => replies.push(reply));
    const wrong = [
      Buffer.alloc(0),
      Buffer.alloc(11),
      Buffer.alloc(12),
      Buffer.alloc(600, 0xff),
      question.subarray(0, 20),
    ];
    for (const message of [...wrong, question]) socket.send(message, 53, '127.0.0.53');
    await stillAnswers();
    const asked = { id: 7, name: 'b.lab', type: 'A' } as const;
    expect(replies.map((reply) => decodeAnswer(reply, asked)?.addresses).filter(Boolean)).toEqual([['10.0.0.2']]);
    expect(replies.every((reply) => reply.length <= 512 && (reply.readUInt16BE(2) & 0x8000) !== 0)).toBe(true);
    socket.close();
  });

  test('that says it will send a long message over TCP, or asks and does not read, loses its connection', async () => {
    const ended = async (send: Buffer): Promise<void> => {
      const socket = await a.connect({ host: '127.0.0.53', port: 53 });
      socket.pause();
      socket.on('error', () => undefined);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      const more = (): void => {
        if (!socket.destroyed) socket.write(send, () => setImmediate(more));
      };
      more();
      await closed;
    };
    await ended(Buffer.of(0xff, 0xff, 1, 2, 3));
    lab.dns.set(
      'b',
      Array.from({ length: 60 }, (_, index) => `10.0.1.${index + 1}`),
    );
    const framed = Buffer.concat([Buffer.of(0, question.length), question]);
    await ended(Buffer.concat(Array<Buffer>(200).fill(framed)));
    lab.dns.delete('b');
    await stillAnswers();
  });

  test('that opens many connections is refused at some point, and others are answered', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 100 }, () => a.connect({ host: '127.0.0.53', port: 53 }).catch(() => undefined)),
    );
    await stillAnswers();
    for (const socket of sockets) socket?.destroy();
  });
});

describe('arguments are checked', () => {
  test.each([
    ['name', ['', '10.0.0.1'], 'ERR_INVALID_ARG_VALUE'],
    ['name', ['a..b', '10.0.0.1'], 'ERR_INVALID_ARG_VALUE'],
    ['name', ['a b', '10.0.0.1'], 'ERR_INVALID_ARG_VALUE'],
    ['name', [7, '10.0.0.1'], 'ERR_INVALID_ARG_TYPE'],
    ['answer', ['x', '10.0.0'], 'ERR_INVALID_ARG_VALUE'],
    ['answer', ['x', undefined], 'ERR_INVALID_ARG_TYPE'],
    ['answer[1]', ['x', ['10.0.0.1', 'fe80::1%eth0']], 'ERR_INVALID_ARG_VALUE'],
    ['answer.error', ['x', { error: 'OOPS' }], 'ERR_INVALID_ARG_VALUE'],
    ['answer.delay', ['x', { delay: -1 }], 'ERR_OUT_OF_RANGE'],
    ['delays', ['x', { delays: 1 }], 'ERR_INVALID_ARG_VALUE'],
  ])('%s in %j', (option, given, code) => {
    const [name, answer] = given as [string, string];
    const set = (): void => lab.dns.set(name, answer);
    expect(set).toThrow(errorWith({ code }));
    expect(set).toThrow(option);
  });
});
