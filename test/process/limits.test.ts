import { readFileSync } from 'node:fs';
import {
  type LimitOptions,
  type NamespaceProcess,
  type SpawnOptions,
  clone,
  execFile,
  spawn,
  unshare,
} from '../../lib';
import { HostFiles } from '../../lib/kernel/host-files';
import { errorWith } from '../fixtures/errors';
import { needs } from '../fixtures/optional';

const started: NamespaceProcess[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => child.close()));
});

/** A file of /proc/PID of a program that runs with these options. */
async function procOf(options: SpawnOptions): Promise<(file: string) => string> {
  const child = await spawn('sleep', ['60'], { stdio: 'ignore', ...options });
  started.push(child);
  return (file) => readFileSync(`/proc/${child.pid}/${file}`, 'utf8');
}

/** Soft and hard limit, by the words of /proc/PID/limits. */
function limitIn(limits: string, title: string): string[] {
  const line = limits.split('\n').find((candidate) => candidate.startsWith(title)) ?? '';
  return line.slice(title.length).trim().split(/\s+/).slice(0, 2);
}

const hasResource = BigInt(`0x${new HostFiles().status('CapEff') ?? '0'}`) & (1n << 24n);
const openFiles = new HostFiles().hardLimit('Max open files') ?? 0;

describe.each<[where: string, options: SpawnOptions]>([
  ['in the namespaces of this process', {}],
  ['in new namespaces', { unshare: ['user', 'pid', 'mnt'] }],
  ['as process 1 of a pid namespace', { unshare: ['user', 'pid'], init: false }],
])('a program %s', (_, where) => {
  test('has the limits asked for, and the rest as it was', async () => {
    const rlimits = {
      nofile: 64,
      nproc: { soft: 500, hard: 1000 },
      core: { soft: 0 },
      cpu: { hard: 3600 },
      as: 2 ** 40,
      fsize: 'unlimited',
    } as const;
    const limits = (await procOf({ ...where, rlimits }))('limits');
    expect(limitIn(limits, 'Max open files')).toEqual(['64', '64']);
    expect(limitIn(limits, 'Max processes')).toEqual(['500', '1000']);
    expect(limitIn(limits, 'Max core file size')[0]).toBe('0');
    // The soft limit that was above comes down with the hard one.
    expect(limitIn(limits, 'Max cpu time')).toEqual(['3600', '3600']);
    expect(limitIn(limits, 'Max address space')).toEqual([String(2 ** 40), String(2 ** 40)]);
    expect(limitIn(limits, 'Max file size')).toEqual(['unlimited', 'unlimited']);
    const own = readFileSync('/proc/self/limits', 'utf8');
    expect(limitIn(limits, 'Max stack size')).toEqual(limitIn(own, 'Max stack size'));
  });

  test('can be left fewer descriptors than its start takes', async () => {
    const limits = (await procOf({ ...where, rlimits: { nofile: 4 } }))('limits');
    expect(limitIn(limits, 'Max open files')).toEqual(['4', '4']);
  });

  test('has the nice value, umask, processors and personality asked for', async () => {
    const processor = Number(/\d+$/.exec(new HostFiles().status('Cpus_allowed_list') ?? '')?.[0]);
    const options: LimitOptions = {
      niceness: 7,
      umask: '027',
      cpuAffinity: [processor],
      personality: 'ADDR_NO_RANDOMIZE',
    };
    const read = await procOf({ ...where, ...options });
    const status = read('status');
    expect(/^Umask:\s+(.*)$/m.exec(status)?.[1]).toBe('0027');
    expect(/^Cpus_allowed_list:\s+(.*)$/m.exec(status)?.[1]).toBe(String(processor));
    expect(read('stat').split(') ')[1]?.split(' ')[16]).toBe('7');
    expect(read('personality')).toBe('00040000\n');
  });

  test('has the oom_score_adj asked for', async () => {
    const read = await procOf({ ...where, oomScoreAdj: 900 });
    expect(read('oom_score_adj')).toBe('900\n');
  });
});

test('limits go with a program into namespaces that exist', async () => {
  await using set = await unshare(['user', 'pid', 'mnt']);
  const { stdout } = await set.execFile('sh', ['-c', 'ulimit -n; umask; cat /proc/self/oom_score_adj'], {
    rlimits: { nofile: 99 },
    umask: 0o77,
    oomScoreAdj: 800,
  });
  expect(stdout).toBe('99\n0077\n800\n');
});

test('clone() takes them too', async () => {
  await using child = await clone({ file: 'sh', args: ['-c', 'test $(ulimit -n) = 77'], rlimits: { nofile: 77 } });
  expect(await child.wait()).toEqual({ code: 0, signal: null });
});

test('personalities are or-ed', async () => {
  expect((await procOf({ personality: ['PER_LINUX32', 'ADDR_NO_RANDOMIZE'] }))('personality')).toBe('00040008\n');
  expect((await procOf({ personality: 0x40000 }))('personality')).toBe('00040000\n');
});

test('an init of ours is not limited', async () => {
  const child = await spawn('sleep', ['60'], { stdio: 'ignore', unshare: ['user', 'pid'], rlimits: { nofile: 64 } });
  started.push(child);
  const init = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? '';
  const limits = readFileSync(`/proc/${init}/limits`, 'utf8');
  expect(limitIn(limits, 'Max open files')[1]).toBe(String(openFiles));
});

needs({ root: true }).describe('as root', () => {
  test('a limit of processes that a user has exceeded does not keep a program of that user from starting', async () => {
    const first = await procOf({ uid: 4711, gid: 4711 });
    expect(first('status')).toContain('4711');
    const second = await procOf({ uid: 4711, gid: 4711, rlimits: { nproc: 1 } });
    expect(limitIn(second('limits'), 'Max processes')).toEqual(['1', '1']);
  });

  test('a program of another user may be favoured', async () => {
    const read = await procOf({ uid: 4712, gid: 4712, niceness: -3 });
    expect(read('stat').split(') ')[1]?.split(' ')[16]).toBe('-3');
  });
});

describe('what the kernel refuses says which, and why', () => {
  const refused = (options: SpawnOptions, error: object): Promise<void> =>
    expect(execFile('true', options)).rejects.toEqual(errorWith({ name: 'NamespaceError', ...error }));
  const hint = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

  const beyond = { nofile: { hard: openFiles + 1 } };
  const wants = (what: string): object => ({
    code: 'EPERM',
    syscall: 'prlimit',
    step: expect.stringContaining(what) as string,
  });

  (hasResource === 0n ? test : test.skip)('a higher hard limit', async () => {
    await refused(
      { rlimits: beyond },
      { ...wants('nofile'), hint: hint(/'nofile', which is \d+ here.*CAP_SYS_RESOURCE/) },
    );
  });

  test('a higher hard limit in a new user namespace, for root too', async () => {
    await refused({ rlimits: beyond, unshare: 'user' }, { ...wants('nofile'), hint: hint(/first user namespace/) });
  });

  (hasResource === 0n ? test : test.skip)('a lower oom_score_adj', async () => {
    await refused(
      { oomScoreAdj: -1000 },
      { code: 'EACCES', step: 'set oom_score_adj to -1000', hint: hint(/CAP_SYS_RESOURCE/) },
    );
  });

  test('a lower nice value in a new user namespace', async () => {
    await refused(
      { niceness: -5, unshare: 'user', rlimits: {} },
      { code: 'EACCES', syscall: 'setpriority', step: 'set nice value to -5', hint: hint(/CAP_SYS_NICE/) },
    );
  });

  needs({ unprivileged: true }).test('a lower nice value', async () => {
    await refused({ niceness: -5 }, { code: 'EACCES', step: 'set nice value to -5', hint: hint(/does not have/) });
  });

  test('processors that are not there', async () => {
    await refused(
      { cpuAffinity: [8191] },
      { code: 'EINVAL', step: 'set affinity to processors 8191', hint: hint(/this process may use \d/) },
    );
  });
});

describe('bad values reject before anything is started', () => {
  test.each<[options: object, code: string, message: RegExp]>([
    [{ rlimits: { nofiles: 1 } }, 'ERR_INVALID_ARG_VALUE', /'nofiles'.*nofile/s],
    [{ rlimits: 5 }, 'ERR_INVALID_ARG_TYPE', /options.rlimits/],
    [{ rlimits: { cpu: -1 } }, 'ERR_OUT_OF_RANGE', /options.rlimits.cpu/],
    [{ rlimits: { cpu: 'many' } }, 'ERR_INVALID_ARG_VALUE', /unlimited/],
    [{ rlimits: { cpu: { soft: 2, hard: 1 } } }, 'ERR_INVALID_ARG_VALUE', /options.rlimits.cpu.soft.*above/],
    [{ rlimits: { cpu: { soft: Infinity, hard: 1 } } }, 'ERR_INVALID_ARG_VALUE', /options.rlimits.cpu.soft/],
    [{ rlimits: { cpu: { most: 1 } } }, 'ERR_INVALID_ARG_VALUE', /'most'/],
    [{ niceness: 20 }, 'ERR_OUT_OF_RANGE', /options.niceness/],
    [{ niceness: '5' }, 'ERR_INVALID_ARG_TYPE', /options.niceness/],
    [{ umask: '8' }, 'ERR_INVALID_ARG_VALUE', /octal/],
    [{ umask: 0o1000 }, 'ERR_OUT_OF_RANGE', /options.umask/],
    [{ umask: true }, 'ERR_INVALID_ARG_TYPE', /options.umask/],
    [{ oomScoreAdj: 1001 }, 'ERR_OUT_OF_RANGE', /options.oomScoreAdj/],
    [{ cpuAffinity: [] }, 'ERR_INVALID_ARG_VALUE', /options.cpuAffinity/],
    [{ cpuAffinity: [9000] }, 'ERR_OUT_OF_RANGE', /options.cpuAffinity\[0\]/],
    [{ personality: 'LINUX' }, 'ERR_INVALID_ARG_VALUE', /PER_LINUX/],
    [{ personality: ['PER_LINUX', 5] }, 'ERR_INVALID_ARG_VALUE', /options.personality\[1\]/],
    [{ personality: 2 ** 32 }, 'ERR_OUT_OF_RANGE', /options.personality/],
  ])('%j', async (options, code, message) => {
    const expected = errorWith({ code, message: expect.stringMatching(message) as string });
    await expect(spawn('true', options)).rejects.toEqual(expected);
    await expect(clone({ file: 'true', ...options })).rejects.toEqual(expected);
  });
});
