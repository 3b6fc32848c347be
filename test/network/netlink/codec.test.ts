import { isIPv6 } from 'node:net';
import { RTM_NEWADDR, ADDRESS } from '../../../lib/network/address/address-message';
import { ANY_LINK } from '../../../lib/network/link/ifinfo';
import { LINK, type LinkAttributes, RTM_NEWLINK } from '../../../lib/network/link/link-message';
import { attributeAt, decode, encode, messagesIn, acknowledgement } from '../../../lib/network/netlink/netlink-message';
import { canonical } from '../../../lib/network/ip';
import { type LinkKind, encodeKind } from '../../../lib/network/link/kinds/index';
import { encodeOptions } from '../../../lib/network/link/kinds/kind';
import { QDISCS, type QdiscKind } from '../../../lib/network/qdisc/kinds';
import { QDISC, RTM_NEWQDISC } from '../../../lib/network/qdisc/qdisc-message';
import { ROUTE, RTM_NEWROUTE, type RouteAttributes } from '../../../lib/network/route/route-message';
import { fuzz, seedsOf } from './fuzz';

const ROUTE_HEADER = {
  ...{ family: 2, destinationLength: 8, sourceLength: 0, tos: 0, table: 254, protocol: 3, scope: 0, type: 1, flags: 0 },
};

describe('a message', () => {
  test('is decoded to what it was encoded from', () => {
    const attributes: LinkAttributes = {
      IFNAME: 'ünïcödé',
      ADDRESS: Buffer.from('020000000001', 'hex'),
      MTU: 0xffffffff,
      LINK_NETNSID: -1,
      LINKINFO: {
        KIND: 'vxlan',
        DATA: { ID: 7, GROUP: '239.1.1.1', LOCAL6: '2001:db8::1', PORT: 4789, PORT_RANGE: { low: 1, high: 65535 } },
      },
      PROP_LIST: { ALT_IFNAME: ['one', 'two'] },
      AF_SPEC: { INET6: { ADDR_GEN_MODE: 3 } },
    };
    const header = { ...ANY_LINK, index: 7, flags: 0xffffffff };
    const [message] = messagesIn(encode(LINK, RTM_NEWLINK, 0x605, { header, attributes }));
    expect(message).toMatchObject({ type: RTM_NEWLINK, flags: 0x605 });
    expect(decode(LINK, message!)).toEqual({ header, attributes });
  });

  test('of routes, with several ways', () => {
    const attributes: RouteAttributes = {
      DST: '10.0.0.0',
      MULTIPATH: [
        { flags: 4, hops: 255, index: 9, attributes: { GATEWAY: '10.0.0.1' } },
        { flags: 0, hops: 0, index: 0, attributes: { VIA: 'fe80::1' } },
      ],
      METRICS: { MTU: 1400, CC_ALGO: 'cubic' },
      VIA: '10.0.0.9',
    };
    const [message] = messagesIn(encode(ROUTE, RTM_NEWROUTE, 0, { header: ROUTE_HEADER, attributes }));
    expect(decode(ROUTE, message!)).toEqual({ header: ROUTE_HEADER, attributes });
  });

  // Byte for byte: `struct nlmsghdr`, `struct ifaddrmsg`, IFA_LOCAL, IFA_LABEL.
  test('has the bytes that netlink(7) and rtnetlink(7) say', () => {
    const header = { family: 2, prefixLength: 24, flags: 0, scope: 0, index: 3 };
    const bytes = encode(ADDRESS, RTM_NEWADDR, 0x605, { header, attributes: { LOCAL: '192.168.5.5', LABEL: 'veth0' } });
    const words = [
      '2c00000014000506',
      '0000000000000000',
      '0218000003000000',
      '08000200c0a80505',
      '0a000300',
      '766574683000',
      '0000',
    ];
    expect(bytes.toString('hex')).toBe(words.join(''));
  });

  test('that this kernel has more of than we know is read as far as we know it', () => {
    const bytes = encode(LINK, RTM_NEWLINK, 0, { header: ANY_LINK, attributes: { IFNAME: 'a', MTU: 5 } });
    const unknown = Buffer.from('0800f03f01020304', 'hex'); // number 0x3ff0
    const whole = Buffer.concat([bytes, unknown]);
    whole.writeUInt32LE(whole.length, 0);
    expect(decode(LINK, messagesIn(whole)[0]!).attributes).toEqual({ IFNAME: 'a', MTU: 5 });
  });

  test.each([
    ['a length shorter than a header', '0f000000100000000000000000000000'],
    ['a length beyond the end', '11000000100000000000000000000000'],
  ])('that has %s is malformed', (_, hex) => {
    expect(() => messagesIn(Buffer.from(hex, 'hex'))).toThrow(
      expect.objectContaining({ code: 'ERR_LINUX_NS_MALFORMED_MESSAGE' }) as Error,
    );
  });

  test.each([
    ['an attribute shorter than its header', '03000400'],
    ['an attribute beyond the end', '08000400'],
    ['a number that is too short', '0600040001020000'],
  ])('that has %s is malformed', (_, hex) => {
    const bytes = Buffer.concat([
      encode(LINK, RTM_NEWLINK, 0, { header: ANY_LINK, attributes: {} }),
      Buffer.from(hex, 'hex'),
    ]);
    bytes.writeUInt32LE(bytes.length, 0);
    const read = (): unknown => decode(LINK, messagesIn(bytes)[0]!);
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_LINUX_NS_MALFORMED_MESSAGE', kind: 'net' }) as Error);
  });
});

// As iproute2 6.1 sends them, in the order of their numbers: also of kinds that the kernel at hand may not have.
test.each<[kind: LinkKind, options: Record<string, unknown>, data: string]>([
  ['vlan', { id: 5 }, '0600010005000000'],
  ['vlan', { id: 5, protocol: '802.1ad' }, '06000100050000000600050088a80000'],
  ['ipvlan', { mode: 'l2', isolation: 'private' }, '06000100000000000600020001000000'],
  ['macvlan', { mode: 'bridge' }, '0800010004000000'],
  ['macvtap', { mode: 'bridge' }, '0800010004000000'],
  ['vrf', { table: 77 }, '080001004d000000'],
])('what is particular to a %s, %j, has the bytes that iproute2 sends', (kind, options, data) => {
  const attributes = encodeKind(kind, options, {});
  const bytes = encode(LINK, RTM_NEWLINK, 0, { header: ANY_LINK, attributes });
  expect(bytes.toString('hex').endsWith(data)).toBe(true);
});

// As iproute2 6.1 sends them. It sends more than was said, and in another order: each of ours has to be among its own.
test.each<[kind: LinkKind, options: Record<string, unknown>, data: string]>([
  [
    'bond', // mode active-backup miimon 100 arp_ip_target 10.0.0.1,10.0.0.2
    { mode: 'active-backup', miimon: 100, arpTargets: ['10.0.0.1', '10.0.0.2'] },
    '05000100010000000800030064000000140008000800' + '00000a000001080001000a000002',
  ],
  [
    'bond', // mode 802.3ad lacp_rate fast xmit_hash_policy layer3+4 min_links 2 ad_select bandwidth
    { mode: '802.3ad', lacpRate: 'fast', xmitHashPolicy: 'layer3+4', minLinks: 2, adSelect: 'bandwidth' },
    '0500010004000000' + '0500150001000000' + '05000e0001000000' + '0800120002000000' + '0500160001000000',
  ],
  [
    'geneve', // id 7 remote 10.0.0.2 ttl 9 dstport 6082
    { id: 7, remote: '10.0.0.2', ttl: 9, port: 6082 },
    '0800010007000000' +
      '080002000a000002' +
      '08000b0000000000' +
      '0500030009000000' +
      '0500040000000000' +
      '0600050017c20000',
  ],
  [
    'geneve', // id 7 remote fd00::2 tos 4 df set udpcsum flowlabel 5
    { id: 7, remote: 'fd00::2', tos: 4, df: 'set', udpChecksum: true, flowLabel: 5 },
    '05000d0001000000' +
      '0800010007000000' +
      '14000700fd000000000000000000000000000002' +
      '08000b0000000005' +
      '0500030000000000' +
      '0500040004000000' +
      '0500080001000000',
  ],
  [
    'geneve',
    { external: true },
    '0800010000000000' + '08000b0000000000' + '0500030000000000' + '0500040000000000' + '04000600',
  ],
  [
    'gre', // local 10.0.0.1 remote 10.0.0.2 key 5 csum ttl 9
    { local: '10.0.0.1', remote: '10.0.0.2', key: 5, checksum: true, ttl: 9 },
    '0800040000000005' +
      '0800050000000005' +
      '06000200a0000000' +
      '06000300a0000000' +
      '080006000a000001' +
      '080007000a000002' +
      '05000a0001000000' +
      '0500090000000000' +
      '0500080009000000',
  ],
  [
    'gretap', // local 10.0.0.1 remote 10.0.0.2 ikey 1 okey 2 seq nopmtudisc ignore-df
    {
      ...{ local: '10.0.0.1', remote: '10.0.0.2', inputKey: 1, outputKey: 2, sequence: true },
      ...{ pathMtuDiscovery: false, ignoreDf: true },
    },
    '0800040000000001' +
      '0800050000000002' +
      '0600020030000000' +
      '0600030030000000' +
      '080006000a000001' +
      '080007000a000002' +
      '05000a0000000000' +
      '0500130001000000',
  ],
  ['gre', { external: true }, '04001200'],
  [
    'ip6gre', // local fd00::1 remote fd00::2 encaplimit none flowlabel 5 hoplimit 7
    { local: 'fd00::1', remote: 'fd00::2', encapLimit: 'none', flowLabel: 5, ttl: 7 },
    '14000600fd000000000000000000000000000001' +
      '14000700fd000000000000000000000000000002' +
      '0500080007000000' +
      '08000c0000000005' +
      '08000d0001000000',
  ],
])('what is particular to a %s, %j, is among what iproute2 sends', (kind, options, data) => {
  const bytes = encode(LINK, RTM_NEWLINK, 0, { header: ANY_LINK, attributes: encodeKind(kind, options, {}) });
  const prefix =
    encode(LINK, RTM_NEWLINK, 0, { header: ANY_LINK, attributes: { LINKINFO: { KIND: kind } } }).length + 4;
  const ours = attributesIn(bytes.subarray(prefix));
  expect(ours.length).toBeGreaterThanOrEqual(Object.keys(options).length > 1 ? 3 : 1);
  const theirs = attributesIn(Buffer.from(data, 'hex'));
  for (const attribute of ours) expect(theirs).toContain(attribute);
});

// As tc 6.1 sends them: TCA_OPTIONS without its header. Of a netem it is a struct first, and tc tells times in it, in ticks.
test.each<[kind: QdiscKind, options: Record<string, unknown>, struct: number, data: string]>([
  [
    'netem', // delay 10ms reorder 25% duplicate 50% corrupt 12.5% rate 10mbit limit 200
    { reorder: 0.25, duplicate: 0.5, corrupt: 0.125, rate: 10e6, limit: 200 },
    24,
    '00000000c80000000000000001000000' +
      '0000008000000000' +
      '0c0003000000004000000000' +
      '0c0004000000002000000000' +
      '14000600d0121300000000000000000000000000',
  ],
  [
    'fq_codel', // limit 500 flows 64 target 10ms interval 200ms quantum 300 noecn memory_limit 1048576
    { limit: 500, flows: 64, target: 10, interval: 200, quantum: 300, ecn: false, memoryLimit: 1 << 20 },
    0,
    '08000200f4010000' +
      '0800050040000000' +
      '080006002c010000' +
      '08000300400d0300' +
      '0800010010270000' +
      '0800040000000000' +
      '0800090000001000',
  ],
])('a %s, %j, has the bytes that tc sends', (kind, options, size, data) => {
  const header = { family: 0, pad: undefined, index: 1, handle: 0, parent: 0xffffffff, info: 0 };
  const attributes = { KIND: kind, OPTIONS: encodeOptions(QDISCS[kind], options, {}) };
  const prefix = encode(QDISC, RTM_NEWQDISC, 0, { header, attributes: { KIND: kind } }).length + 4;
  const ours = encode(QDISC, RTM_NEWQDISC, 0, { header, attributes }).subarray(prefix);
  const theirs = Buffer.from(data, 'hex');
  expect(ours.toString('hex', 0, size)).toBe(theirs.toString('hex', 0, size));
  expect(attributesIn(ours.subarray(size)).sort()).toEqual(attributesIn(theirs.subarray(size)).sort());
});

/** Each attribute as text, header and padding included. */
function attributesIn(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + ((bytes.readUInt16LE(at) + 3) & ~3);
    found.push(bytes.toString('hex', at, end));
    at = end;
  }
  return found;
}

describe('the attribute that an error is about', () => {
  const bytes = encode(LINK, RTM_NEWLINK, 0, {
    header: ANY_LINK,
    attributes: {
      IFNAME: 'a',
      LINKINFO: { KIND: 'vxlan', DATA: { ID: 7, PORT: 1 } },
      PROP_LIST: { ALT_IFNAME: ['one', 'two'] },
    },
  });

  test.each([
    [0, undefined],
    [31, undefined],
    [32, 'IFLA_IFNAME'],
    [37, 'IFLA_IFNAME'],
    [40, 'IFLA_LINKINFO'],
    [44, 'IFLA_LINKINFO.IFLA_INFO_KIND'],
    [56, 'IFLA_LINKINFO.IFLA_INFO_DATA'],
    [60, 'IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_VXLAN_ID'],
    [68, 'IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_VXLAN_PORT'],
    [80, 'IFLA_PROP_LIST.IFLA_ALT_IFNAME'],
    [88, 'IFLA_PROP_LIST.IFLA_ALT_IFNAME'],
    [4711, undefined],
  ])('at byte %i is %s', (offset, name) => {
    expect(attributeAt(LINK, bytes, offset)).toBe(name);
  });
});

describe('an acknowledgement', () => {
  // struct nlmsgerr with -EINVAL and the header of the request; NLMSGERR_ATTR_MSG "no", NLMSGERR_ATTR_OFFS 40
  const body = 'eaffffff' + '2800000010000000' + '0100000000000000' + '070001006e6f0000' + '0800020028000000';

  test.each([
    ['capped', 0x300, body],
    ['with all of the request', 0x200, body.slice(0, 40) + '00'.repeat(24) + body.slice(40)],
  ])('%s says what the kernel says', (_, flags, hex) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(acknowledgement({ type: 2, flags, sequence: 1, bytes, from: 0, to: bytes.length })).toEqual({
      errno: 22,
      sentence: 'no',
      offset: 40,
      missing: undefined,
    });
  });
});

// inet_ntop(3) of the C library, which `ip` prints by: RFC 5952 but for IPv4 in IPv6.
test.each([
  ['0:0:0:0:0:0:0:0', '::'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['0:0:0:0:0:0:0:2', '::2'],
  ['::FFFF:1.2.3.4', '::ffff:1.2.3.4'],
  ['::ffff:102:304', '::ffff:1.2.3.4'],
  ['::1.2.3.4', '::1.2.3.4'],
  ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['fe80:0:0:0:0:0:0:0', 'fe80::'],
  ['1:2:3:4:5:6:7:0', '1:2:3:4:5:6:7:0'],
  ['0:0:3:4:5:6:0:0', '::3:4:5:6:0:0'],
  ['2001:DB8::A', '2001:db8::a'],
])('%s is written %s', (text, written) => {
  expect(isIPv6(text)).toBe(true);
  expect(canonical(text)).toBe(written);
});

test('whatever the bytes are, decoding them ends in a value or in the error of a malformed message', async () => {
  const seed = Date.now() >>> 0;
  const { inputs, refused, messages } = fuzz(await seedsOf(), 30_000, seed);
  expect(inputs).toBe(30_000);
  expect(refused).toBeGreaterThan(1000);
  expect(refused).toBeLessThan(29_000);
  expect(messages).toBeGreaterThan(10_000);
});
