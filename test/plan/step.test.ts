import { describeStep, fieldsOf, makeStep } from '../../lib/plan/step';
import type { Step } from '../../types/native';

test.each<[Step, string]>([
  [['join', [5, 6], [0x40000000, 0x04000000]], 'join net, uts'],
  [['fork'], 'fork'],
  [['unshare', 0x80, null, null, null, null], 'unshare time'],
  [['hostname', 'x'], 'set hostname'],
  [['loopback'], 'bring lo up'],
  [['propagation', '/', 0x44000], 'make / private (recursive)'],
  [['propagation', '/a', 1 << 20], 'make /a shared'],
  [['fs', 'proc', null, [], 0, '/proc', 0], 'mount proc on /proc'],
  [['fs', 'tmpfs', null, [], 0, null, 0], 'mount tmpfs'],
  [['overlay', ['/a'], null, null, [], 0, '/mnt', 0], 'mount overlay on /mnt'],
  [['tree', '/usr', [], 0, 0, 0, 0, [], '/mnt'], 'bind /usr on /mnt'],
  [['tree', '/usr', [], 0, 0, 0, 0, [], null], 'open /usr'],
  [['tree', '/usr', [7], 0x20, 0, 0, 0, [], '/mnt'], 'attach /usr to /mnt'],
  [['tree', null, [7], 0, 0, 0, 0, [], '/mnt'], 'bind descriptor 7 on /mnt'],
  [['remount', '/mnt', 0, 1, 0, []], 'remount /mnt'],
  [['move', '/a', '/b'], 'move /a to /b'],
  [['pivot_root', '/mnt', null], 'change root to /mnt'],
  [['pivot_root', null, null], 'change root'],
  [['umount', '/mnt', 2], 'umount /mnt'],
  [['write_file', '/proc/sys/x', 1, '1'], 'write /proc/sys/x'],
  [['ids', 1000, -1, 0, []], 'change ids to 1000:unchanged'],
  [['exec', '/bin/x', [], []], 'exec /bin/x'],
])('%j is "%s"', (step, words) => {
  expect(describeStep(step)).toBe(words);
});

describe('makeStep', () => {
  it('puts the fields where the wire has them', () => {
    expect(makeStep('write_file', { data: 'x', openFlags: 1, path: '/a' })).toEqual(['write_file', '/a', 1, 'x']);
  });

  it('fills in what is not given', () => {
    const mounted = makeStep('tree', { source: '/usr', set: 1, target: '/mnt' });
    expect(mounted).toEqual(['tree', '/usr', [], 0, 1, 0, 0, [], '/mnt']);
  });

  it('is undone by fieldsOf', () => {
    const fields = { uid: 1000, gid: 1000, setGroups: 1, groups: [4, 5] } as const;
    expect(fieldsOf(makeStep('ids', { ...fields, groups: [4, 5] }))).toEqual(fields);
  });
});
