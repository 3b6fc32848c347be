import { describeStep } from '../../lib/launch/describe';
import type { Step } from '../../types/native';

test.each<[Step, string]>([
  [['join', [5, 6], [0x40000000, 0x04000000]], 'join net, uts'],
  [['fork'], 'fork'],
  [['unshare', 0x80, null, null, null, null], 'unshare time'],
  [['hostname', 'x'], 'set hostname'],
  [['loopback'], 'bring lo up'],
  [['propagation', '/', 0x44000], 'make / private (recursive)'],
  [['propagation', '/a', 1 << 20], 'make /a shared'],
  [['mount', 'proc', '/proc', 'proc', 0, null], 'mount proc on /proc'],
  [['mount', '/usr', '/mnt', null, 0x1000, null], 'bind /usr on /mnt'],
  [['mount', null, '/mnt', null, 0x1021, null], 'remount /mnt'],
  [['mount', '/a', '/b', null, 0x2000, null], 'move /a to /b'],
  [['umount', '/mnt', 2], 'umount /mnt'],
  [['write_file', '/proc/sys/x', 1, '1'], 'write /proc/sys/x'],
  [['ids', 1000, -1, 0, []], 'change ids to 1000:unchanged'],
  [['exec', '/bin/x', [], []], 'exec /bin/x'],
])('%j is "%s"', (step, words) => {
  expect(describeStep(step)).toBe(words);
});
