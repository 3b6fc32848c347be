/** The option `input` of execFile() and exec(): all that a program reads from its standard input. */
import { exec, execFile, unshare } from '../../lib';
import { expectNothingLeft, footprint } from '../fixtures/footprint';

test('text, bytes and views are what the program reads, and then its input ends', async () => {
  expect((await execFile('cat', { input: 'grüße\n' })).stdout).toBe('grüße\n');
  const bytes = Uint8Array.of(0, 255, 10);
  for (const input of [bytes, bytes.buffer, new DataView(bytes.buffer), Buffer.from(bytes)]) {
    expect((await execFile('cat', { input, encoding: 'buffer' })).stdout).toEqual(Buffer.from(bytes));
  }
  expect((await exec('wc -c', { input: '' })).stdout).toBe('0\n');
});

test('the programs of a set take it as well', async () => {
  await using set = await unshare(['user', 'pid']);
  expect((await set.exec('cat', { input: 'inside' })).stdout).toBe('inside');
});

test('a large input is written as fast as the program reads it', async () => {
  const input = Buffer.alloc(32 << 20, 'x');
  const script = 'sleep 0.2; wc -c';
  expect((await exec(script, { input })).stdout).toBe(`${input.length}\n`);
});

test('the input is what it was at the call', async () => {
  const input = Buffer.alloc(8 << 20, 'a');
  const running = exec('tr -d a | wc -c', { input });
  input.fill('b');
  expect((await running).stdout).toBe('0\n');
});

test('a program need not read it', async () => {
  const before = footprint();
  const input = Buffer.alloc(8 << 20);
  expect((await exec('exec <&-; echo closed', { input })).stdout).toBe('closed\n');
  expect((await exec('head -c 1 | wc -c', { input })).stdout).toBe('1\n');
  await expect(exec('exit 3', { input })).rejects.toMatchObject({ code: 3 });
  await expectNothingLeft(before);
});

test('nothing else is an input', async () => {
  await expect(execFile('cat', { input: 7 as never })).rejects.toThrow(TypeError);
  await expect(execFile('cat', { inptu: '' } as never)).rejects.toThrow(/input/);
});
