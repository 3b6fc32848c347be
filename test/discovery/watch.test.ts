import { spawn, unshare } from '../../lib';
import { type DiscoveredNamespace, type NamespaceChange, watch } from '../../lib/discovery';
import { errorWith } from '../fixtures/errors';

/** The next change that is about ours: others come and go, too, and get the numbers of those that went. */
async function next(
  changes: AsyncIterator<NamespaceChange, void>,
  isOurs: (namespace: DiscoveredNamespace) => boolean,
): Promise<NamespaceChange> {
  for (;;) {
    const { value, done } = await changes.next();
    if (done === true) throw new Error('it has ended');
    if (isOurs(value.namespace)) return value;
  }
}

test('tells when a namespace appears, and when it goes', async () => {
  const controller = new AbortController();
  const changes = watch({ interval: 20, kinds: ['uts'], signal: controller.signal });
  // The iteration begins with a look at what there is: until then nothing is new.
  const first = changes.next();
  let noise = true;
  const starting = (async () => {
    // Any change ends the wait for the first.
    while (noise) {
      const other = await spawn('sleep', ['0.1'], { unshare: ['user', 'uts'], stdio: 'ignore' });
      await other.exited;
    }
  })();
  await first;
  noise = false;
  await starting;

  const child = await spawn('sleep', ['600'], { unshare: ['user', 'uts'], stdio: 'ignore' });
  const isOurs = ({ processes }: DiscoveredNamespace) => processes.some(({ pid }) => pid === child.pid);
  expect(await next(changes, isOurs)).toMatchObject({ type: 'appeared', namespace: { kind: 'uts' } });
  await child[Symbol.asyncDispose]();
  const gone = await next(changes, isOurs);
  expect(gone).toMatchObject({ type: 'gone', namespace: { kind: 'uts' } });
  expect(gone.namespace.processes.map(({ pid }) => pid)).toEqual([child.pid]);
  expect(gone.map.process(child.pid)).toBeUndefined();

  const waiting = next(changes, () => false);
  controller.abort();
  await expect(waiting).rejects.toThrow(errorWith({ name: 'AbortError' }));
  expect(await changes.next()).toEqual({ value: undefined, done: true });
});

test('sees what only descriptors keep when it is asked to', async () => {
  const changes = watch({ interval: 20, fds: true, kinds: ['ipc'] });
  const first = changes.next();
  const sets = [];
  for (let told = false; !told;) {
    sets.push(await unshare(['user', 'ipc']));
    told = await Promise.race([
      first.then(() => true),
      new Promise<false>((resolve) => setTimeout(resolve, 50, false)),
    ]);
  }
  const last = await unshare(['user', 'ipc']);
  const { fd } = last.ipc!;
  const isLast = ({ descriptors }: DiscoveredNamespace) =>
    descriptors.some((descriptor) => descriptor.process.pid === process.pid && descriptor.fd === fd);
  expect(await next(changes, isLast)).toMatchObject({ type: 'appeared', namespace: { processes: [] } });
  await last.close();
  expect(await next(changes, isLast)).toMatchObject({ type: 'gone' });
  await changes.return();
  await Promise.all(sets.map((set) => set.close()));
});

test.each([
  [{ intervall: 5 }, 'ERR_INVALID_ARG_VALUE'],
  [{ interval: 0 }, 'ERR_OUT_OF_RANGE'],
  [{ interval: '1s' }, 'ERR_INVALID_ARG_TYPE'],
  [{ kinds: ['mount'] }, 'ERR_INVALID_ARG_VALUE'],
])('refuses %p at once', (options, code) => {
  expect(() => watch(options as object)).toThrow(errorWith({ code }));
});
