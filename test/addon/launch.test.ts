import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LaunchRequest, NativeTask, Step, TaskEvent } from '../../types/native';
import { native } from '../../lib/native';
import { NOTHING, expectNothingLeft, footprint } from '../fixtures/footprint';
import { resultOf } from '../fixtures/scenario';
import { needs } from '../fixtures/optional';

const PATH = ['PATH=/usr/bin:/bin'];
const run = (file: string, ...args: string[]): Step => ['exec', file, [file, ...args], PATH];
const ESRCH = 3;

interface Launched {
  task: NativeTask;
  events: TaskEvent[];
  /** The last event. */
  last: Promise<TaskEvent>;
}

function launch(request: LaunchRequest, on: (event: TaskEvent, task: NativeTask) => void = () => undefined): Launched {
  const events: TaskEvent[] = [];
  let task: NativeTask | undefined;
  const last = new Promise<TaskEvent>((resolve) => {
    task = native().launch(request, (event) => {
      events.push(event);
      on(event, task!);
      if (event.type === 'exit' || event.type === 'failed') resolve(event);
    });
  });
  return { task: task!, events, last };
}

describe('a step that is malformed', () => {
  const malformed: [what: string, step: unknown][] = [
    ['no array', 'exec'],
    ['of no name', []],
    ['of an unknown name', ['nonsense']],
    ['with too few fields', ['chdir', '/']],
    ['with too many fields', ['setsid', 1]],
    ['with a number for a string', ['hostname', 1]],
    ['with a string for a number', ['umount', '/', 'x']],
    ['with a NUL in a string', ['hostname', 'a\0b']],
    ['with a string for a list', ['exec', 'true', 'true', PATH]],
    ['with a hole in a list', ['exec', 'true', ['true', undefined], PATH]],
    ['with neither bytes nor a string', ['write_file', '/x', 0, {}]],
    ['with a descriptor that is none', ['stdio', ['x']]],
    ['with a descriptor that is not open', ['stdio', [0, 1, 99_999]]],
  ];

  test.each(malformed)('%s throws before anything starts, and keeps no descriptor', (_, step) => {
    const fds = readdirSync('/proc/self/fd').length;
    const before: Step[] = [['stdio', [0, 1, 2]]];
    expect(() => native().launch({ flags: 0, steps: [...before, step as Step] }, () => undefined)).toThrow(
      /plan|EBADF|descriptor|step/i,
    );
    expect(readdirSync('/proc/self/fd').length).toBe(fds);
  });

  test.each([undefined, null, 'steps', {}])('steps that are %p throw', (steps) => {
    expect(() => native().launch({ flags: 0, steps: steps as never }, () => undefined)).toThrow(
      expect.objectContaining({ name: 'TypeError' }) as Error,
    );
  });

  test.each([[[]], [[{ flags: 0, steps: [] }]], [[null, () => undefined]]])('arguments %j throw', (args) => {
    expect(() => (native().launch as (...all: unknown[]) => unknown)(...args)).toThrow(
      expect.objectContaining({ name: 'TypeError' }) as Error,
    );
  });
});

describe('a plan', () => {
  test('may be larger than 1 MB', async () => {
    const words = Array.from({ length: 12 }, () => 'x'.repeat(100_000));
    const { last } = launch({
      flags: 0,
      steps: [['exec', 'sh', ['sh', '-c', 'test $# -eq 12', 'sh', ...words], PATH]],
    });
    expect(await last).toMatchObject({ type: 'exit', code: 0, signal: null });
  });

  test('that is larger than 16 MiB throws E2BIG', () => {
    const words = Array.from({ length: 17 }, () => 'x'.repeat(1 << 20));
    const steps: Step[] = [['exec', 'true', words, PATH]];
    expect(() => native().launch({ flags: 0, steps }, () => undefined)).toThrow(
      expect.objectContaining({ errno: 7 }) as Error,
    );
  });

  test('with more arguments than the kernel takes fails at its exec', async () => {
    const { last } = launch({ flags: 0, steps: [['exec', 'true', ['true', 'x'.repeat(1 << 18)], PATH]] });
    expect(await last).toMatchObject({ failure: { phase: 'step', step: 0, errno: 7, syscall: 'execve' } });
  });

  test('may give a program 32 descriptors', async () => {
    const fd = openSync('/dev/null', 'r+');
    const stdio: Step = ['stdio', Array.from({ length: 32 }, () => fd)];
    const { last } = launch({ flags: 0, steps: [stdio, run('sh', '-c', 'test $(ls /proc/self/fd | wc -l) -ge 32')] });
    expect(await last).toMatchObject({ type: 'exit', code: 0, signal: null });
    fstatSync(fd);
    closeSync(fd);
  });

  test('that nobody reads to its end, since nsinit is killed meanwhile, is a task that was killed', async () => {
    const env = Array.from({ length: 50 }, (_, index) => `${index}=${'x'.repeat(100_000)}`);
    const request: LaunchRequest = { flags: 0, manual: true, steps: [['exec', 'true', ['true'], env]] };
    const { last } = launch(request, (event, task) => {
      if (event.type !== 'cloned') return;
      process.kill(task.pid, 'SIGSTOP');
      task.proceed();
      setTimeout(() => process.kill(task.pid, 'SIGKILL'), 20);
    });
    expect(await last).toMatchObject({ type: 'failed', failure: { phase: 'killed', signal: 9 } });
  });
});

describe('a task', () => {
  test('of a manual launch that is ended instead of told to proceed is gone', async () => {
    const { last, task } = launch({ flags: 0, manual: true, steps: [run('true')] }, (event, started) => {
      if (event.type === 'cloned') started.end();
    });
    expect(await last).toMatchObject({ type: 'failed', failure: { phase: 'killed' } });
    expect(task.pidfd).toBe(-1);
  });

  test('may be ended at once, and over and over, and afterwards', async () => {
    const { last, task, events } = launch({ flags: 0, steps: [run('sleep', '600')] });
    for (let times = 0; times < 3; times++) task.end();
    expect((await last).type).toMatch(/failed|exit/);
    const told = events.length;
    task.end();
    task.release();
    task.proceed();
    task.ref();
    task.unref();
    await new Promise((resolve) => setImmediate(resolve));
    expect(events).toHaveLength(told);
  });

  test('that has ended takes no signal, and opens no namespace', async () => {
    const { last, task } = launch({ flags: 0, steps: [run('true')] });
    await last;
    expect(task.kill(0)).toBe(ESRCH);
    expect(task.kill(9)).toBe(ESRCH);
    expect(() => task.namespace(0x40000000)).toThrow(expect.objectContaining({ errno: ESRCH }) as Error);
  });

  test('is one of 200 at once, each with its end', async () => {
    const tasks = Array.from({ length: 200 }, (_, index) =>
      launch({ flags: 0, steps: [run('sh', '-c', `exit ${index}`)] }),
    );
    const codes = (await Promise.all(tasks.map(({ last }) => last))).map((event) => 'code' in event && event.code);
    expect(codes).toEqual(tasks.map((_, index) => index));
  });

  test('that throws from its callback is an uncaught exception, and its last event comes all the same', async () => {
    expect(await resultOf(join(__dirname, 'scenarios.ts'), 'throwingCallback')).toEqual(['thrown', 'exit']);
  });
});

test('what is thrown from a callback that is called once is an uncaught exception, and comes out of no other call', async () => {
  const thrown = await resultOf(join(__dirname, 'scenarios.ts'), 'throwingAnswers');
  expect(thrown).toEqual(['close', 'statMounts', 'userNames', 'scan']);
});

describe('a Worker that is terminated', () => {
  const netlink = 'native.openNetlink(native.socket(16, 3, 0), 65536, nothing)';
  const terminal = "native.openTerminal(fs.openSync('/dev/ptmx', 'r+'), nothing)";

  test.each([
    ['while it opens terminals', `for (;;) ${terminal}.close();`],
    ['while it watches one', `const terminal = ${terminal}; for (;;) terminal.watch(true, false);`],
    ['while it opens netlink sockets', `for (;;) ${netlink}.close();`],
    ['before it is told of mounts', `native.statMounts(-1, true, nothing); for (;;);`],
    ['before it is told of users', `native.userNames(Uint32Array.of(0), nothing); for (;;);`],
    ['before it is told of processes', `native.scan(0x10000000, 0, nothing); for (;;);`],
  ])('%s is gone, and its process goes on', async (_, body) => {
    await resultOf(join(__dirname, 'scenarios.ts'), 'terminatedInCall', [body, 16]);
  });
});

describe('where Node has no descriptor left', () => {
  needs({ tool: ['prlimit'] }).test('for the socket of a launch, it keeps none of those of the plan', async () => {
    const scenario = [
      join(__dirname, 'scenarios.ts'),
      'noDescriptorForControl',
      [],
      { limits: ['nofile=96'] },
    ] as const;
    expect(await resultOf(...scenario)).toEqual({ errno: 24, more: 0 });
  });
});

describe('where Node has no descriptor left to receive one', () => {
  needs({ tool: ['prlimit'] }).test.each(['socket', 'fork', 'init'])(
    'a plan with %s fails, and nothing of it is left',
    async (plan) => {
      const result = await resultOf(join(__dirname, 'scenarios.ts'), 'noDescriptorToReceive', [plan], {
        limits: ['nofile=96'],
      });
      expect(result).toEqual({ types: ['cloned', 'failed'], errno: 24, more: NOTHING });
    },
  );
});

test('a plan with a fork and an end takes a descriptor for the child, or that of the first task where that has ended', async () => {
  const { types, more } = (await resultOf(join(__dirname, 'scenarios.ts'), 'noDescriptorToReceive', ['fork exit'], {
    limits: ['nofile=96'],
  })) as { types: string[]; more: unknown };
  expect(['failed', 'exit']).toContain(types.at(-1));
  expect(more).toEqual(NOTHING);
});

describe('a task that is killed together with the child it has forked, before it could tell of it,', () => {
  test('leaves no child behind, and nothing that the end of its pid namespace would wait for', async () => {
    const result = await resultOf(join(__dirname, 'scenarios.ts'), 'killedBeforeReported');
    expect(result).toEqual({ held: true, more: NOTHING });
  });
});

test('nothing is left of any of it', async () => {
  const before = footprint();
  await Promise.all([
    launch({ flags: 0, steps: [run('true')] }).last,
    launch({ flags: 0, steps: [run('/no/such')] }).last,
  ]);
  await expectNothingLeft(before);
});
