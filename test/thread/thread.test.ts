import { join } from 'node:path';
import { readlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { Namespace, thread } from '../../lib';
import { needs } from '../fixtures/optional';
import { errorWith } from '../fixtures/errors';

const library = JSON.stringify(join(__dirname, '../../lib'));

/** What an expression in a Worker comes to: `thread` and `link(kind)`, of the Worker's own thread, are at hand. */
function inWorker(body: string): Promise<unknown> {
  const source = `
    require('tsx/cjs');
    const { parentPort } = require('node:worker_threads');
    const fs = require('node:fs');
    const { Namespace, thread, unshare, execFile } = require(${library});
    const link = (kind) => fs.readlinkSync('/proc/thread-self/ns/' + kind);
    (async () => { ${body} })().then((value) => parentPort.postMessage(value), (error) => { throw error; });`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

describe('a thread', () => {
  test('that is the main one is left where it is, with the reason', async () => {
    const net = await Namespace.of('self', 'net');
    const refused = {
      code: 'ERR_LINUX_NS_MAIN_THREAD',
      hint: expect.stringMatching(/Worker/) as string,
    };
    expect(() => thread.unshareSync('uts')).toThrow(errorWith(refused));
    expect(() => thread.setnsSync(net)).toThrow(errorWith(refused));
    await net.close();
  });

  test.each([
    [() => thread.unshareSync([]), 'ERR_INVALID_ARG_VALUE'],
    [() => thread.unshareSync('user' as 'uts'), 'ERR_INVALID_ARG_VALUE'],
    [() => thread.unshareSync(['uts', 'pid'] as unknown as 'uts'), 'ERR_INVALID_ARG_VALUE'],
    [() => thread.unshareSync(7 as unknown as 'uts'), 'ERR_INVALID_ARG_TYPE'],
    [() => thread.setnsSync('net' as unknown as Namespace), 'ERR_INVALID_ARG_TYPE'],
  ])('refuses bad arguments %#', (call, code) => {
    expect(call).toThrow(errorWith({ code }));
  });

  test('cannot join a closed namespace, or one of a kind that is for whole processes', async () => {
    const [net, user] = [await Namespace.of('self', 'net'), await Namespace.of('self', 'user')];
    await net.close();
    expect(() => thread.setnsSync(net)).toThrow(errorWith({ code: 'ERR_LINUX_NS_CLOSED' }));
    expect(() => thread.setnsSync(user)).toThrow(errorWith({ code: 'ERR_INVALID_ARG_VALUE' }));
    await user.close();
  });
});

needs({ root: true }).describe('a Worker, as root', () => {
  test.each(['cgroup', 'ipc', 'mnt', 'net', 'uts'])('moves into a new %s namespace, alone', async (kind) => {
    const own = readlinkSync(`/proc/self/ns/${kind}`);
    const [before, after] = (await inWorker(`
      const before = link('${kind}');
      thread.unshareSync('${kind}');
      return [before, link('${kind}')];`)) as [string, string];
    expect(before).toBe(own);
    expect(after).not.toBe(own);
    expect(readlinkSync(`/proc/self/ns/${kind}`)).toBe(own);
  });

  test('moves into a namespace that exists, and back', async () => {
    const [made, there, back] = (await inWorker(`
      const own = await Namespace.of('self', 'uts');
      const set = await unshare('uts');
      thread.setnsSync(set.uts);
      const there = link('uts');
      thread.setnsSync(own);
      await Promise.all([set.close(), own.close()]);
      return [String(set.uts), there, link('uts')];`)) as string[];
    expect(there).toBe(made);
    expect(back).toBe(readlinkSync('/proc/self/ns/uts'));
  });

  test('joins a mount namespace, alone', async () => {
    const [there, main] = (await inWorker(`
      const set = await unshare('mnt');
      thread.setnsSync(set.mnt);
      const there = link('mnt') === String(set.mnt);
      await set.close();
      return [there, fs.readlinkSync('/proc/self/ns/mnt')];`)) as [boolean, string];
    expect(there).toBe(true);
    expect(main).toBe(readlinkSync('/proc/self/ns/mnt'));
  });
});

needs({ unprivileged: true }).test('a Worker of an ordinary user is refused, with the reason', async () => {
  const refused = await inWorker(`
    try { thread.unshareSync('uts'); } catch ({ code, hint, step }) { return { code, hint, step }; }`);
  expect(refused).toMatchObject({
    code: 'EPERM',
    step: 'unshare uts',
    hint: expect.stringMatching(/CAP_SYS_ADMIN/) as string,
  });
});

describe('what threads share and is no namespace', () => {
  test.each(['files', 'fs', 'sysvsem'])('%s is unshared without privilege', async (what) => {
    expect(await inWorker(`thread.unshareSync('${what}'); return 'done';`)).toBe('done');
  });

  test('a descriptor that a Worker opens after files is its own', async () => {
    const script = (before: string): string => `${before}
      const fd = fs.openSync('/dev/null');
      const inThread = fs.existsSync('/proc/thread-self/fd/' + fd);
      const inProcess = fs.existsSync('/proc/self/fd/' + fd) && fs.readlinkSync('/proc/self/fd/' + fd) === '/dev/null';
      fs.closeSync(fd);
      return [inThread, inProcess];`;
    expect(await inWorker(script(''))).toEqual([true, true]);
    expect(await inWorker(script("thread.unshareSync(['files']);"))).toEqual([true, false]);
  });

  test('then no task is started from there, whose descriptors would be others', async () => {
    const refused = `
      thread.unshareSync('files');
      return Promise.all([execFile('true'), unshare('user')].map((call) => call.catch(({ code }) => code)));`;
    expect(await inWorker(refused)).toEqual(['ERR_LINUX_NS_OWN_FILES', 'ERR_LINUX_NS_OWN_FILES']);
  });

  needs({ root: true }).test('together with namespaces', async () => {
    const own = readlinkSync('/proc/self/ns/uts');
    expect(await inWorker("thread.unshareSync(['uts', 'fs']); return link('uts');")).not.toBe(own);
  });
});

needs({ unprivileged: true }).test(
  'the hint does not send an ordinary user to a kind that a thread cannot have',
  async () => {
    const hint = await inWorker("try { thread.unshareSync('uts') } catch ({ code, hint }) { return [code, hint]; }");
    expect(hint).toEqual(['EPERM', expect.stringMatching(/a thread cannot get it in a new user namespace/)]);
    expect((hint as string[])[1]).not.toContain("Add 'user'");
  },
);
