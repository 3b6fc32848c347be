import { readdirSync } from 'node:fs';
import { isIP } from 'node:net';
import { eventually } from '../fixtures/footprint';
import { SOME_SERVER, TYPES, askTcp, askUdp, question } from './dns-client';
import { Inside, converseWith } from './inside';
import { ECHO_PORT, Outside } from './outside/outside';

const FORMERR = 1;
const NXDOMAIN = 3;
const labels = (name: string): string[] => name.split('.');

describe('names: nothing of a question leaves', () => {
  let outside: Outside;
  let inside: Inside;

  beforeAll(async () => {
    outside = await Outside.open();
    inside = await Inside.open(outside, { allow: ['www.example.com', '*.example.net'] });
  });
  afterAll(async () => {
    await inside[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
  });

  /** All packets of the host that dials, on its loopback too, where its name server is, while something is done. */
  const packetsDuring = async (act: () => Promise<unknown>): Promise<string[]> => {
    await using capture = await outside.gate.capture();
    await act();
    await capture.close();
    const found: string[] = [];
    for await (const { protocol, to } of capture) {
      if (protocol === 'udp' || protocol === 'tcp') found.push(`${protocol} ${to?.address}:${to?.port}`);
    }
    return found;
  };

  test('a tunnel of names, below an allowed wildcard as well: no question is passed on', async () => {
    const packets = await packetsDuring(async () => {
      for (let i = 0; i < 50; i++) {
        const data = Buffer.from(`secret ${i}`).toString('hex');
        for (const type of ['A', 'AAAA', 'TXT', 'NULL', 'MX', 'CNAME', 'ANY'] as const) {
          await askUdp(inside, question([data, 'example', 'net'], type));
        }
      }
    });
    expect(packets).toEqual([]);
  });

  test('only addresses are answered, and types for encrypted handshakes are answered empty', async () => {
    for (const type of Object.keys(TYPES) as (keyof typeof TYPES)[]) {
      const { code, answers } = await askUdp(inside, question(labels('www.example.com'), type));
      expect([type, code, answers]).toEqual([type, expect.any(Number), ['A', 'AAAA'].includes(type) ? 1 : 0]);
    }
  });

  test('whatever server is asked, over UDP or TCP: the answer is the same, and comes from there', async () => {
    const asked = question(labels('www.example.com'));
    const { address } = await askUdp(inside, asked);
    expect(address).toMatch(/^198\.1[89]\./);
    for (const server of ['1.1.1.1', '93.184.216.20', '127.0.0.53', '2606:4700:4700::1111']) {
      expect(await askUdp(inside, asked, server)).toEqual({ code: 0, answers: 1, address, from: server });
    }
    for (const server of ['1.1.1.1', '93.184.216.20', '2606:4700:4700::1111']) {
      expect(await askTcp(inside, asked, server)).toMatchObject({ address });
    }
  });

  test('a server of DNS over HTTPS is a host like any other, and is refused', async () => {
    const { heard, error } = await converseWith(
      inside,
      ['1.1.1.1', 443],
      ['GET /dns-query HTTP/1.1\r\nHost: 1.1.1.1\r\n\r\n'],
    );
    expect(error ?? heard.toString()).toMatch(/ECONNRESET|403/);
    await eventually(() => inside.requests.length > 0);
    expect(inside.requests.at(-1)).toMatchObject({ address: '1.1.1.1', port: 443, decision: 'deny' });
  });

  test.each<[string, Buffer]>([
    ['a NUL in a name', question(['www\0', 'example', 'com'])],
    ['a label of 64 bytes', question(['x'.repeat(64), 'com'])],
    ['a label of 255 bytes', question(['x'.repeat(255)])],
    ['a name of 254 bytes', question([...Array<string>(4).fill('x'.repeat(62)), 'yy'])],
    ['a name of 300 bytes', question(Array<string>(5).fill('x'.repeat(59)))],
    ['letters that are none', question([Buffer.of(0xff, 0xfe), 'com'])],
    ['the root', question([])],
    ['an address', question(labels('93.184.216.20'))],
  ])('%s has no address', async (_, message) => {
    const { code, answers } = await askUdp(inside, message);
    expect(answers).toBe(0);
    expect([0, FORMERR, NXDOMAIN]).toContain(code);
  });

  test('what is no question gets no answer that would do harm, and the server goes on', async () => {
    const socket = await inside.network.createSocket('udp4');
    const pointer = Buffer.concat([question([]).subarray(0, 12), Buffer.of(0xc0, 12, 0, 1, 0, 1)]);
    for (const message of [Buffer.alloc(0), Buffer.alloc(3), Buffer.alloc(12, 255), Buffer.alloc(60_000), pointer]) {
      await new Promise((resolve) => socket.send(message, 53, SOME_SERVER, resolve));
    }
    socket.close();
    const half = await inside.network.connect({ host: SOME_SERVER, port: 53 });
    half.on('error', () => undefined).write(Buffer.of(0xff, 0xff, 1));
    expect(await askUdp(inside, question(labels('www.example.com')))).toMatchObject({ answers: 1 });
    expect(await askTcp(inside, question(labels('www.example.com')))).toMatchObject({ answers: 1 });
    half.destroy();
  });

  test('a flood of names takes no address from those in use', async () => {
    const { address } = await askUdp(inside, question(labels('www.example.com')));
    const socket = await inside.network.createSocket('udp4');
    let answered = 0;
    socket.on('message', () => answered++);
    for (let i = 0; i < 140_000; i++) {
      const message = question(
        [`n${i}`, i % 2 === 0 ? 'example' : 'flood', i % 2 === 0 ? 'net' : 'org'],
        'A',
        i & 0xffff,
      );
      socket.send(message, 53, SOME_SERVER, () => undefined);
      if (i % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    socket.close();
    expect(answered).toBeGreaterThan(1000);
    expect(await askUdp(inside, question(labels('www.example.com')))).toMatchObject({ answers: 1, address });
    const fresh = await askUdp(inside, question(['fresh', 'example', 'net']));
    expect(isIP(fresh.address)).toBe(4);
    const { heard } = await converseWith(inside, [address, ECHO_PORT], [], (all) => all.length > 0);
    expect(heard.toString()).toBe('web\n');
  });

  test('a flood of questions over TCP, which asks without reading or not to the end, holds up nobody', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const child = await inside.set.spawn(
      '/usr/bin/python3',
      [
        '-c',
        `
import os, socket, sys
question = sys.stdin.buffer.read(int(sys.argv[1]))
message = len(question).to_bytes(2, 'big') + question
held = []
for i in range(600):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(('${SOME_SERVER}', 53))
    held.append(s)
print('held', flush=True)
for round in range(20):
    for i, s in enumerate(held):
        try: s.send(message[:1 + i % len(message)] if i % 3 == 0 else message * 500)
        except OSError: pass
print('flooded', flush=True)
os.read(0, 1)
`,
        String(question(labels('www.example.com')).length),
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    let said = '';
    child.stdout!.on('data', (chunk) => (said += String(chunk)));
    child.stdin!.write(question(labels('www.example.com')));
    await eventually(() => said.includes('held'));
    // While it goes on: those who ask over UDP are answered, and connections are made.
    expect(await askUdp(inside, question(labels('www.example.com')))).toMatchObject({ answers: 1 });
    const { heard } = await converseWith(inside, ['www.example.com', ECHO_PORT], [], (all) => all.length > 0);
    expect(heard.toString()).toBe('web\n');
    await eventually(() => said.includes('flooded'));
    // 64 of them are kept at most, for ten seconds without a question.
    await eventually(() => readdirSync('/proc/self/fd').length < before + 100);
    child.stdin!.end();
    await child.exited;
    await eventually(async () => (await askTcp(inside, question(labels('www.example.com'))))?.answers === 1);
  });

  test('an address that no name has is refused', async () => {
    const { error } = await converseWith(inside, ['198.19.255.254', ECHO_PORT], []);
    expect(error).toBe('ECONNRESET');
  });
});
