/** Programs that are root of their host, and want to get at other hosts. */
import { type Host, Lab } from '../../lib/lab';
import { type Footprint, expectNothingLeft } from '../fixtures/footprint';
import { footprintWithServers } from '../network/sockets/inside';

let before: Footprint;
let lab: Lab;
let [a, b] = [] as unknown as [Host, Host];

beforeAll(async () => {
  before = await footprintWithServers();
  lab = await Lab.create({ networks: { lan: {}, other: {} } });
  [a, b] = [await lab.addHost('a', { on: 'lan' }), await lab.addHost('b', { on: 'other' })];
});

afterAll(async () => {
  await lab.close();
  await expectNothingLeft(before);
});

/** What a shell prints that is root on host a, in mounts of its own. */
async function onA(script: string): Promise<string> {
  const { stdout, stderr } = await a.execFile('unshare', ['-m', 'sh', '-c', `${script}; true`]);
  return stdout + stderr;
}

test('the other ends of cables are not theirs, though the kernel has a number for where these are', async () => {
  const { index } = await lab.core.link.get(lab.networks.get('other')?.bridge ?? '');
  expect((await a.execFile('ip', ['-o', 'link', 'show', 'eth0'])).stdout).toContain('link-netnsid 0');
  expect(await onA(`ip link add link if${index} link-netnsid 0 name stolen type macvlan`)).toContain('not permitted');
  expect((await a.execFile('ip', ['-o', 'link'])).stdout).not.toContain('stolen');
});

test('no process of other hosts and of this machine is to be seen below their /proc', async () => {
  const program = await b.spawn('sleep', ['60']);
  try {
    expect(await onA('umount -l /proc; echo /proc/[0-9]*')).toContain('/proc/[0-9]*');
    expect(await onA(`umount -l /proc; umount -l /proc; nsenter --net=/proc/${program.pid}/ns/net id -u`)).toMatch(
      /umount: \/proc.*\n(.*\n)*.*No such file/,
    );
  } finally {
    program.kill('SIGKILL');
  }
});

test('the files by which hosts know each other cannot be taken away', async () => {
  expect(await onA('umount /etc/hosts; getent hosts b')).toContain('b b.lab');
});

test('each host has a user namespace of its own, whose ids are those of the lab', async () => {
  const of = async (host: Host): Promise<string> => (await host.execFile('readlink', ['/proc/self/ns/user'])).stdout;
  expect(await of(a)).not.toBe(await of(b));
  expect((await a.execFile('id', ['-u'])).stdout).toBe('0\n');
});

test('who deletes the cable of a host does not keep it from being crashed', async () => {
  const host = await lab.addHost('c', { on: 'lan' });
  const program = await host.spawn('sleep', ['60']);
  await host.execFile('ip', ['link', 'delete', 'eth0']);
  await host.crash();
  expect(host.state).toBe('crashed');
  expect((await program.exited).signal).toBe('SIGKILL');
  await host.close();
});

describe('a host whose programs have taken its network apart', () => {
  const networks = { lan: { subnet: '10.7.0.0/24', subnet6: 'fd07::/64' }, far: { subnet: '10.8.0.0/24' } };
  const DAMAGE: Record<string, string> = {
    'deleted its interface': 'ip link delete eth0',
    'taken its interface down': 'ip link set eth0 down',
    'removed its addresses': 'ip address flush dev eth0',
    'renamed its interface, and made another of that name':
      'ip link set eth0 down; ip link set eth0 name gone; ip link add eth0 type bridge',
    'deleted its interface, and made another with its index':
      'index=$(ip -o link show eth0 | cut -d: -f1); ip link delete eth0; ip link add stolen index $index type bridge',
    'moved its interface into a network below it': `
      unshare -n sleep 60 >/dev/null 2>&1 &
      until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
      ip link set eth0 netns $!`,
  };
  let own: Lab;
  let bad: Host;

  beforeEach(async () => {
    own = await Lab.create({ networks, seed: 1 });
    [bad] = await own.addHosts(['bad', 'c', 'd'], { on: ['lan'] });
  });

  afterEach(() => own.close());

  test.each(Object.keys(DAMAGE))('that has %s disturbs no other, and has it all again after a restart', async (how) => {
    await bad.exec(DAMAGE[how] ?? '');
    const lan = own.networkOf('network', 'lan');
    await lan.impair({ delay: 1 });
    await own.addRouter('gateway', { on: ['lan', 'far'] });
    await own.partition([['c'], ['d']]);
    await own.heal();
    await lan.impair(null);
    await own.addHost('e', { on: 'far' });
    expect((await own.ping('c', 'e')).received).toBe(1);
    expect((await own.ping('c', 'd')).received).toBe(1);
    await lan.impair({ delay: 1 });
    await bad.restart();
    for (const to of ['c', 'e']) expect((await own.ping(bad, to)).received).toBe(1);
    expect((await own.ping('c', 'fd07::1')).received).toBe(1);
    expect((await own.ping('c', bad)).times[0]).toBeGreaterThan(2);
    await lan.impair(null);
    expect((await own.ping('c', bad)).received).toBe(1);
  });

  test('is told apart in the log of what happened', async () => {
    await bad.exec('ip link delete eth0');
    await own.addRouter('gateway', { on: ['lan', 'far'] });
    expect(String(own.events)).toContain('bad has not got all of its routes: ENETUNREACH');
    await bad.restart();
    expect(String(own.events)).toContain('bad gets its eth0 again, which a program had changed');
  });

  test('is told what to do when its cable is plugged in', async () => {
    await bad.exec('ip link delete eth0');
    await bad.down();
    await expect(bad.up()).rejects.toMatchObject({
      code: 'ENODEV',
      step: 'plug host bad into network lan',
      hint: 'A program on the host has deleted its interface eth0, which is made again when the host restarts.',
    });
    await bad.restart();
    expect((await own.ping('c', bad)).received).toBe(1);
  });
});
