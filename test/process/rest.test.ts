import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { type NamespaceProcess, type SpawnOptions, spawn } from 'linux-ns';
import { CompiledPackage } from '../fixtures/child-node';

const WAYS: [way: string, options: SpawnOptions][] = [
  ['without namespaces', {}],
  ['in a pid namespace', { unshare: ['user', 'pid'] }],
];

/** 1 MiB in lines of 8 bytes, by a process that outlives the program. */
const MEBIBYTE = "(yes 'x ten y' | head -c 1048576) 2>/dev/null &";
const EXPECTED = 'x ten y\n'.repeat(131_072);

/** Until all that comes by itself after the end has come: 'close' does not depend on a reader. */
async function closed(child: NamespaceProcess): Promise<void> {
  await once(child, 'close');
  await nextTurn();
}

async function slowly(stream: Readable): Promise<string> {
  let all = '';
  for await (const chunk of stream) {
    all += String(chunk);
    await nextTurn();
  }
  return all;
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

describe.each(WAYS)('what a program wrote and nobody has read when it ends: %s', (_, options) => {
  test('can be read after exited, and after close', async () => {
    await using child = await spawn('sh', ['-c', 'echo out; echo err >&2'], options);
    const whole = closed(child);
    expect(await child.exited).toEqual({ code: 0, signal: null });
    await whole;
    expect(await Promise.all([text(child.stdout!), text(child.stderr!)])).toEqual(['out\n', 'err\n']);
    expect([child.stdout!.destroyed, child.stderr!.destroyed]).toEqual([true, true]);
  });

  test('can be read by code that awaits exited many promises later', async () => {
    const ended = async (child: NamespaceProcess): Promise<void> => {
      await Promise.all([child.exited]);
    };
    for (let i = 0; i < 20; i++) {
      await using child = await spawn('sh', ['-c', 'echo out; echo err >&2'], options);
      await ended(child);
      expect(await Promise.all([text(child.stdout!), text(child.stderr!)])).toEqual(['out\n', 'err\n']);
    }
  });

  test.each([{}, { pty: {} }])('is nothing, if it wrote nothing: the streams end, and close comes: %j', async (how) => {
    await using child = await spawn('true', [], { ...options, ...how });
    await closed(child);
    expect([child.stdout, child.stderr, child.pty].map((stream) => stream?.closed ?? true)).toEqual([true, true, true]);
  });

  test('more than the high-water mark can', async () => {
    await using child = await spawn('head', ['-c', '100000', '/dev/zero'], options);
    await closed(child);
    expect(await text(child.stdout!)).toBe('\0'.repeat(100_000));
  });

  test('by data, end and close as well', async () => {
    await using child = await spawn('echo', ['late'], options);
    await closed(child);
    const seen: string[] = [];
    child.stdout!.on('data', (chunk) => seen.push(String(chunk))).on('end', () => seen.push('end'));
    await once(child.stdout!, 'close');
    expect(seen).toEqual(['late\n', 'end']);
  });

  test('of a terminal', async () => {
    await using child = await spawn('sh', ['-c', 'seq 300; exit 3'], { ...options, pty: {} });
    await closed(child);
    expect(() => child.pty!.resize(10, 10)).not.toThrow();
    expect(await text(child.pty!)).toBe(Array.from({ length: 300 }, (_value, index) => `${index + 1}\r\n`).join(''));
    expect([child.exitCode, child.pty!.destroyed]).toEqual([3, true]);
  });

  test('stays paused: pause() is not undone', async () => {
    await using child = await spawn('echo', ['late'], options);
    const seen: string[] = [];
    child.stdout!.on('data', (chunk) => seen.push(String(chunk))).pause();
    const whole = closed(child).then(() => seen.push('close'));
    await child.exited;
    await pause(50);
    expect([seen, child.stdout!.isPaused()]).toEqual([[], true]);
    child.stdout!.resume();
    await whole;
    expect(seen).toEqual(['late\n', 'close']);
  });

  test('comes before close to a reader that pauses after each piece', async () => {
    await using child = await spawn('seq', ['30000'], options);
    let [received, complete] = [0, false];
    child.stdout!.on('data', (chunk: Buffer) => {
      child.stdout!.pause();
      received += chunk.length;
      void nextTurn().then(() => child.stdout!.resume());
    });
    child.stdout!.on('end', () => (complete = true));
    await closed(child);
    expect([received, complete]).toEqual([168_894, true]);
  });

  test('until close(), which does not wait for a reader', async () => {
    const child = await spawn('sh', ['-c', 'echo out; echo err >&2'], options);
    const seen: string[] = [];
    child.stderr!.on('data', (chunk) => seen.push(String(chunk))).pause();
    await child.exited;
    await child.close();
    expect([child.stdout!.destroyed, child.stderr!.destroyed, seen]).toEqual([true, true, ['err\n']]);
    expect(await text(child.stdout!).catch(String)).not.toBe('out\n');
  });
});

test('a reader that begins after exited holds up who writes on', async () => {
  await using child = await spawn('sh', ['-c', MEBIBYTE]);
  await child.exited;
  expect(await slowly(child.stdout!)).toBe(EXPECTED);
});

test('what others write on without a reader is held up at 1 MiB: close comes, and nothing is lost', async () => {
  await using child = await spawn('sh', ['-c', `${MEBIBYTE} ${MEBIBYTE} exit 4`]);
  await closed(child);
  expect(child.exitCode).toBe(4);
  expect(child.stdout!.readableLength).toBeLessThan(1_250_000);
  expect((await slowly(child.stdout!)).length).toBe(2 * 1_048_576);
});

test('close() ends the stream that another process writes to without end', async () => {
  const child = await spawn('sh', ['-c', 'yes 2>/dev/null & exit 0']);
  await closed(child);
  await child.close();
  expect(child.stdout!.destroyed).toBe(true);
});

test('the output that another program has got as its input stays its own', async () => {
  await using source = await spawn('sh', ['-c', 'read line; seq 1000']);
  await using sink = await spawn('sh', ['-c', 'read line; echo "$line"; exec cat'], {
    stdio: [source.stdout, 'pipe', 'pipe'],
  });
  const ended = closed(source);
  source.stdin!.end('go\n');
  const seen = text(sink.stdout!);
  await ended;
  expect(await seen).toBe(Array.from({ length: 1000 }, (_, index) => `${index + 1}\n`).join(''));
});

describe('what nobody reads does not keep Node running', () => {
  let compiled: CompiledPackage;
  beforeAll(() => {
    compiled = new CompiledPackage();
  });
  afterAll(() => compiled.remove());

  test.each(['seq 9999', 'yes 2>/dev/null & exit 0'])('%s', async (script) => {
    const body = `const child = await linux.spawn('sh', ['-c', ${JSON.stringify(script)}]); return child.exited;`;
    expect(await compiled.run(body)).toEqual({ value: { code: 0, signal: null } });
  });
});

test('nobody reads: no descriptor is kept', async () => {
  const children: NamespaceProcess[] = [];
  const before = descriptors();
  for (let round = 0; round < 10; round++) {
    for (const options of [{}, { pty: {} }]) {
      const child = await spawn('sh', ['-c', 'echo out; echo err >&2'], options);
      await closed(child);
      children.push(child);
    }
  }
  // /dev/null may have been opened meanwhile.
  expect(descriptors()).toBeLessThan(before + 5);
  expect(await text(children[0]!.stdout!)).toBe('out\n');
});
