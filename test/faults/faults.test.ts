/**
 * A sample of what `npm run test:faults` tries: system calls that fail while something is started. Either it starts with
 * all that was promised, or it is a NamespaceError that says what failed; nothing is left, and nothing hangs.
 */
import { rmSync } from 'node:fs';
import { needs } from '../fixtures/optional';
import { ONE_WAIT } from '../fixtures/patience';
import { KINDS_HERE } from './kinds';
import { makePrograms, runFaults } from './run';

/** Prime: so that of calls that are made over and over others are met in each kind. */
const SAMPLE = 53;
const patience = ONE_WAIT / 4;
const programs = makePrograms();

afterAll(() => rmSync(programs, { recursive: true }));

describe('one system call fails, of those that it takes to start something:', () => {
  test.each(KINDS_HERE.map(({ name }) => name))('%s', async (kind) => {
    const { breaches, tried } = await runFaults({ programs, kinds: [kind], step: SAMPLE, patience });
    expect(breaches).toEqual([]);
    expect(tried).toBeGreaterThan(0);
  });
});

describe('faults that were overlooked once:', () => {
  test.each([
    [
      'a capability of which the kernel does not say whether the bounding set has it',
      'user namespace, confined',
      'prctl:23 39:',
    ],
    ['a plan that cannot be sent', 'plain', 'L sendto 2'],
    ['the word that lets a task go on, which cannot be sent', 'user namespace', 'L sendto 3'],
    ['a report that cannot be received', 'user namespace', 'M recvmsg 1'],
    ['a descriptor that does not get its place', 'plain', 'dup3'],
    ['a signal that stays ignored', 'plain', 'rt_sigaction'],
    ['a capability that nsinit does not get', 'user namespace', 'prctl:47 1:'],
    ['a child that fails before it has told of itself', 'join, and new ones below', 'L2+2 prctl:1 1'],
    ['the ends of children that an init is not told', 'all namespaces, init', 'L1+ wait4'],
  ])('%s', async (_, kind, match) => {
    const { breaches, tried } = await runFaults({ programs, kinds: [kind], match, patience });
    expect(breaches).toEqual([]);
    expect(tried).toBeGreaterThan(0);
  });

  needs({ root: true }).test.each([
    ['the report that a network has its name', 'named network namespace', 'sendmsg'],
    ['a descriptor of a network that is to be listed', 'named network namespace', 'M fcntl:1030'],
    // An ordinary user can limit a bounding set in a user namespace only, and this kind has none.
    ['the last capability, which the kernel says not to know', 'confined', 'prctl:23 41:'],
  ])('%s', async (_, kind, match) => {
    const { breaches, tried } = await runFaults({ programs, kinds: [kind], match, patience });
    expect(breaches).toEqual([]);
    expect(tried).toBeGreaterThan(0);
  });

  test('a joiner that others could trace', async () => {
    const { breaches, came } = await runFaults({ programs, kinds: ['join'], match: 'prctl:4 1:', patience });
    expect(breaches).toEqual([]);
    expect(Object.keys(came).sort()).toEqual(['EINVAL', 'ENOSYS', 'EPERM']);
  });
});
