import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NamespaceError, type SpawnOptions, spawn, unshare } from '../../lib';
import { needs } from '../fixtures/optional';
import { NOTHING, expectNothingLeft, footprint } from '../fixtures/footprint';
import { resultOf } from '../fixtures/scenario';

const FAULTS = join(__dirname, 'scenarios', 'faults.ts');
const directory = mkdtempSync(join(tmpdir(), 'linux-ns-faults-'));

afterAll(() => rmSync(directory, { recursive: true }));

test('2,000 launches of all kinds, failing ones among them, leave descriptors, children and mounts where they were', async () => {
  expect(await resultOf(FAULTS, 'manyLaunches', [2000])).toEqual(NOTHING);
});

describe('a launch that fails names its step and leaves nothing:', () => {
  const closed = (): number => {
    const fd = openSync('/dev/null', 'r');
    closeSync(fd);
    return fd + 1000;
  };
  const faults: [what: string, options: () => SpawnOptions, file: string, expected: object][] = [
    [
      'a closed descriptor',
      () => ({ stdio: [closed(), 'ignore', 'ignore'] }),
      'true',
      { code: 'EBADF', step: 'prepare' },
    ],
    ['a directory that is not there', () => ({ cwd: '/no/such' }), 'true', { code: 'ENOENT', path: '/no/such' }],
    ['a program that is not there', () => ({}), '/no/such', { code: 'ENOENT', step: 'exec /no/such' }],
    ['a program that is none', () => ({}), join(directory, 'data'), { code: 'EACCES' }],
    ['a directory as program', () => ({}), directory, { code: 'EACCES', step: `exec ${directory}` }],
    ['an interpreter that is not there', () => ({}), join(directory, 'script'), { code: 'ENOENT' }],
    [
      'an id that is not mapped',
      () => ({ unshare: ['user'], uid: 4242, gid: 0 }),
      'true',
      { code: 'EINVAL', step: 'change ids to 4242:0', syscall: 'setresuid' },
    ],
    [
      'groups where they are denied',
      () => ({ unshare: { user: { setgroups: 'deny' } }, groups: [0] }),
      'true',
      { code: 'EPERM', syscall: 'setgroups' },
    ],
    [
      'a map with an overlap',
      () => ({
        unshare: { user: { uidMap: [0, 1].map(() => ({ inside: 0, outside: process.getuid!(), count: 1 })) } },
      }),
      'true',
      { code: expect.stringMatching(/EINVAL|EPERM|ERR_/) as string },
    ],
    [
      'time offsets beyond what there is',
      () => ({ unshare: { user: true, time: { monotonic: -1_000_000_000 } } }),
      'true',
      { code: 'ERANGE', step: 'write timens_offsets', kind: 'time' },
    ],
  ];

  beforeAll(async () => {
    // /dev/null is opened once, and kept.
    await (
      await spawn('true', [], { stdio: 'ignore' })
    ).exited;
    writeFileSync(join(directory, 'data'), 'data', { mode: 0o644 });
    writeFileSync(join(directory, 'script'), '#!/no/such/interpreter\n', { mode: 0o755 });
  });

  describe.each([{}, { unshare: ['pid', 'uts', 'mnt'] as const }])('%j', ({ unshare: kinds = [] }) => {
    test.each(faults)('%s', async (_, options, file, expected) => {
      const before = footprint();
      const given = options();
      const more = kinds.length === 0 ? given : { ...given, unshare: withKinds(given, kinds) };
      const error = (await spawn(file, [], { stdio: 'ignore', ...more }).catch(
        (reason: unknown) => reason,
      )) as NamespaceError;
      expect(error).toMatchObject(expected);
      expect(error.step ?? error.code).toMatch(/\S/);
      await expectNothingLeft(before);
    });
  });

  test('a mount source that is not there', async () => {
    const set = await unshare(['user', 'mnt']);
    const before = footprint();
    const mounting = set.mount({ source: '/no/such/source', target: '/tmp', type: 'none', bind: true });
    await expect(mounting).rejects.toMatchObject({ code: expect.any(String) as string });
    await expectNothingLeft(before);
    await set.close();
  });

  function withKinds({ unshare: given }: SpawnOptions, kinds: readonly string[]): SpawnOptions['unshare'] {
    const all = Object.fromEntries(['user', ...kinds].map((kind) => [kind, true]));
    return typeof given === 'object' && !Array.isArray(given) ? Object.assign(all, given) : all;
  }
});

const KINDS = ['spawn', 'with pipes', 'init', 'join', 'join and unshare', 'unshare', 'setns'];

describe('whatever nsinit is doing when it is killed, the launch says so and nothing is left:', () => {
  test.each(KINDS)('%s', async (kind) => {
    const { fates, more } = (await resultOf(FAULTS, 'killedHelpers', [kind, 100])) as Fates<string[]>;
    expect(
      fates.filter((fate) => !/^(runs|(ERR_LINUX_NS_KILLED|ENOENT|ESRCH|EACCES): (?!no step))/.test(fate)),
    ).toEqual([]);
    expect(more).toEqual(NOTHING);
  });
});

test('a launch may be given up at any moment, and nothing is left', async () => {
  const { fates, more } = (await resultOf(FAULTS, 'aborted', [60])) as Fates<string[]>;
  expect(fates.filter((fate) => !['AbortError ABORT_ERR', 'runs'].includes(fate))).toEqual([]);
  expect(more).toEqual(NOTHING);
});

describe('with ever so few descriptors left it is a launch, or EMFILE with a step, and nothing is left:', () => {
  needs({ tool: ['prlimit'] }).test.each([...KINDS, 'sandbox'])('%s', async (kind) => {
    const scenario = resultOf(FAULTS, 'fewDescriptors', [kind, 16], { limits: ['nofile=128'] });
    const { fates, more } = (await scenario) as Fates<string[]>;
    expect(fates[0]).toMatch(/^EMFILE: /);
    expect(fates.at(-1)).toBe('runs');
    expect(fates.filter((fate) => !/^(runs|EMFILE: (?!no step))/.test(fate))).toEqual([]);
    expect(more).toEqual(NOTHING);
  });
});

describe('500 starts at once:', () => {
  test('all run', async () => {
    expect(await resultOf(FAULTS, 'atOnce', [500])).toEqual({ fates: ['runs'], more: NOTHING });
  });

  needs({ tool: ['prlimit'] }).test(
    'with descriptors for some of them each runs, or is EMFILE with a step, and nothing is left',
    async () => {
      const scenario = resultOf(FAULTS, 'atOnce', [500], { limits: ['nofile=512'] });
      const { fates, more } = (await scenario) as Fates<string[]>;
      expect(fates).toContain('runs');
      expect(fates.filter((fate) => !/^(runs|EMFILE: (?!no step))/.test(fate))).toEqual([]);
      expect(more).toEqual(NOTHING);
    },
  );
});

test('a program that vanishes while it is started runs, or is ENOENT', async () => {
  const { fates, more } = (await resultOf(FAULTS, 'vanishing', [directory, 60])) as Fates<string[]>;
  expect(fates).toContain('runs');
  expect(fates.filter((fate) => !['runs', `ENOENT: exec ${join(directory, 'program')}`].includes(fate))).toEqual([]);
  expect(more).toEqual(NOTHING);
});

describe('a full process table', () => {
  needs({ unprivileged: true, tool: ['prlimit'] }).test('is EAGAIN with a step, and nothing is left', async () => {
    const { fates, more, closed } = (await resultOf(FAULTS, 'noProcesses')) as Fates<string[]> & { closed: string };
    expect(fates).toEqual(Array(5).fill('EAGAIN: clone'));
    expect([more, closed]).toEqual([NOTHING, 'runs']);
  });

  // Tried with the pids controller of cgroup v1: one of v2 would have to be delegated first.
  const withGroups = canMakeGroups() ? needs({ root: true }) : { test: test.skip };
  if (process.getuid!() === 0)
    withGroups.test('at any point of a launch is EAGAIN with a step, and nothing is left', async () => {
      const { fates, more } = (await resultOf(FAULTS, 'fewProcesses', [6])) as Fates<Record<string, string[]>>;
      for (const each of Object.values(fates)) {
        expect(each[0]).toBe('EAGAIN: clone');
        expect(each.at(-1)).toBe('runs');
        expect(each.filter((fate) => !/^(runs|EAGAIN: (?!no step))/.test(fate))).toEqual([]);
      }
      expect(more).toEqual(NOTHING);
    });
});

interface Fates<T> {
  fates: T;
  more: unknown;
}

function canMakeGroups(): boolean {
  try {
    closeSync(openSync('/sys/fs/cgroup/pids/cgroup.procs', 'r+'));
    return true;
  } catch {
    return false;
  }
}
