/** What can happen to a launch, at each of its steps. */
import {
  type NamespaceError,
  type NamespaceProcess,
  type NamespaceSet,
  type SpawnOptions,
  setns,
  spawn,
  unshare,
} from '../../lib';
import { native } from '../../lib/native';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { Pause } from '../fixtures/pause';

let pause: Pause;
let set: NamespaceSet;
beforeAll(async () => {
  pause = new Pause(native());
  set = await newSet();
  // What is opened once, and kept.
  await set.execFile('true');
});
afterAll(async () => {
  await set.close();
  pause.restore();
});
type Launched = NamespaceProcess | NamespaceSet;
type Launch = (signal?: AbortSignal) => Promise<Launched>;

function newSet(): Promise<NamespaceSet> {
  return unshare(['user', 'pid', 'mnt', 'uts']);
}

/** With something to do for each of the steps that programs have in common. */
const OPTIONS: SpawnOptions = {
  ...{ stdio: 'ignore', cwd: '/', umask: 0o22, niceness: 19, oomScoreAdj: 500, rlimits: { core: 0 } },
  ...{ noNewPrivileges: true, newSession: true, capabilities: [], groups: [], uid: 0, gid: 0 },
};

const sleep = (options: object, signal: AbortSignal | undefined): Promise<Launched> =>
  spawn('sleep', ['600'], { ...OPTIONS, ...options, signal });

const LAUNCHES: Record<string, Launch> = {
  'a program': (signal) => sleep({}, signal),
  'a program in namespaces': (signal) => sleep({ unshare: ['user', 'uts', 'mnt', 'cgroup'] }, signal),
  'a program with an init': (signal) => sleep({ unshare: ['user', 'pid', 'time'] }, signal),
  'a program as process 1': (signal) => sleep({ unshare: ['user', 'pid'], init: false }, signal),
  'a program in a set': (signal) => sleep({ setns: set }, signal),
  'a program in a set and below': (signal) => sleep({ setns: set, unshare: ['user', 'pid', 'net'] }, signal),
  'a program on a terminal': (signal) => spawn('sleep', ['600'], { unshare: ['user', 'pid'], pty: {}, signal }),
  'a new set': (signal) => unshare({ user: true, pid: true, net: true, uts: { hostname: 'x' } }, { signal }),
  'a new set without an init': (signal) => unshare({ user: true, net: true, mnt: true, time: true }, { signal }),
  'a joined set': (signal) => setns(set, { signal }),
};

/** The names of the steps that a launch has. */
async function stepsOf(launch: Launch): Promise<readonly string[]> {
  await (await launch()).close();
  return pause.steps;
}

/** Launches as often as there are steps, each time up to another one. */
async function atEachStep(launch: Launch, then: (at: string, launching: Promise<Launched>) => unknown): Promise<void> {
  for (const [index, step] of (await stepsOf(launch)).entries()) {
    const before = footprint();
    pause.before(index);
    const launching = launch();
    // It is looked at below, when it has been made to fail.
    launching.catch(() => undefined);
    await pause.reached();
    await then(step, launching);
    pause.end();
    await expectNothingLeft(before);
  }
}

/** How it failed; that it has not is none. */
async function failureOf(launching: Promise<unknown>): Promise<unknown> {
  try {
    await launching;
    return 'it runs';
  } catch (error) {
    const { name, code, step } = error as NamespaceError;
    return { name, code, step: step === undefined ? 'none' : 'one' };
  }
}

const KILLED = { name: 'NamespaceError', code: 'ERR_LINUX_NS_KILLED', step: 'one' };

describe.each(Object.entries(LAUNCHES))('%s, at each step of its launch,', (_, launch) => {
  test('can be given up', async () => {
    let controller = new AbortController();
    const giveUp: Launch = () => launch((controller = new AbortController()).signal);
    await atEachStep(giveUp, async (step, launching) => {
      controller.abort(`at ${step}`);
      await expect(launching).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: `at ${step}` });
    });
  });

  test('can be killed, which is told', async () => {
    await atEachStep(launch, async (step, launching) => {
      process.kill(pause.processes.at(-1)!, 'SIGKILL');
      pause.goOn(); // its init, if it has one
      expect([step, await failureOf(launching)]).toEqual([step, KILLED]);
    });
  });

  test('can be killed with all that belongs to it, which is told', async () => {
    await atEachStep(launch, async (step, launching) => {
      pause.kill();
      expect([step, await failureOf(launching)]).toEqual([step, KILLED]);
    });
  });
});

describe('a set can be closed, as often as one likes, while it is joined: at each step', () => {
  const launches: Record<string, (joined: NamespaceSet) => Promise<Launched>> = {
    'a program': (joined) => joined.spawn('sleep', ['600'], OPTIONS),
    'a program in new namespaces': (joined) => joined.spawn('sleep', ['600'], { ...OPTIONS, unshare: ['user', 'pid'] }),
    'a set': (joined) => setns(joined),
  };

  test.each(Object.entries(launches))('%s', async (_, launch) => {
    const steps = await stepsOf(() => launch(set));
    for (const index of steps.keys()) {
      const before = footprint();
      const joined = await newSet();
      pause.before(index);
      const launching = launch(joined);
      await pause.reached();
      const closing = [joined.close(), joined[Symbol.asyncDispose](), joined.close()];
      pause.goOn();
      const failure = await failureOf(launching);
      await Promise.all(closing);
      await launching.then((launched) => launched.close()).catch(() => undefined);
      // What has not entered the pid namespace yet never does, and what has ends with it; or it had just begun to run.
      const refused = { ...KILLED, code: expect.stringMatching(/^(ENOMEM|ERR_LINUX_NS_KILLED)$/) as string };
      if (failure !== 'it runs') expect([steps[index], failure]).toEqual([steps[index], refused]);
      pause.end();
      await expectNothingLeft(before);
    }
  });
});
