import { checkedAddress } from '../../../../lib/network/egress/outside/special';

test.each([
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'unspecified'],
  ['10.0.0.1', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'shared by customers of a provider'],
  ['100.127.255.255', 'shared by customers of a provider'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.255', 'loopback'],
  ['169.254.1.1', 'link-local'],
  ['169.254.169.254', 'of a metadata service'],
  ['168.63.129.16', 'of a metadata service'],
  ['100.100.100.200', 'of a metadata service'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.255', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'reserved'],
  ['192.0.0.8', 'reserved'],
  ['192.0.2.1', 'for documentation'],
  ['198.51.100.1', 'for documentation'],
  ['203.0.113.1', 'for documentation'],
  ['198.18.0.1', 'for benchmarks'],
  ['198.19.255.255', 'for benchmarks'],
  ['192.88.99.1', 'a tunnel'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::7f00:1', 'reserved'],
  ['fe80::1', 'link-local'],
  ['febf::1', 'link-local'],
  ['fec0::1', 'private'],
  ['fc00::1', 'private'],
  ['fd12:3456::1', 'private'],
  ['fd00:ec2::254', 'of a metadata service'],
  ['fd20:ce::254', 'of a metadata service'],
  ['ff02::1', 'multicast'],
  ['2001:db8::1', 'for documentation'],
  ['3fff::1', 'for documentation'],
  ['2001::1', 'a tunnel'],
  ['2002:7f00:1::', 'a tunnel'],
  ['2001:20::1', 'reserved'],
  ['100::1', 'reserved'],
  ['4000::1', 'reserved'],
  ['5f00::1', 'reserved'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:a9fe:a9fe', 'of a metadata service'],
  ['::ffff:0:127.0.0.1', 'reserved'],
  ['64:ff9b::10.0.0.1', 'private'],
  ['64:ff9b::a9fe:a9fe', 'of a metadata service'],
  ['64:ff9b:1::1', 'private'],
])('%s is %s', (address, kind) => {
  expect(checkedAddress(address)?.special).toBe(kind);
});

test.each([
  '8.8.8.8',
  '1.1.1.1',
  '93.184.216.10',
  '9.255.255.255',
  '11.0.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '191.255.255.255',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2606:4700::1111',
  '2a00::1',
  '2001:200::1',
  '64:ff9b::8.8.8.8',
  '::ffff:8.8.8.8',
])('%s is of the public internet', (address) => {
  expect(checkedAddress(address)).toMatchObject({ special: undefined });
});

test('an address that leads to one of IPv4 has the text of both', () => {
  expect(checkedAddress('64:FF9B::808:808')?.texts).toEqual(['64:ff9b::808:808', '8.8.8.8']);
  expect(checkedAddress('::ffff:808:808')?.texts).toEqual(['8.8.8.8']);
});

test.each(['', 'fe80::1%eth0', '127.1', '0x7f000001', '010.0.0.1', '8.8.8.8 ', 'localhost', '8.8.8.8\0'])(
  '%j is no address',
  (text) => {
    expect(checkedAddress(text)).toBeUndefined();
  },
);
