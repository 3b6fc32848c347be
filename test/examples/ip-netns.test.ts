import { needs } from '../fixtures/optional';
import { linesOf } from './example';

needs({ tool: ['ping', 'dnsmasq', 'dhclient'] }).describe('ip-netns', () => {
  // What each command printed; of those that are there twice the last.
  let parts: Map<string, string[]>;

  beforeAll(async () => {
    parts = new Map();
    let part: string[] = [];
    for (const line of await linesOf('ip-netns')) {
      if (line.startsWith('# ')) parts.set(line.slice(2), (part = []));
      else if (line !== '') part.push(line);
    }
  });

  test('goes through the article, command by command', () => {
    expect([...parts.keys()]).toEqual([
      'ip netns list',
      'ip netns add ns1',
      'ip link list',
      'ip link add veth0 type veth peer name veth1',
      'ip link set veth1 netns ns1',
      'ip netns exec ns1 ip link list',
      'ifconfig veth0 192.168.5.5/24',
      'ip netns exec ns1 ifconfig veth1 192.168.5.10/24 up',
      'ip addr list',
      'ip netns exec ns1 ip addr list',
      'ip route list',
      'ip netns exec ns1 ip route list',
      'ip netns exec ns1 ping -c 1 192.168.5.5',
      'brctl addbr br0',
      'brctl addif br0 eth0',
      'brctl addif br0 veth0',
      'ifconfig eth0 0.0.0.0',
      'ifconfig veth0 0.0.0.0',
      'dhclient br0',
      'ip addr list br0',
      'ip netns exec ns1 dhclient veth1',
      'ip addr list veth1',
      'ip netns exec ns1 ip link del veth1',
    ]);
  });

  test('has no names at first, then one, and in there lo is down', () => {
    expect(parts.get('ip netns list')).toEqual(['ns1']);
    for (const command of ['ip netns exec ns1 ip link list', 'ip netns exec ns1 ip addr list'])
      expect(parts.get(command)?.[0]).toMatch(/^1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN/);
  });

  test('prints its addresses and routes', () => {
    expect(parts.get('ip addr list')?.join('\n')).toMatch(
      /^\d+: veth0@if\d+: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP qlen 1000\n.*\n {4}inet 192\.168\.5\.5\/24 brd 192\.168\.5\.255 scope global veth0$/m,
    );
    expect(parts.get('ip route list')).toEqual([
      'default via 192.168.3.1 dev eth0 proto static',
      '192.168.3.0/24 dev eth0 proto kernel scope link src 192.168.3.122',
      '192.168.5.0/24 dev veth0 proto kernel scope link src 192.168.5.5',
    ]);
    expect(parts.get('ip netns exec ns1 ip route list')).toEqual([
      '192.168.5.0/24 dev veth1 proto kernel scope link src 192.168.5.10',
    ]);
    expect(parts.get('ip netns exec ns1 ping -c 1 192.168.5.5')?.join('\n')).toContain(' 1 received');
  });

  test('gets addresses by DHCP over the bridge', () => {
    expect(parts.get('ip addr list br0')?.join('\n')).toContain(
      'inet 192.168.3.122/24 brd 192.168.3.255 scope global br0',
    );
    expect(parts.get('ip addr list veth1')?.join('\n')).toContain(
      'inet 192.168.3.248/24 brd 192.168.3.255 scope global veth1',
    );
  });

  test('and when veth1 goes, veth0 goes, too', () => {
    const names = parts.get('ip link list')?.map((line) => /^\d+: ([^:@]+)/.exec(line)?.[1]);
    expect(names?.filter((name) => name !== undefined)).toEqual(['lo', 'eth0', 'br0']);
  });
});
