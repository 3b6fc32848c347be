import { type CgroupSpec, spawn } from '../../lib';
import { parseCgroup } from '../../lib/cgroup/cgroup-spec';
import { errorWith } from '../fixtures/errors';

describe('limits are what the files of the kernel take', () => {
  test.each<[spec: CgroupSpec, writes: [file: string, text: string][]]>([
    [{}, []],
    [
      { memoryMax: 1048576, memoryHigh: 'max', memoryLow: 4096, memoryMin: 0 },
      [
        ['memory.max', '1048576'],
        ['memory.high', 'max'],
        ['memory.low', '4096'],
        ['memory.min', '0'],
      ],
    ],
    [
      { memorySwapMax: 0, memoryOomGroup: true },
      [
        ['memory.swap.max', '0'],
        ['memory.oom.group', '1'],
      ],
    ],
    [{ pidsMax: Infinity }, [['pids.max', 'max']]],
    [{ cpuMax: 50_000 }, [['cpu.max', '50000']]],
    [{ cpuMax: { quota: 200_000, period: 50_000 } }, [['cpu.max', '200000 50000']]],
    [{ cpuMax: { quota: 'max' } }, [['cpu.max', 'max']]],
    [
      { cpuWeight: 50, ioWeight: 200 },
      [
        ['cpu.weight', '50'],
        ['io.weight', 'default 200'],
      ],
    ],
    [
      { ioMax: { '8:0': { rbps: 1024, wiops: 'max' }, '8:16': { wbps: 1 } } },
      [
        ['io.max', '8:0 rbps=1024 wiops=max'],
        ['io.max', '8:16 wbps=1'],
      ],
    ],
    [
      { cpusetCpus: '0-3,7', cpusetMems: [0, 2] },
      [
        ['cpuset.cpus', '0-3,7'],
        ['cpuset.mems', '0,2'],
      ],
    ],
    [{ hugetlbMax: { '2MB': 4_194_304 } }, [['hugetlb.2MB.max', '4194304']]],
  ])('%j', (spec, writes) => {
    const { settings } = parseCgroup('options.cgroup', spec);
    expect(settings.map(({ file, text }) => [file, text])).toEqual(writes);
    expect(settings.map(({ controller }) => controller)).toEqual(writes.map(([file]) => file.split('.')[0]));
  });
});

describe('bad values reject before anything is made', () => {
  test.each<[cgroup: unknown, code: string, message: RegExp]>([
    [5, 'ERR_INVALID_ARG_TYPE', /options.cgroup/],
    [{ memoryMaximum: 1 }, 'ERR_INVALID_ARG_VALUE', /memoryMax/],
    [{ parent: 'user.slice' }, 'ERR_INVALID_ARG_VALUE', /options.cgroup.parent.*absolute/],
    [{ name: 'a/b' }, 'ERR_INVALID_ARG_VALUE', /options.cgroup.name/],
    [{ name: '..' }, 'ERR_INVALID_ARG_VALUE', /options.cgroup.name/],
    [{ name: '' }, 'ERR_INVALID_ARG_VALUE', /options.cgroup.name/],
    [{ memoryMax: -1 }, 'ERR_OUT_OF_RANGE', /options.cgroup.memoryMax/],
    [{ memoryMax: '1G' }, 'ERR_INVALID_ARG_VALUE', /'max'/],
    [{ memoryOomGroup: 1 }, 'ERR_INVALID_ARG_TYPE', /memoryOomGroup/],
    [{ pidsMax: 1.5 }, 'ERR_OUT_OF_RANGE', /pidsMax/],
    [{ cpuMax: 0.5 }, 'ERR_OUT_OF_RANGE', /cpuMax/],
    [{ cpuMax: 10 }, 'ERR_OUT_OF_RANGE', /cpuMax.*1000/],
    [{ cpuMax: { period: 1000 } }, 'ERR_INVALID_ARG_TYPE', /cpuMax.quota/],
    [{ cpuMax: { quota: 5000, period: 1 } }, 'ERR_OUT_OF_RANGE', /cpuMax.period/],
    [{ cpuWeight: 0 }, 'ERR_OUT_OF_RANGE', /cpuWeight/],
    [{ ioWeight: 10_001 }, 'ERR_OUT_OF_RANGE', /ioWeight/],
    [{ ioMax: { sda: {} } }, 'ERR_INVALID_ARG_VALUE', /major:minor/],
    [{ ioMax: { '8:0': { rbs: 1 } } }, 'ERR_INVALID_ARG_VALUE', /rbps/],
    [{ cpusetCpus: '0..3' }, 'ERR_INVALID_ARG_VALUE', /cpusetCpus/],
    [{ cpusetMems: [] }, 'ERR_INVALID_ARG_VALUE', /cpusetMems/],
    [{ hugetlbMax: { '2M': 1 } }, 'ERR_INVALID_ARG_VALUE', /2MB/],
  ])('%j', async (cgroup, code, message) => {
    const expected = errorWith({ code, message: expect.stringMatching(message) as string });
    await expect(spawn('true', { cgroup: cgroup as CgroupSpec })).rejects.toEqual(expected);
  });
});
