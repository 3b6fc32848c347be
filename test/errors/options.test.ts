import {
  type DetachedMount,
  type NamespaceSet,
  fsmount,
  hostUserland,
  mount,
  openTree,
  setPropagation,
  setns,
  umount,
  unshare,
} from 'linux-ns';
import { Network, networkNamespaces } from 'linux-ns/network';
import { discover, lsns, processTree, watch } from 'linux-ns/discovery';
import { compileSeccomp, defaultSeccompProfile } from 'linux-ns/seccomp';
import { plain } from '../../lib/errors/plain';

let set: NamespaceSet;
let network: Network;
beforeAll(async () => {
  set = await unshare({ user: true, net: { loopback: true }, mnt: true });
  network = await Network.open(set);
  await network.link.add({ kind: 'veth', name: 'lower', up: true, peer: { name: 'upper' } });
});
afterAll(async () => {
  await network.close();
  await set.close();
});

const aborted = AbortSignal.abort();
const profile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 1,
  archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
  flags: ['SECCOMP_FILTER_FLAG_LOG'],
  syscalls: [
    {
      names: ['read', 'write'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: 1, valueTwo: 0, op: 'SCMP_CMP_EQ' }],
      includes: { arches: ['amd64'], caps: ['CAP_CHOWN'], minKernel: '4.8' },
      excludes: { caps: ['CAP_CHOWN'] },
    },
  ],
};
const listedLink = {
  ...{ name: 'copy', index: 77, kind: 'bridge', flags: ['UP'], mtu: 1500, up: true, alternativeNames: ['copied'] },
  ...{ info: { stp: false }, port: { cost: 5 } },
};
const route = {
  ...{
    to: '10.9.0.0/16',
    via: '10.0.0.2',
    link: 'lower',
    table: 100,
    type: 'unicast',
    protocol: 'static',
    scope: 'global',
  },
  ...{ source: '10.0.0.1', metric: 3, tos: 0, onlink: true, family: 'inet', metrics: { mtu: 1400 } },
};
const nexthops = [{ via: '10.0.0.2', link: 'lower', weight: 2, onlink: true, flags: ['onlink'] }];
const rule = {
  ...{ family: 'inet', priority: 900, not: false, from: '10.0.0.0/8', to: '10.1.0.0/16', tos: 0, mark: 1, mask: 255 },
  ...{ incoming: 'lower', uids: [0, 1], ipProtocol: 'tcp', sourcePorts: [1, 2], action: 'lookup', table: 'main' },
};
const neighbor = { to: '10.0.0.7', link: 'lower', address: '02:00:00:00:00:07', state: ['PERMANENT'], router: false };
const settings = { peer: '10.0.0.9/32', scope: 'global', metric: 2, validLifetime: 60, preferredLifetime: 50 };
const tun = { name: 'tun7', kind: 'tun', owner: 0, multiQueue: false, packetInfo: false, persistent: false };
const dns = { servers: ['127.0.0.1'], search: ['a.test'], ndots: 1, timeout: 10, attempts: 1 };
const sources = {
  ...{ kinds: ['net'], tasks: false, forChildren: false, fds: false, sockets: false, mounts: 'own', hierarchy: false },
  ...{ commands: 'first', users: false, signal: aborted },
};

/** A public function, options that it takes, and a call of it with such. */
type Row = [name: string, options: () => object, call: (options: never) => unknown];

const rows: Row[] = [
  ['link.list()', () => ({ kind: 'dummy', master: 'lo', up: true, stats: true }), (o) => network.link.list(o)],
  ['link.get()', () => ({ stats: true }), (o) => network.link.get('lo', o)],
  ['link.get() of a listed link', () => listedLink, (o) => network.link.get(o)],
  [
    'link.add() of a veth',
    () => ({ kind: 'veth', name: 'v0', mtu: 1400, peer: { name: 'v1', up: true, namespace: set } }),
    (o) => network.link.add(o),
  ],
  [
    'link.add() of a vxlan',
    () => ({ kind: 'vxlan', name: 'x0', id: 4, link: 'lower', remote: '10.0.0.5', portRange: [1, 2], ttl: 3 }),
    (o) => network.link.add(o),
  ],
  ['link.add() of a vlan', () => ({ kind: 'vlan', name: 'l4', link: 'lower', id: 4 }), (o) => network.link.add(o)],
  ['link.add() of a listed link', () => listedLink, (o) => network.link.add(o)],
  [
    'link.set()',
    () => ({ up: true, mtu: 1400, alias: 'x', group: 'default', addNames: ['other'], master: null, port: { cost: 4 } }),
    (o) => network.link.set('lower', o),
  ],
  ['link.openTun()', () => tun, (o) => network.link.openTun(o)],
  ['address.list()', () => ({ link: 'lo', family: 'inet', scope: 'host' }), (o) => network.address.list(o)],
  [
    'address.add()',
    () => ({ ...settings, flags: ['noprefixroute'] }),
    (o) => network.address.add('lower', '10.0.0.1', o),
  ],
  ['address.replace()', () => settings, (o) => network.address.replace('lower', '10.0.0.1', o)],
  ['address.delete()', () => ({ peer: '10.0.0.9/32' }), (o) => network.address.delete('lower', '10.0.0.1', o)],
  [
    'address.add() of a listed address',
    () => ({ family: 'inet', address: '10.0.3.1', prefixLength: 24, broadcast: '10.0.3.255', flags: ['nodad'] }),
    (o) => network.address.add('lower', o),
  ],
  [
    'route.list()',
    () => ({ family: 'inet', table: 'main', link: 'lo', type: 'local', protocol: 'kernel', to: '10.0.0.0/8' }),
    (o) => network.route.list(o),
  ],
  ['route.get()', () => ({ from: '127.0.0.1', link: 'lo', mark: 1, uid: 0 }), (o) => network.route.get('127.0.0.1', o)],
  ['route.add()', () => route, (o) => network.route.add(o)],
  ['route.replace()', () => ({ to: '10.8.0.0/16', nexthops, flags: ['onlink'] }), (o) => network.route.replace(o)],
  ['route.append()', () => route, (o) => network.route.append(o)],
  ['route.delete()', () => route, (o) => network.route.delete(o)],
  ['rule.list()', () => ({ family: 'inet' }), (o) => network.rule.list(o)],
  ['rule.add()', () => rule, (o) => network.rule.add(o)],
  ['rule.delete()', () => rule, (o) => network.rule.delete(o)],
  ['neighbor.list()', () => ({ family: 'inet', link: 'lo', noarp: true }), (o) => network.neighbor.list(o)],
  ['neighbor.add()', () => neighbor, (o) => network.neighbor.add(o)],
  ['neighbor.replace()', () => neighbor, (o) => network.neighbor.replace(o)],
  ['neighbor.delete()', () => neighbor, (o) => network.neighbor.delete(o)],
  ['network.watch()', () => ({ types: ['link'], limit: 5, signal: aborted }), (o) => network.watch(o).return()],
  ['Network.open()', () => ({ receiveBuffer: 4096, signal: aborted }), (o) => Network.open(set, o)],
  [
    'Network.attach()',
    () => ({ with: 'pasta', ports: [{ host: 1, inside: 1, protocol: 'tcp' }], mtu: 1500, signal: aborted }),
    (o) => Network.attach(set, o),
  ],
  ['networkNamespaces.add()', () => ({ loopback: true, signal: aborted }), (o) => networkNamespaces.add('no-such', o)],
  ['networkNamespaces.delete()', () => ({ signal: aborted }), (o) => networkNamespaces.delete('no-such', o)],
  ['networkNamespaces.enter()', () => ({ signal: aborted }), (o) => networkNamespaces.enter('no-such', o)],
  [
    'listen()',
    () => ({ port: 0, host: '127.0.0.1', backlog: 5, ipv6Only: false, reusePort: true, dns }),
    (o) => network.listen(o),
  ],
  [
    'createSocket()',
    () => ({ type: 'udp4', port: 0, address: '127.0.0.1', reuseAddr: true, recvBufferSize: 4096, dns }),
    (o) => network.createSocket(o),
  ],
  [
    'connect()',
    () => ({ host: '127.0.0.1', port: 1, family: 4, timeout: 99, noDelay: true, dns }),
    (o) => network.connect(o),
  ],
  ['lookup()', () => ({ family: 4, order: 'ipv4first', ...dns }), (o) => network.lookup('localhost', o)],
  ['httpAgent()', () => ({ keepAlive: true, maxSockets: 2, dns }), (o) => network.httpAgent(o)],
  ['httpsAgent()', () => ({ keepAlive: true, maxSockets: 2, dns }), (o) => network.httpsAgent(o)],
  ['connector()', () => ({ servername: 'a.test', dns }), (o) => network.connector(o)],
  [
    'what connector() makes',
    () => ({ hostname: '127.0.0.1', protocol: 'http:', port: '1', localAddress: null }),
    (o) =>
      new Promise((resolve, reject) => {
        network.connector()(o, (error, socket) => (error === null ? resolve(socket) : reject(error)));
      }),
  ],
  ['discover()', () => sources, (o) => discover(o)],
  ['watch()', () => ({ ...sources, interval: 9 }), (o) => watch(o).next()],
  ['lsns()', () => ({ kinds: ['net'], pid: 1, persistent: false, fds: false, signal: aborted }), (o) => lsns(o)],
  ['processTree()', () => ({ by: 'net', signal: aborted }), (o) => processTree(o)],
  ['compileSeccomp() of a profile', () => profile, (o) => compileSeccomp(o)],
  [
    'compileSeccomp()',
    () => ({ arch: 'x64', capabilities: ['CAP_CHOWN'], kernel: '6.8' }),
    (o) => compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW' }, o),
  ],
  ['defaultSeccompProfile()', () => ({ userNamespaces: true, ptrace: true }), (o) => defaultSeccompProfile(o)],
  ['hostUserland()', () => ({ writable: ['/tmp'], readable: ['/srv'], resolver: true }), (o) => hostUserland(o)],
  ['setns()', () => ({ pid: process.pid, kinds: ['net'] }), (o) => setns(o, { signal: aborted })],
  ['unshare()', () => ({ signal: aborted }), (o) => unshare('user', o)],
  ['umount()', () => ({ recursive: true, detach: true, nofollow: true }), (o) => umount('/no/such', o)],
  ['setPropagation()', () => ({ recursive: true }), (o) => setPropagation('/no/such', 'private', o)],
  ['openTree()', () => ({ recursive: true, readOnly: true }), (o) => openTree('/no/such', o)],
  ['mount()', () => ({ type: 'nosuchfs', target: '/no/such', options: { a: '1' } }), (o) => mount(o)],
  ['fsmount()', () => ({ type: 'nosuchfs', options: { a: ['1'] } }), (o) => fsmount(o)],
  ['writeFile() of a set', () => ({ create: false }), (o) => set.writeFile('/no/such', 'x', o)],
  ['readFile() of a set', () => ({ encoding: 'utf8', maxBytes: 5 }), (o) => set.readFile('/no/such', o)],
];

type Path = readonly [string, ...string[]];

/** All properties and items, in depth. */
function pathsOf(value: object, above: readonly string[] = []): Path[] {
  return Object.entries(value).flatMap(([key, below]: [string, unknown]): Path[] => {
    const path: Path = above.length === 0 ? [key] : ([...above, key] as unknown as Path);
    const isPlain = Array.isArray(below) || (below !== null && (below as object).constructor === Object);
    return isPlain ? [path, ...pathsOf(below as object, path)] : [path];
  });
}

/** A copy with a property in place of another. */
function withProperty(options: object, path: Path, property: PropertyDescriptor): never {
  const copy = plain(options);
  const owner = path.slice(0, -1).reduce((at, key) => (at as Record<string, object>)[key]!, copy);
  Object.defineProperty(owner, path.at(-1)!, { enumerable: true, configurable: true, ...property });
  return copy as never;
}

const at = (options: object, path: Path): unknown =>
  path.reduce<unknown>((owner, key) => (owner as Record<string, unknown>)[key], options);

/** What comes of a call: nothing, or the error. What it has opened is closed. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await closed(await call());
    return undefined;
  } catch (error) {
    return error;
  }
}

async function closed(result: unknown): Promise<void> {
  const { close, destroy } = (result ?? {}) as { close?: () => unknown; destroy?: () => unknown };
  if (typeof destroy === 'function') destroy.call(result);
  else if (typeof close === 'function') await close.call(result);
}

const hasCode = (error: unknown): boolean =>
  error === undefined || typeof (error as { code?: unknown }).code === 'string';

const unreadable = {
  toString(): string {
    throw Object.assign(new Error('not a text'), { code: 'OWN' });
  },
};
const NONSENSE = [
  null,
  7,
  NaN,
  1n,
  Symbol('x'),
  {},
  [],
  [null],
  [Symbol('x')],
  () => 1,
  Object.create(null),
  unreadable,
];

describe.each(rows)('%s', (_, options, call) => {
  test('reads each option once, and uses what it has read', async () => {
    const bad: string[] = [];
    for (const path of pathsOf(options())) {
      const values = [at(plain(options()), path)];
      let reads = 0;
      const get = (): unknown => (reads++ === 0 ? values[0] : Symbol('later'));
      const error = await errorOf(() => call(withProperty(options(), path, { get })));
      if (reads !== 1 || !hasCode(error)) bad.push(`${path.join('.')}: ${reads} reads, ${String(error)}`);
    }
    expect(bad).toEqual([]);
  });

  test('fails with the error of a getter itself', async () => {
    const own = new Error('of the getter');
    for (const path of pathsOf(options())) {
      const get = (): never => {
        throw own;
      };
      expect([path, await errorOf(() => call(withProperty(options(), path, { get })))]).toEqual([path, own]);
    }
  });

  test('has no error without a code', async () => {
    const bad: string[] = [];
    for (const path of pathsOf(options())) {
      for (const value of NONSENSE) {
        const error = await errorOf(() => call(withProperty(options(), path, { value: value as unknown })));
        if (!hasCode(error)) bad.push(`${path.join('.')} as ${typeof value}: ${String(error)}`);
      }
    }
    expect(bad).toEqual([]);
  });
});

test('options of a class, and of a prototype, are read once, too', async () => {
  let reads = 0;
  class Filter {
    get family(): unknown {
      return reads++ === 0 ? 'inet' : 7;
    }
  }
  await network.rule.list(new Filter() as never);
  expect(reads).toBe(1);
  reads = 0;
  await network.neighbor.list(Object.create(new Filter()) as never);
  expect(reads).toBe(1);
});

test('a mount is attached with options that are read once', async () => {
  await using tree: DetachedMount = await set.openTree('/', { recursive: true });
  let reads = 0;
  const options = Object.defineProperty({ setns: [...set] }, 'create', { get: () => reads++ > 0, enumerable: true });
  expect(await errorOf(() => tree.attach('/no/such', options as never))).toHaveProperty('code', 'ENOENT');
  expect(reads).toBe(1);
});
