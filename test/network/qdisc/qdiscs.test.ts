/** What we add is what `tc` adds by the same words, what it has added is read as our own, and counters are the kernel's. */
import type { Network, Qdisc, QdiscSpec } from '../../../lib/network';
import { expectCause } from '../../fixtures/causes';
import { eventually } from '../../fixtures/footprint';
import { type Host, Lab } from '../../fixtures/lab';
import { needs } from '../../fixtures/optional';

type Json = Record<string, unknown>;

let lab: Lab;
let net: Network;
let set: Host['set'];
beforeEach(async () => {
  lab = await Lab.of(1);
  ({ net, set } = lab.at(0));
  await net.link.add({ name: 'v0', kind: 'veth', up: true, peer: { name: 'v1', up: true } });
});
afterEach(() => lab[Symbol.asyncDispose]());

type Options = QdiscSpec extends infer S ? (S extends unknown ? Omit<S, 'link'> : never) : never;

/** Each qdisc, and the words of `tc qdisc add dev v0 …` for it. */
const SAME: readonly [options: Options, words: string][] = [
  [{ kind: 'tbf', rate: '1mbit', burst: 10240, latency: 50 }, 'root tbf rate 1mbit burst 10240 latency 50ms'],
  [
    { kind: 'tbf', rate: 8e6, burst: 5000, limit: 30000, handle: '7:' },
    'root handle 7: tbf rate 8mbit burst 5000 limit 30000',
  ],
  [{ kind: 'tbf', rate: '100gbit', burst: 1 << 20 }, 'root tbf rate 100gbit burst 1048576 latency 50ms'],
  [{ kind: 'htb' }, 'root htb'],
  [
    { kind: 'htb', handle: '1:', default: 0x10, r2q: 20, directQueueLength: 50 },
    'root handle 1: htb default 10 r2q 20 direct_qlen 50',
  ],
  [{ kind: 'ingress' }, 'ingress'],
  [{ kind: 'clsact' }, 'clsact'],
  [{ kind: 'netem', delay: 40, jitter: 2, loss: 0.01 }, 'root netem delay 40ms 2ms loss 1%'],
  [
    { kind: 'netem', delay: 10, reorder: 0.25, duplicate: 0.5, corrupt: 0.125, rate: '10mbit', limit: 200 },
    'root netem delay 10ms reorder 25% duplicate 50% corrupt 12.5% rate 10mbit limit 200',
  ],
  [{ kind: 'fq_codel' }, 'root fq_codel'],
  [
    {
      kind: 'fq_codel',
      limit: 500,
      flows: 64,
      target: 10,
      interval: 200,
      quantum: 300,
      ecn: false,
      memoryLimit: 1 << 20,
    },
    'root fq_codel limit 500 flows 64 target 10ms interval 200ms quantum 300 noecn memory_limit 1048576',
  ],
];

/** The one that is not the kernel's own, as both see it, and then no more. Handles that the kernel counts are left out. */
async function taken(spec: Options): Promise<{ ours: Partial<Qdisc>; theirs: Json }> {
  const [found] = (await net.qdisc.list({ link: 'v0' })).filter(({ kind }) => kind === spec.kind);
  const { stdout } = await set.execFile('tc', ['-j', 'qdisc', 'show', 'dev', 'v0']);
  const [shown] = (JSON.parse(stdout) as Json[]).filter(({ kind }) => kind === spec.kind);
  if (found === undefined || shown === undefined) throw new Error('there is none');
  expect(shown.handle).toBe(found.handle);
  await net.qdisc.delete(found);
  const { handle, stats: __, ...ours } = found; // packets pass meanwhile
  const { handle: _, ...theirs } = shown;
  delete (theirs.options as Json).direct_packets_stat; // an htb counts what has passed meanwhile
  return { ours: 'handle' in spec ? { ...ours, handle } : ours, theirs };
}

/** True where it was added; else neither we nor `tc` can, and our error says what the kernel lacks. */
async function added(options: Options, words: string): Promise<boolean> {
  const adding = net.qdisc.add({ link: 'v0', ...options });
  const outcome: unknown = await adding.catch((error: unknown) => error);
  if (outcome === undefined) return true;
  await expectCause(adding, {
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    hint: 'This kernel was built without CONFIG_NET_SCH_',
  });
  const theirs = set.execFile('tc', ['qdisc', 'add', 'dev', 'v0', ...words.split(' ')]);
  await expect(theirs).rejects.toMatchObject({ stderr: expect.stringContaining('qdisc kind is unknown') as string });
  return false;
}

needs({ tool: ['tc'] }).describe('a queueing discipline', () => {
  test.each(SAME)('%j is that of tc qdisc add dev v0 %s', async (options, words) => {
    if (!(await added(options, words))) return;
    const own = await taken(options);
    await set.execFile('tc', ['qdisc', 'add', 'dev', 'v0', ...words.split(' ')]);
    const other = await taken(options);
    expect(own.theirs).toEqual(other.theirs);
    expect(own.ours).toEqual(other.ours);
  });

  test('tells its settings in the words of a spec', async () => {
    await net.qdisc.add({ link: 'v0', kind: 'tbf', rate: '1mbit', burst: 10240, latency: 50, handle: '9:' });
    expect(await net.qdisc.list({ link: 'v0' })).toMatchObject([
      { link: 'v0', kind: 'tbf', handle: '9:', parent: 'root', info: { rate: 1e6, burst: 10240, limit: 16490 } },
    ]);
  });

  test('counts as tc -s says', async () => {
    await net.qdisc.add({ link: 'v0', kind: 'tbf', rate: '1gbit', burst: 100_000 });
    await net.address.add('v0', '10.0.0.1/24');
    await net.neighbor.add({ to: '10.0.0.2', link: 'v0', address: '02:00:00:00:00:02' });
    const socket = await net.createSocket({ type: 'udp4', address: '10.0.0.1' });
    for (let i = 0; i < 5; i++) socket.send(Buffer.alloc(1000), 9, '10.0.0.2');
    const stats = async () => (await net.qdisc.list({ link: 'v0' }))[0]?.stats;
    await eventually(async () => ((await stats())?.bytes ?? 0) >= 5 * 1042);
    socket.close();
    let [ours, theirs]: unknown[] = [];
    await eventually(async () => {
      ours = await stats();
      const { stdout } = await set.execFile('tc', ['-s', '-j', 'qdisc', 'show', 'dev', 'v0']);
      const [{ bytes, packets, drops, overlimits, requeues, backlog, qlen: queueLength } = {}] = JSON.parse(
        stdout,
      ) as Json[];
      theirs = { bytes, packets, drops, overlimits, requeues, backlog, queueLength };
      return JSON.stringify(ours) === JSON.stringify(theirs);
    });
    expect(ours).toEqual(theirs);
  });
});

test('one is replaced, and deleted: then the link has that of the kernel', async () => {
  await net.qdisc.add({ link: 'v0', kind: 'tbf', rate: '1mbit', burst: 10240, handle: '5:' });
  await expectCause(net.qdisc.add({ link: 'v0', kind: 'htb', handle: '6:' }), {
    ...{ code: 'EEXIST', step: 'add qdisc htb of v0', hint: 'replace() puts this one there' },
  });
  await net.qdisc.replace({ link: 'v0', kind: 'tbf', rate: '2mbit', burst: 10240 });
  expect((await net.qdisc.list({ link: 'v0' }))[0]?.info).toMatchObject({ rate: 2e6 });
  await net.qdisc.replace({ link: 'v0', kind: 'htb', handle: '1:' });
  await net.qdisc.delete({ link: 'v0' });
  expect(await net.qdisc.list({ link: 'v0' })).toMatchObject([{ kind: 'noqueue', handle: '0:', parent: 'root' }]);
  await expectCause(net.qdisc.delete({ link: 'v0' }), { code: 'ENOENT', hint: 'There is nothing to delete' });
});

test('a link that is not there, and a class that is not', async () => {
  await expectCause(net.qdisc.list({ link: 'nosuch' }), { code: 'ENODEV', hint: 'There is no link nosuch' });
  await net.qdisc.add({ link: 'v0', kind: 'htb', handle: '1:' });
  const below: QdiscSpec = { link: 'v0', kind: 'tbf', parent: '1:10', rate: '1mbit', burst: 10240 };
  await expectCause(net.qdisc.add(below), { code: 'ENOENT', hint: 'There is no class there on v0' });
});

test.each<[what: string, spec: object]>([
  ['qdisc.kind', { link: 'nosuch', kind: 'tfb' }],
  ["has no property 'rates' (did you mean 'rate'?)", { link: 'nosuch', kind: 'tbf', rates: 1, burst: 1 }],
  ['qdisc.rate', { link: 'nosuch', kind: 'tbf', burst: 1 }],
  ['qdisc.rate', { link: 'nosuch', kind: 'tbf', burst: 1, rate: '10mbps' }],
  ['qdisc.limit', { link: 'nosuch', kind: 'tbf', burst: 1, rate: 1000, limit: 5, latency: 5 }],
  ['qdisc.loss', { link: 'nosuch', kind: 'netem', loss: 5 }],
  ['qdisc.reorder', { link: 'nosuch', kind: 'netem', reorder: 0.5 }],
  ['qdisc.flows', { link: 'nosuch', kind: 'fq_codel', flows: 0 }],
  ['qdisc.handle', { link: 'nosuch', kind: 'htb', handle: 'one:' }],
  ["has no property 'parent'", { link: 'nosuch', kind: 'ingress', parent: 'root' }],
])('%s is checked before the kernel is asked', async (what, spec) => {
  await expect(net.qdisc.add(spec as QdiscSpec)).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_(INVALID_ARG|OUT_OF_RANGE)/) as string,
    message: expect.stringContaining(what) as string,
  });
});
