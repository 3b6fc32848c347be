import { Namespace, Sandbox, exec, execFile, spawn, unshare } from '../../lib';
import { Network } from '../../lib/network';

async function stackOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
  } catch (error) {
    return (error as Error).stack ?? '';
  }
  throw new Error('nothing was thrown');
}

async function theirOwnFunction(call: () => Promise<unknown>): Promise<void> {
  await call();
}

test.each<[string, () => Promise<unknown>]>([
  ['a program that is not there', () => spawn('/no/such/program')],
  ['a command in a directory that is not there', () => exec('true', { cwd: '/no/such/directory' })],
  ['a namespace that is not there', () => Namespace.open('/no/such/namespace')],
  ['a root that is not there', () => Sandbox.create({ root: '/no/such/root' })],
  [
    'a file that is not there',
    async () => {
      await using set = await unshare(['user', 'mnt']);
      await set.readFile('/no/such/file');
    },
  ],
  [
    'a link that is not there',
    async () => {
      await using network = await Network.open();
      await network.link.get('no-such-link');
    },
  ],
])('the stack of an error shows who has asked for %s', async (_, call) => {
  const stack = await stackOf(theirOwnFunction(call));
  expect(stack).toMatch(/^NamespaceError: EN\w+: no such/);
  expect(stack).toMatch(/at (async )?theirOwnFunction/);
});

test('an abort shows it, too, and keeps its name and its cause', async () => {
  const reason = new Error('changed our mind');
  const run = (): Promise<unknown> => unshare(['user'], { signal: AbortSignal.abort(reason) });
  const aborted = theirOwnFunction(run);
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
  const stack = await stackOf(aborted);
  expect(stack).toMatch(/^AbortError: The operation was aborted\n/);
  expect(stack).toMatch(/at (async )?theirOwnFunction/);
});

test.each<[string, () => Promise<unknown>, RegExp]>([
  ['a command that has failed', () => exec('echo why >&2; exit 3'), /^Error: Command failed: echo/],
  ['a program that has failed', () => execFile('false'), /^Error: Command failed: false/],
  ['a program that wrote too much', () => execFile('yes', { maxBuffer: 10 }), /^RangeError.*maxBuffer length exceeded/],
  [
    'a program that was aborted',
    () => execFile('yes', { signal: AbortSignal.timeout(50), maxBuffer: Infinity }),
    /^AbortError/,
  ],
  [
    'a program whose time was over',
    () => execFile('sleep', ['9'], { timeout: 20 }),
    /^(Error: Command failed: sleep|NamespaceError: ETIMEDOUT)/,
  ],
  [
    'a program of a set that has failed',
    async () => {
      await using set = await unshare(['user', 'uts']);
      await set.exec('exit 3');
    },
    /^Error: Command failed: exit 3/,
  ],
])('the stack of the error of %s shows who has asked for it', async (_, call, first) => {
  const stack = await stackOf(theirOwnFunction(call));
  expect(stack).toMatch(first);
  expect(stack).toMatch(/at (async )?theirOwnFunction/);
});
