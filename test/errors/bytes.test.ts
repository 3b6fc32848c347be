import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { Sandbox, execFile, fork, hostUserland, spawn, unshare } from 'linux-ns';
import { copyBytes, copyText } from '../../lib/errors/bytes';
import { native } from '../../lib/native';

const TEXT = 'twelve bytes';

/** One instruction: BPF_RET | BPF_K, SECCOMP_RET_ALLOW. */
const ALLOW_ALL = Buffer.from('060000000000ff7f', 'hex');

/** The text in each kind of thing that has bytes. */
function kinds(text: string): [what: string, value: ArrayBufferView | ArrayBufferLike][] {
  const bytes = Buffer.from(text);
  const fill = <B extends ArrayBufferLike>(buffer: B, at = 0): B => {
    new Uint8Array(buffer).set(bytes, at);
    return buffer;
  };
  const shared = fill(new SharedArrayBuffer(bytes.length + 16), 8);
  const growable = Reflect.construct(SharedArrayBuffer, [bytes.length, { maxByteLength: 4096 }]) as SharedArrayBuffer;
  const resizable = Reflect.construct(ArrayBuffer, [bytes.length, { maxByteLength: 4096 }]) as ArrayBuffer;
  const realm = createContext({});
  return [
    ['a Buffer', bytes],
    ['a Uint8Array in the middle of a shared buffer', new Uint8Array(shared, 8, bytes.length)],
    ['a DataView in the middle of a shared buffer', new DataView(shared, 8, bytes.length)],
    ['a Uint32Array', new Uint32Array(fill(new ArrayBuffer(bytes.length)))],
    ['a Uint16Array of a shared buffer', new Uint16Array(fill(new SharedArrayBuffer(bytes.length)))],
    ['an ArrayBuffer', fill(new ArrayBuffer(bytes.length))],
    ['a SharedArrayBuffer', fill(new SharedArrayBuffer(bytes.length))],
    ['a resizable ArrayBuffer', fill(resizable)],
    ['a view that follows a shared buffer that grows', new Uint8Array(fill(growable))],
    [
      'a shared buffer of another realm',
      fill(runInContext(`new SharedArrayBuffer(${bytes.length})`, realm) as SharedArrayBuffer),
    ],
  ];
}

function detached(): Uint8Array {
  const array = new Uint8Array(16);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

/** A view of four bytes whose buffer has only one any more. */
function shrunk(): Uint8Array {
  const buffer = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 8 }]) as ArrayBuffer & {
    resize(to: number): void;
  };
  const array = new Uint8Array(buffer, 4, 4);
  buffer.resize(1);
  return array;
}

const GONE = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' };

describe('copyBytes', () => {
  test.each(kinds(TEXT))('copies %s', (_, value) => {
    expect(copyBytes('data', value).toString()).toBe(TEXT);
  });

  test('the copy does not change with the original', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4));
    const copy = copyBytes('data', shared);
    shared.fill(1);
    expect([...copy]).toEqual([0, 0, 0, 0]);
  });

  test('properties of its own that lie about its size are not asked', () => {
    const liar = Object.defineProperties(Buffer.from(TEXT), {
      byteLength: { value: 1e9 },
      length: { value: 1e9 },
      byteOffset: { value: -5 },
      buffer: { value: 'none' },
      at: { value: () => 1 },
    });
    expect(copyBytes('data', liar).toString()).toBe(TEXT);
  });

  test('a buffer that was detached, and a view that its buffer has become too small for, are refused', () => {
    const array = detached();
    for (const value of [array, array.buffer, shrunk()]) {
      expect(() => copyBytes('data', value)).toThrow(expect.objectContaining(GONE) as Error);
    }
    const view = new DataView(new ArrayBuffer(8));
    structuredClone(view.buffer, { transfer: [view.buffer] });
    expect(() => copyBytes('data', view)).toThrow(expect.objectContaining(GONE) as Error);
  });

  test.each([undefined, null, 'text', 3, {}, [1, 2], { buffer: new ArrayBuffer(1) }])('%p is no bytes', (value) => {
    expect(() => copyBytes('data', value)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error);
  });

  test('more than it may have is refused, as text too', () => {
    expect(() => copyBytes('data', new SharedArrayBuffer(5), 4)).toThrow(/at most 4 bytes/);
    expect(() => copyText('data', 'äää', 5)).toThrow(/at most 5 bytes/);
  });
});

describe('what takes bytes takes all kinds of them', () => {
  let directory: string;
  beforeAll(async () => (directory = await mkdtemp(join(tmpdir(), 'bytes-'))));
  afterAll(() => rm(directory, { recursive: true }));

  test('writeFile() of a set', async () => {
    await using set = await unshare(['user', 'uts']);
    for (const [what, value] of kinds(TEXT)) {
      const path = join(directory, 'written');
      await writeFile(path, '');
      await set.writeFile(path, value);
      expect([what, await readFile(path, 'utf8')]).toEqual([what, TEXT]);
    }
    await expect(set.writeFile('/dev/null', detached())).rejects.toMatchObject(GONE);
  });

  test('files of a Sandbox, and its writeFile()', async () => {
    const all = kinds(TEXT);
    const mounts = all.map(([, data], index) => ({ type: 'file' as const, target: `/f${index}`, data }));
    const large = new SharedArrayBuffer(300_000);
    new Uint8Array(large).fill(0x78);
    const { mounts: userland, ...rest } = hostUserland();
    const mounted = [...userland, ...mounts, { type: 'file' as const, target: '/large', data: large }];
    await using box = await Sandbox.create({ ...rest, mounts: mounted });
    const names = all.map((_, index) => `/f${index}`);
    expect((await box.execFile('cat', names)).stdout).toBe(TEXT.repeat(all.length));
    expect((await box.exec('tr -d x </large | wc -c; wc -c </large')).stdout).toBe('0\n300000\n');
    for (const [what, value] of all) {
      await box.writeFile('/tmp/w', value);
      expect([what, await box.readFile('/tmp/w', 'utf8')]).toEqual([what, TEXT]);
    }
    await expect(box.writeFile('/tmp/w', detached())).rejects.toMatchObject(GONE);
    const gone = { mounts: [{ type: 'file' as const, target: '/f', data: detached() }] };
    await expect(Sandbox.create(gone)).rejects.toMatchObject(GONE);
  });

  test('seccomp programs', async () => {
    const shared = new SharedArrayBuffer(ALLOW_ALL.length);
    new Uint8Array(shared).set(ALLOW_ALL);
    for (const seccomp of [
      ALLOW_ALL,
      shared,
      new Uint8Array(shared),
      new DataView(shared),
      [shared, new Uint8Array(shared)],
    ]) {
      expect((await execFile('echo', ['ran'], { seccomp })).stdout).toBe('ran\n');
    }
    await expect(execFile('true', [], { seccomp: detached() })).rejects.toMatchObject(GONE);
  });

  test('a terminal', async () => {
    await using child = await spawn('sh', ['-c', 'read line; echo "<$line>"'], { pty: {} });
    const keys = new Uint8Array(new SharedArrayBuffer(3));
    keys.set(Buffer.from('hi\r'));
    let shown = '';
    child.pty!.on('data', (data: Buffer) => (shown += data.toString()));
    child.pty!.write(keys);
    await once(child, 'close');
    expect(shown).toContain('<hi>');
  });

  test('messages', async () => {
    const path = join(directory, 'echo.js');
    await writeFile(path, "process.on('message', (m) => { process.send([...m]); process.disconnect(); });");
    await using child = await fork(path, [], { serialization: 'advanced' });
    child.send(new Uint8Array(new SharedArrayBuffer(3)));
    const [message] = await new Promise<unknown[]>((resolve) => child.once('message', (...all) => resolve(all)));
    expect(message).toEqual([0, 0, 0]);
  });

  test('the addon: a plan', async () => {
    const path = join(directory, 'by-addon');
    for (const [what, value] of kinds(TEXT)) {
      if (!ArrayBuffer.isView(value)) continue;
      await writeFile(path, '');
      await new Promise<void>((resolve, reject) => {
        native().launch({ flags: 0, steps: [['write_file', path, 1, value as Uint8Array], ['exit']] }, (event) => {
          if (event.type === 'exit') resolve();
          if (event.type === 'failed') reject(new Error(what));
        });
      });
      expect([what, await readFile(path, 'utf8')]).toEqual([what, TEXT]);
    }
  });

  test('the addon: what is no bytes throws', () => {
    expect(() => native().addressText('text' as never, 0, 4)).toThrow(/no bytes/);
    expect(() => native().addressText(detached(), 0, 4)).toThrow();
    expect(() => native().addressText(new Uint8Array(new SharedArrayBuffer(4)), 0, 4)).not.toThrow();
    expect(() => native().userNames({} as never, () => undefined)).toThrow();
  });
});
