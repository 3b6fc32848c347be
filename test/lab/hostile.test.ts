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
