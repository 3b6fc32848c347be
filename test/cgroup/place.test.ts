import { ownCgroup } from '../../lib/cgroup/place';
import { parseStats } from '../../lib/cgroup/stats';
import { controllerMissing } from '../../lib/hints/cgroup';
import { errorWith } from '../fixtures/errors';
import { anotherHost } from '../fixtures/another-host';

const mount = (root: string, target: string): string => `31 23 0:28 ${root} ${target} rw - cgroup2 cgroup2 rw\n`;

describe("this process's own cgroup", () => {
  test.each<[where: string, cgroup: string, mounts: string, expected: string]>([
    ['version 2 alone', '0::/user.slice/x.scope\n', mount('/', '/sys/fs/cgroup'), '/sys/fs/cgroup/user.slice/x.scope'],
    ['both versions', '3:pids:/a\n0::/b\n', mount('/', '/sys/fs/cgroup/unified'), '/sys/fs/cgroup/unified/b'],
    ['the first of all', '0::/\n', mount('/', '/sys/fs/cgroup'), '/sys/fs/cgroup/'],
    ['a part that is mounted', '0::/pod/box\n', mount('/pod', '/cg'), '/cg/box'],
    ['just that one is mounted', '0::/pod\n', mount('/pod', '/cg'), '/cg'],
    [
      'a part that is no parent of it',
      '0::/podium/box\n',
      mount('/pod', '/cg') + mount('/', '/all'),
      '/all/podium/box',
    ],
  ])('%s', (_, cgroup, mounts, expected) => {
    expect(ownCgroup(anotherHost({ 'proc/self/cgroup': cgroup, 'proc/self/mountinfo': mounts }))).toBe(expected);
  });

  test('none in version 2', () => {
    const host = anotherHost({ 'proc/self/cgroup': '3:pids:/a\n', 'proc/self/mountinfo': '' });
    const hint = expect.stringContaining('mount -t cgroup2') as string;
    expect(() => ownCgroup(host)).toThrow(errorWith({ code: 'ERR_LINUX_NS_UNSUPPORTED', hint }));
  });

  test('none in a container, which cannot mount one by itself', () => {
    const host = anotherHost({
      'proc/self/cgroup': '3:pids:/a\n',
      'proc/self/mountinfo': '',
      'proc/self/ns/pid': '-> pid:[4026532000]',
    });
    expect(() => ownCgroup(host)).toThrow(errorWith({ hint: expect.stringContaining('--cgroupns=private') as string }));
  });

  test('one outside of the cgroup namespace', () => {
    const host = anotherHost({ 'proc/self/cgroup': '0::/../x\n', 'proc/self/mountinfo': mount('/', '/cg') });
    const hint = expect.stringContaining('outside') as string;
    expect(() => ownCgroup(host)).toThrow(errorWith({ code: 'ERR_LINUX_NS_UNSUPPORTED', hint }));
  });
});

describe('why a controller is missing', () => {
  test('version 1 has it', () => {
    const host = anotherHost({ 'proc/self/cgroup': '4:cpu,cpuacct:/\n3:blkio:/\n0::/\n' });
    expect(controllerMissing(['io', 'cpu'], host)).toMatch(
      /io and cpu are in use by cgroup version 1.*cgroup_no_v1=io,cpu/,
    );
  });

  test('it was not delegated', () => {
    const host = anotherHost({ 'proc/self/cgroup': '0::/user.slice\n' });
    expect(controllerMissing(['memory'], host)).toMatch(/Delegate=yes/);
  });
});

test('what the kernel counts is told by the files that are there', async () => {
  const files: Record<string, string> = {
    'cpu.stat': 'usage_usec 12\nuser_usec 8\nsystem_usec 4\n',
    'memory.current': '4096\n',
    'memory.events': 'low 0\noom_kill 1\n',
    'pids.current': '2\n',
    'pids.peak': '5\n',
    'io.stat': '8:0 rbytes=1 wbytes=2\n8:16 rbytes=3 wbytes=4\n',
  };
  expect(await parseStats('populated 1\nfrozen 0\n', (file) => Promise.resolve(files[file]))).toEqual({
    populated: true,
    frozen: false,
    cpu: { usage_usec: 12, user_usec: 8, system_usec: 4 },
    memory: { current: 4096, events: { low: 0, oom_kill: 1 } },
    pids: { current: 2, peak: 5 },
    io: { '8:0': { rbytes: 1, wbytes: 2 }, '8:16': { rbytes: 3, wbytes: 4 } },
  });
});
