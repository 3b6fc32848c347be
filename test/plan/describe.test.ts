import { describeStep } from '../../lib/plan/describe';
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
