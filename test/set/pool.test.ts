/** Pools of namespace sets. What all pools have in common is in test/pool. */
import { NAMESPACE_KINDS, unsharePool } from '../../lib';

test('a pool of sets has those that unshare() makes', async () => {
  await using pool = await unsharePool({ user: true, uts: { hostname: 'inside' }, net: true }, { size: 2 });
  const [one, other] = await Promise.all([pool.take(), pool.take()]);
  expect([...one].map(({ kind }) => kind)).toEqual(
    NAMESPACE_KINDS.filter((kind) => ['user', 'uts', 'net'].includes(kind)),
  );
  expect(one.net?.equals(other.net!)).toBe(false);
  expect((await one.exec('hostname')).stdout).toBe('inside\n');
  await Promise.all([one.close(), other.close()]);
});
