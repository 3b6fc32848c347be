import { HostFiles } from '../../lib/kernel/host-files';
import { anotherHost } from '../fixtures/another-host';

describe('HostFiles', () => {
  it('reads this host', () => {
    const host = new HostFiles();
    expect(host.sysctl('kernel.pid_max')).toBeGreaterThan(0);
    expect(host.link('self/ns/net')).toMatch(/^net:\[\d+\]$/);
    expect(host.status('Uid')?.split('\t')[1]).toBe(String(process.geteuid?.()));
    expect(host.limit('Max open files')).toBeGreaterThan(0);
    expect(host.mounts()?.some(({ target, type }) => target === '/proc' && type === 'proc')).toBe(true);
    expect(host.has('self/ns/net')).toBe(true);
  });

  it('reads another one, when it is told where', () => {
    const host = anotherHost({
      'proc/sys/kernel/unprivileged_userns_clone': '0\n',
      'sys/fs/cgroup/pids.max': 'max\n',
      'etc/subuid': 'alice:100000:65536\n',
    });
    expect(host.sysctl('kernel.unprivileged_userns_clone')).toBe(0);
    expect(host.sys('fs/cgroup/pids.max')).toBe('max\n');
    expect(host.etc('subuid')).toBe('alice:100000:65536\n');
  });

  it('knows nothing of what is absent, and never throws', () => {
    const host = anotherHost({});
    expect(host.proc('self/status')).toBeUndefined();
    expect(host.sysctl('kernel.nosuch')).toBeUndefined();
    expect(host.status('CapEff')).toBeUndefined();
    expect(host.limit('Max processes')).toBeUndefined();
    expect(host.mounts()).toBeUndefined();
    expect(host.link('self/ns/net')).toBeUndefined();
    expect(host.has('self/ns/net')).toBe(false);
    expect(host.mode('/nosuch')).toBeUndefined();
    expect(new HostFiles('/proc').proc('self')).toBeUndefined();
  });

  it('takes no word for a number', () => {
    const host = anotherHost({ 'proc/sys/kernel/hostname': 'seven\n', 'proc/sys/kernel/empty': '' });
    expect(host.sysctl('kernel.hostname')).toBeUndefined();
    expect(host.sysctl('kernel.empty')).toBeUndefined();
  });

  it('reads when a task was started, whatever its name is', () => {
    const rest = Array.from({ length: 49 }, (_, index) => index + 4);
    const host = anotherHost({ 'proc/7/stat': `7 (a) b (c\n) R ${rest.join(' ')}\n` });
    expect(host.startTime(7)).toBe('22');
    expect(host.startTime('8')).toBeUndefined();
    expect(Number(new HostFiles().startTime('self'))).toBeGreaterThan(0);
  });

  it('reads limits, also that there is none', () => {
    const host = anotherHost({
      'proc/self/limits': [
        'Limit                     Soft Limit           Hard Limit           Units     ',
        'Max processes             unlimited            unlimited            processes ',
        'Max open files            1024                 524288               files     ',
      ].join('\n'),
    });
    expect(host.limit('Max processes')).toBe(Infinity);
    expect(host.limit('Max open files')).toBe(1024);
  });

  it('reads mount points with spaces in them', () => {
    const line = '36 35 98:0 / /mnt/a\\040b rw,noexec shared:1 master:2 - tmpfs none rw\n';
    expect(anotherHost({ 'proc/self/mountinfo': line }).mounts()).toMatchObject([
      { root: '/', target: '/mnt/a b', type: 'tmpfs', options: ['rw', 'noexec'] },
    ]);
  });
});
