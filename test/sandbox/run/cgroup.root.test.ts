/** As root a run is held to its limits by a cgroup of its own, which is gone after it. */
import { readdirSync } from 'node:fs';
import { Sandbox } from '../../../lib';
import { findDelegated } from '../../../lib/cgroup/delegated';
import { ONE_WAIT } from '../../fixtures/patience';
import { userland } from '../box';

const delegated = findDelegated();
const parents = delegated?.version === 2 ? [delegated.parent] : (delegated?.parents ?? []);
/** A test that needs a cgroup, of either version, in which this process may make others. */
const inCgroup = delegated === undefined ? test.skip : test;
const LIMITS = { wall: ONE_WAIT, memory: 64 << 20 };

/** The cgroups that this process has made, and not removed. */
function left(): string[] {
  return parents.flatMap((parent) => readdirSync(parent)).filter((name) => name.includes(`-${process.pid}-`));
}

let box: Sandbox;
beforeAll(async () => (box = await Sandbox.create(userland())));
afterAll(async () => box.close());

inCgroup('a run is in a cgroup, and the result says so', async () => {
  const running = box.run('sleep', ['0.3'], { limits: LIMITS });
  const { limitedBy } = await box.run('true', [], { limits: LIMITS });
  expect(limitedBy).toBe(`cgroup${delegated!.version}`);
  await running;
  expect(left()).toEqual([]);
});

inCgroup('shared memory, and files in memory, count', async () => {
  const file = await box.run('sh', ['-c', 'head -c 200000000 /dev/zero > /dev/shm/file'], { limits: LIMITS });
  expect(file.verdict).toBe('memory');
  await box.exec('rm -f /dev/shm/file');
});

inCgroup('children count that the kernel reaps for their parent', async () => {
  const script = `
    $SIG{CHLD} = 'IGNORE';
    for (1 .. 1000) { my $child = fork(); if (!$child) { my $i = 0; $i++ while $i < 300000; exit } select undef, undef, undef, 0.03 }`;
  const { verdict, usage } = await box.run('perl', ['-e', script], { limits: { ...LIMITS, cpu: 300 } });
  expect(verdict).toBe('cpu');
  expect(usage.cpuUser + usage.cpuSystem).toBeGreaterThan(300);
});

inCgroup('one process too many cannot be had', async () => {
  const script = 'for i in 1 2 3 4 5 6 7 8 9; do sleep 600 & done; wait';
  const { verdict, stderr } = await box.run('sh', ['-c', script], { limits: { ...LIMITS, processes: 4 } });
  expect([verdict, stderr]).toEqual(['exit', expect.stringMatching(/fork/i)]);
});

inCgroup('nothing of it is left where the run cannot start', async () => {
  expect((await box.run('/no/such/program', [], { limits: LIMITS })).verdict).toBe('start');
  expect(left()).toEqual([]);
});
