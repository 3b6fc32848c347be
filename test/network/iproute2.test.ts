/** What this package lists is what `ip -j` lists: each value, under another name at most. */
import type { Address, Link, Neighbor, NextHop, Route, Rule } from '../../lib/network';
import { Lab, connected, ipJson, tunIsOpen } from '../fixtures/lab';
import { eventually } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

type Json = Record<string, unknown>;

/** Keys of `ip -d -j` for what is not told here: sizes of queues and of offloaded packets. */
const LEFT_OUT = /^(allmulti|num_[rt]x_queues|[gt]so_max_(size|segs)|gro_max_size|linkinfo|link_pointtopoint)$/;

let lab: Lab;

// All there can be in a network of this kernel, made with our own calls.
async function furnish(): Promise<void> {
  await connected(lab);
  const { net } = lab.at(0);
  await net.link.set('lo', { up: true });
  await net.link.add({ name: 'br0', kind: 'bridge', up: true, alias: 'a bridge', group: 7, txQueueLength: 500 });
  await net.link.add({
    name: 'p0',
    kind: 'veth',
    master: 'br0',
    up: true,
    mtu: 1400,
    peer: { name: 'p1', address: '02:00:00:00:00:01' },
  });
  await net.link.set('p1', {
    addNames: ['another-name', 'a-name-that-is-longer-than-fifteen-bytes'],
    addressGeneration: 'none',
  });
  await net.link.add({ name: 'mv0', kind: 'macvlan', link: 'veth0', mode: 'bridge', up: true });
  await net.link.add({
    name: 'vx0',
    kind: 'vxlan',
    id: 42,
    link: 'veth0',
    remote: '192.168.5.10',
    local: '192.168.5.5',
    ttl: 8,
  });
  if (tunIsOpen()) {
    await net.link.add({ name: 'tap0', kind: 'tap' });
    await net.link.add({ name: 'tun0', kind: 'tun', up: true });
    await net.address.add('tun0', '10.7.0.1/24');
  }
  await net.link.add({ name: 'ifb9', kind: 'ifb', promiscuous: true });

  await net.address.add('br0', '10.9.9.1/32', { peer: '10.9.9.2' });
  await net.address.add('br0', '10.8.0.1/16', { label: 'br0:extra', scope: 'link', broadcast: null });
  await net.address.add('br0', '10.18.0.2/16', {
    validLifetime: 5000,
    preferredLifetime: 4000,
    flags: ['noprefixroute'],
  });
  await net.address.add('br0', '2001:db8::1/64', { flags: ['nodad'] });
  await net.address.add('br0', '2001:db8::ffff:1.2.3.4/128', { flags: ['nodad', 'noprefixroute'], metric: 77 });
  await net.address.add('br0', '::ffff:1.2.3.4/128', { flags: ['nodad'] });

  await net.route.add({ to: 'default', via: '192.168.5.1' });
  await net.route.add({ to: 'default', via: '192.168.5.2', metric: 100, protocol: 'dhcp', source: '192.168.5.5' });
  await net.route.add({
    to: '10.1.0.0/16',
    nexthops: [
      { via: '192.168.5.2', weight: 2 },
      { via: '192.168.5.3', link: 'veth0' },
    ],
  });
  await net.route.add({ to: '10.2.0.0/16', type: 'blackhole' });
  await net.route.add({ to: '10.3.0.0/16', type: 'unreachable', metric: 5 });
  await net.route.add({ to: '10.3.1.0/24', type: 'prohibit', table: 4096 });
  await net.route.add({ to: '10.3.2.0/24', type: 'throw', table: 100 });
  await net.route.add({
    to: '10.4.0.0/16',
    via: '1.2.3.4',
    link: 'veth0',
    onlink: true,
    table: 100,
    metrics: { mtu: 1400, advmss: 1300 },
  });
  await net.route.add({ to: '10.5.0.1', link: 'veth0', protocol: 'static', tos: 0x10 });
  await net.route.add({ to: '10.6.0.0/16', via: 'fe80::1', link: 'veth0' });
  await net.route.add({ to: '2001:db8:1::/48', via: '2001:db8::2' });
  await net.route.add({ to: '2001:db8:2::1', link: 'br0', preference: 'high', metric: 9, expires: 4000 });
  await net.route.add({ to: 'default', nexthops: [{ via: '2001:db8::3' }, { via: '2001:db8::4', weight: 3 }] });
  await net.route.add({ to: '2001:db8:3::/48', type: 'unreachable', table: 100 });

  await net.rule.add({ from: '10.0.0.0/8', table: 100, priority: 50 });
  await net.rule.add({ mark: 5, mask: 0xff, action: 'blackhole', priority: 51 });
  await net.rule.add({
    ...{ to: '1.2.3.4', incoming: 'veth0', ipProtocol: 'tcp', destinationPorts: [80, 90] },
    ...{ sourcePorts: [1024, 2048], priority: 52 },
  });
  await net.rule.add({
    not: true,
    outgoing: 'veth0',
    table: 4096,
    priority: 53,
    protocol: 'static',
    suppressPrefixLength: 0,
  });
  await net.rule.add({ goto: 32766, from: '10.1.2.3', priority: 54, tos: 0x10 });
  await net.rule.add({ family: 'inet6', action: 'prohibit', from: '2001:db8:5::/48' });

  await net.neighbor.add({ to: '192.168.5.7', link: 'veth0', address: '02:00:00:00:00:07' });
  await net.neighbor.add({ to: '192.168.5.8', link: 'veth0', address: '02:00:00:00:00:08', state: 'stale' });
  await net.neighbor.add({ to: '2001:db8::7', link: 'br0', address: '02:00:00:00:00:07', state: 'noarp' });
  await net.neighbor.add({ to: '2001:db8::8', link: 'br0', address: '02:00:00:00:00:08', router: true });
  await net.neighbor.add({ to: '192.168.5.77', link: 'veth0', proxy: true });
  await net.neighbor.add({ to: '2001:db8::77', link: 'br0', proxy: true });
}

/**
 * The kernel goes on with what it has begun (addresses that are tried out, links that find their carrier, seconds that
 * pass): the two are compared until they have been taken at the same moment.
 */
async function expectSame(ours: () => Promise<unknown>, theirs: () => Promise<unknown>): Promise<void> {
  let [a, b]: unknown[] = [];
  await eventually(async () => {
    [a, b] = [await ours(), await theirs()];
    return JSON.stringify(a) === JSON.stringify(b);
  }).catch(() => undefined);
  expect(a).toEqual(b);
}

/** Keys in one order, and without those that have no value. */
function sorted(object: Json): Json {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

needs({ tool: ['ip'] }).describe('what is listed is what `ip -j` lists', () => {
  beforeAll(async () => {
    lab = await Lab.of(2);
    await furnish();
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  test.each([0, 1])('links, of host %i', async (host) => {
    const { net, set } = lab.at(host);
    const ours = async () => (await net.link.list()).map(linkAsIp);
    await expectSame(ours, async () => (await ipJson(set, '-d', 'link')).map(withKind));
  });

  test('a single link', async () => {
    const { net, set } = lab.at(0);
    for (const name of ['lo', 'p0', 'p1', 'mv0', 'vx0', 'ifb9']) {
      const known = (json: Json) => sorted({ ...json, flags: undefined }); // `ip` does not ask for the link below: M-DOWN
      const ours = async () => [await net.link.get(name)].map(linkAsIp).map(known);
      await expectSame(ours, async () =>
        (await ipJson(set, '-d', 'link', 'show', 'dev', name)).map(withKind).map(known),
      );
    }
  });

  test('addresses', async () => {
    const { net, set } = lab.at(0);
    const theirs = async () => {
      const links = await ipJson(set, 'address');
      return links
        .flatMap(({ ifname, addr_info }) => (addr_info as Json[]).map((each) => sorted({ ...each, ifname })))
        .sort(byText);
    };
    await expectSame(async () => (await net.address.list()).map(addressAsIp).sort(byText), theirs);
  });

  test('routes of all tables', async () => {
    const { net, set } = lab.at(0);
    for (const [family, flag] of [
      ['inet', '-4'],
      ['inet6', '-6'],
    ] as const) {
      const ours = async () => (await net.route.list({ table: 'all', family })).map(routeAsIp);
      await expectSame(ours, async () =>
        (await ipJson(set, '-d', flag, 'route', 'show', 'table', 'all')).map(sortedRoute),
      );
    }
  });

  test('routes of one table, the main one when none is said', async () => {
    const { net, set } = lab.at(0);
    for (const table of [undefined, 'local', 100, 4096] as const) {
      const ours = async () => (await net.route.list({ family: 'inet', table })).map(routeAsIp);
      const theirs = async () =>
        (await ipJson(set, '-d', '-4', 'route', 'show', 'table', String(table ?? 'main'))).map(sortedRoute);
      await expectSame(
        async () => (await ours()).map(withoutTable),
        async () => (await theirs()).map(withoutTable),
      );
    }
    expect(await net.route.list({ table: 9999 })).toEqual([]);
  });

  test.each(['10.1.2.3', '192.168.5.10', '127.0.0.1', '2001:db8:1::9', '10.4.1.1'])('the route to %s', async (to) => {
    const { net, set } = lab.at(0);
    const known = ({ cache: _, protocol: __, scope: ___, uid: ____, ...json }: Json): Json => sorted(json);
    // Of several ways the kernel takes one or the other: by a hash of the packet, `ip` and we send the same.
    const ours = async () => known({ ...routeAsIp(await net.route.get(to)), dst: to });
    await expectSame(ours, async () => known(sortedRoute((await ipJson(set, '-d', 'route', 'get', to))[0] ?? {})));
  });

  test('rules', async () => {
    const { net, set } = lab.at(0);
    await net.rule.add({ mark: 0, mask: 0xff, table: 100, priority: 3000 });
    for (const [family, flag] of [
      ['inet', '-4'],
      ['inet6', '-6'],
    ] as const) {
      const ours = async () => (await net.rule.list({ family })).map(ruleAsIp);
      await expectSame(ours, async () => (await ipJson(set, '-d', flag, 'rule')).map(sorted));
    }
  });

  test('neighbors, those that need no resolution, and proxies', async () => {
    const { net, set } = lab.at(0);
    await set.execFile('ip', ['neighbour', 'replace', '192.168.5.77', 'dev', 'veth0', 'nud', 'none']);
    // Of a neighbor that has no address, on a tun device, it prints a byte of what is next in the message.
    const withAddress = ({ lladdr, ...neighbor }: Json): Json =>
      neighbor.dev === 'tun0' ? neighbor : { lladdr, ...neighbor };
    const theirs = async (...args: string[]) =>
      (await ipJson(set, 'neigh', 'show', ...args)).map((neighbor) => sorted(withAddress(neighbor))).sort(byText);
    await expectSame(
      async () => (await net.neighbor.list()).map(neighborAsIp).sort(byText),
      () => theirs(),
    );
    await expectSame(
      async () => (await net.neighbor.list({ noarp: true })).map(neighborAsIp).sort(byText),
      () => theirs('nud', 'all'),
    );
    await expectSame(
      async () => (await net.neighbor.list({ proxy: true })).map(neighborAsIp).sort(byText),
      () => theirs('proxy'),
    );
  });

  test('all of it is JSON', async () => {
    const dump = await lab.at(0).net.dump();
    expect(JSON.parse(JSON.stringify(dump))).toEqual(dump);
  });
});

function byText(a: Json, b: Json): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

function linkAsIp(link: Link): Json {
  return sorted({
    ifindex: link.index,
    ifname: link.name,
    altnames: link.alternativeNames,
    link: link.link,
    link_index: link.linkNsid === undefined ? undefined : link.linkIndex,
    link_netnsid: link.linkNsid,
    flags: link.flags,
    mtu: link.mtu,
    min_mtu: link.minMtu,
    max_mtu: link.maxMtu,
    qdisc: link.qdisc,
    master: link.master,
    operstate: link.state,
    linkmode: link.mode,
    group: String(link.group),
    txqlen: link.txQueueLength,
    link_type: link.type,
    address: link.address,
    broadcast: link.broadcast,
    permaddr: link.permanentAddress,
    ifalias: link.alias,
    promiscuity: link.promiscuity,
    inet6_addr_gen_mode: link.addressGeneration,
    kind: link.kind,
    up: link.up,
  });
}

function withKind(json: Json): Json {
  const kind = (json.linkinfo as Json | undefined)?.info_kind;
  const known = Object.entries(json).filter(([key]) => !LEFT_OUT.test(key));
  const up = (json.flags as string[]).includes('UP');
  return sorted({ ...Object.fromEntries(known), kind, up });
}

function addressAsIp(address: Address): Json {
  const flags = Object.fromEntries(address.flags.map((flag) => [flag, true]));
  return sorted({
    ...flags,
    ifname: address.link,
    family: address.family,
    local: address.address,
    address: address.peer,
    prefixlen: address.prefixLength,
    metric: address.metric,
    broadcast: address.broadcast,
    anycast: address.anycast,
    scope: String(address.scope),
    dynamic: address.dynamic ? true : undefined,
    label: address.label,
    valid_life_time: address.validLifetime ?? 0xffffffff,
    preferred_life_time: address.preferredLifetime ?? 0xffffffff,
  });
}

function routeAsIp(route: Route): Json {
  return sorted({
    type: route.type,
    dst: route.to,
    src: route.from,
    tos: route.tos === undefined ? undefined : `0x${route.tos.toString(16)}`,
    ...gatewayAsIp(route.family, route.via),
    dev: route.link,
    table: String(route.table),
    protocol: route.protocol,
    scope: route.scope,
    prefsrc: route.source,
    metric: route.metric,
    flags: route.flags,
    uid: route.uid,
    mark: route.mark,
    iif: route.incoming,
    expires: route.expires,
    metrics: route.metrics === undefined ? undefined : [route.metrics],
    pref: route.preference,
    nexthops: route.nexthops?.map((hop) => hopAsIp(route.family, hop)),
  });
}

function hopAsIp(family: string, { via, link, weight, flags }: NextHop): Json {
  return sorted({ ...gatewayAsIp(family, via), dev: link, weight, flags });
}

function gatewayAsIp(family: string, via: string | undefined): Json {
  if (via === undefined) return {};
  const own = via.includes(':') ? 'inet6' : 'inet';
  return own === family ? { gateway: via } : { via: { family: own, host: via } };
}

function sortedRoute(route: Json): Json {
  const nexthops = (route.nexthops as Json[] | undefined)?.map(sorted);
  return sorted({ ...route, nexthops });
}

function withoutTable({ table: _, ...route }: Json): Json {
  return route;
}

function ruleAsIp(rule: Rule): Json {
  const [src, srclen] = rule.from.split('/');
  const [dst, dstlen] = rule.to?.split('/') ?? [];
  return sorted({
    priority: rule.priority,
    not: rule.not === true ? null : undefined,
    src,
    srclen: srclen === undefined ? undefined : Number(srclen),
    dst,
    dstlen: dstlen === undefined ? undefined : Number(dstlen),
    tos: rule.tos === undefined ? undefined : `0x${rule.tos.toString(16)}`,
    fwmark: rule.mark === undefined ? undefined : rule.mark === 0 ? '0' : `0x${rule.mark.toString(16)}`,
    fwmask: rule.mask === undefined ? undefined : `0x${rule.mask.toString(16)}`,
    iif: rule.incoming,
    oif: rule.outgoing,
    uid_start: rule.uids?.[0],
    uid_end: rule.uids?.[1],
    ipproto: rule.ipProtocol,
    sport_start: rule.sourcePorts?.[0],
    sport_end: rule.sourcePorts?.[1],
    dport_start: rule.destinationPorts?.[0],
    dport_end: rule.destinationPorts?.[1],
    table: rule.table === undefined ? undefined : String(rule.table),
    suppress_prefixlen: rule.suppressPrefixLength,
    goto: rule.goto,
    action: rule.action === 'lookup' || rule.action === 'goto' ? undefined : rule.action,
    protocol: rule.protocol,
  });
}

function neighborAsIp(neighbor: Neighbor): Json {
  return sorted({
    dst: neighbor.to,
    dev: neighbor.link,
    lladdr: neighbor.address,
    router: neighbor.router === true ? null : undefined,
    proxy: neighbor.proxy === true ? null : undefined,
    state: neighbor.state.length === 0 ? undefined : neighbor.state,
  });
}
