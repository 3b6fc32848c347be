import { unshare } from '../../lib';
import { CompiledPackage } from '../fixtures/child-node';

test('without a /proc the error says that it is missing, and not the process', async () => {
  const compiled = new CompiledPackage();
  try {
    await using set = await unshare(['user', 'mnt']);
    await set.mount({ type: 'tmpfs', source: 'tmpfs', target: '/proc' });
    for (const call of ['linux.mountinfo()', 'linux.mountinfo(1)', 'linux.readUidMap("self")']) {
      const { error } = await compiled.runIn(set, `return ${call};`);
      expect(error).toMatchObject({
        code: 'ENOENT',
        hint: expect.stringMatching(/^There is no \/proc in the root/) as string,
      });
    }
  } finally {
    compiled.remove();
  }
});
