/** The LWN articles on mount namespaces: shared subtrees, propagation, unbindable mounts, and the optical disc. */
import { linesOf } from './example';

describe('shared_subtrees: which mounts are peers', () => {
  test('X and Z here and X there are one group, Y here and there another', async () => {
    const lines = await linesOf('shared_subtrees');
    const [x, y] = [0, 1].map((index) => /shared:\d+$/.exec(lines[index] ?? '')?.[0]);
    expect(x).not.toBe(y);
    expect(lines).toEqual([
      `first   /X ${x}`,
      `first   /Y ${y}`,
      `first   /Z ${x}`,
      `second  /X ${x}`,
      `second  /Y ${y}`,
      `peer group ${x?.slice(7)}: X Z X'`,
      `peer group ${y?.slice(7)}: Y Y'`,
    ]);
  });
});

describe('mount_propagation: a mount in one namespace, seen from another', () => {
  test('shared goes both ways, private none, to a slave only from its master', async () => {
    expect(await linesOf('mount_propagation')).toEqual([
      'shared: parent a b, child a b',
      'private: parent a, child b',
      'slave: parent a, child a b',
    ]);
  });
});

describe('unbindable_mounts: the mount explosion', () => {
  test('each copy has the copies before in it, unless they are unbindable', async () => {
    expect(await linesOf('unbindable_mounts')).toEqual(['bindable:   1 3 7', 'unbindable: 1 2 3']);
  });
});

describe('optical_disc: master and slaves', () => {
  test('what the system mounts appears on the desks and goes again; what a desk mounts is its own', async () => {
    expect(await linesOf('optical_disc')).toEqual([
      'an empty drive     system: -  left: -  right: -',
      'disc inserted      system: disc  left: disc  right: disc',
      'on the left desk: a disc',
      "left's own stick   system: disc  left: disc stick  right: disc",
      'disc ejected       system: -  left: stick  right: -',
    ]);
  });
});
