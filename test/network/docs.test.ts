import { readPage } from '../docs/blocks';

const page = readPage('docs/network.md');

describe('docs/network.md', () => {
  // The article of the walk-through.
  test.each([
    'ip netns list',
    'ip netns add ns1',
    'ip link list',
    'ifconfig -a',
    'ip link add veth0 type veth peer name veth1',
    'ip link set veth1 netns ns1',
    'ip netns exec ns1 ip link list',
    'ip netns exec ns1 ip link del veth1',
    'ifconfig veth0 192.168.5.5/24',
    'ip netns exec ns1 ifconfig veth1 192.168.5.10/24 up',
    'ip addr list',
    'ip netns exec ns1 ip addr list',
    'ip route list',
    'ip netns exec ns1 ip route list',
    'brctl addbr br0',
    'brctl addif br0 eth0',
    'brctl addif br0 veth0',
    'ifconfig eth0 0.0.0.0',
    'ifconfig veth0 0.0.0.0',
    'dhclient br0',
    'ip addr list br0',
    'ip netns exec ns1 dhclient veth1',
  ])('has the equivalent of `%s`', (command) => {
    expect(page.split('\n').some((line) => line.startsWith('|') && line.includes(`\`${command}\``))).toBe(true);
  });
});
