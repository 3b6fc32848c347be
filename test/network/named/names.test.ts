import { unshare } from '../../../lib';
import { networkNamespaces } from '../../../lib/network';
import { errorWith } from '../../fixtures/errors';
import { needs } from '../../fixtures/optional';
import { resultOf } from '../../fixtures/scenario';

describe('the name of a network namespace', () => {
  test.each([
    ['', 'ERR_INVALID_ARG_VALUE'],
    ['.', 'ERR_INVALID_ARG_VALUE'],
    ['..', 'ERR_INVALID_ARG_VALUE'],
    ['a/b', 'ERR_INVALID_ARG_VALUE'],
    ['/etc/passwd', 'ERR_INVALID_ARG_VALUE'],
    ['x'.repeat(256), 'ERR_INVALID_ARG_VALUE'],
    ['a\0b', 'ERR_INVALID_ARG_VALUE'],
    [7, 'ERR_INVALID_ARG_TYPE'],
    [undefined, 'ERR_INVALID_ARG_TYPE'],
  ])('is not %j', async (name, code) => {
    const { add, open, enter, pids } = networkNamespaces;
    for (const act of [add, open, networkNamespaces.delete, enter, pids])
      await expect(act(name as never)).rejects.toThrow(errorWith({ code }));
  });

  test('goes with options that are known', async () => {
    await expect(networkNamespaces.add('x', { loopbak: true } as never)).rejects.toThrow(
      errorWith({ code: 'ERR_INVALID_ARG_VALUE' }),
    );
    const set = await unshare(['user', 'uts']);
    await expect(networkNamespaces.add('x', { namespace: set })).rejects.toThrow(
      errorWith({ code: 'ERR_LINUX_NS_NO_SUCH_KIND' }),
    );
    await set.close();
  });
});

describe('network namespaces with names, as seen by an ordinary user', () => {
  needs({ unprivileged: true }).test('can be listed, and not be made: the error says what would do', async () => {
    expect(Array.isArray(await networkNamespaces.list())).toBe(true);
    await expect(networkNamespaces.add('not-by-me')).rejects.toThrow(
      errorWith({
        name: 'NamespaceError',
        code: expect.stringMatching(/^(EPERM|EACCES)$/) as string,
        hint: expect.stringContaining('/run/netns') as string,
      }),
    );
  });

  test('can be made by a program in a user namespace, in a /run of its own', async () => {
    expect(await resultOf(require.resolve('./scenarios'), 'inOwnRun')).toEqual({
      before: [],
      listed: ['blue', 'green'],
      byIp: 'blue,green',
      devices: 'lo',
      inside: true,
      after: ['green'],
    });
  });
});
