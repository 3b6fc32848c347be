import { type NamespaceError, type UnshareSpec, unshare } from 'linux-ns';
import { NOTHING_ISOLATED, runnerEnvironment } from '../../lib/isolate/runner';
import { RunnerDirectory } from '../../lib/isolate/temporary';
import { parseWords } from '../../lib/isolate/words';
import { clocksOf } from '../clocks';
import { type Command, type Given, UsageError } from '../command';
import { printMessages } from '../output';
import { runProgram } from '../program';

export const testCommand: Command = {
  name: 'test',
  summary: 'Run a test runner, each process that it forks in namespaces of its own',
  operands: '[--] RUNNER [ARGUMENT...]',
  options: [
    { name: 'net', short: 'n', help: 'its own network: every port is free (the default)' },
    { name: 'tmp', short: 't', help: 'its own empty directory for temporary files' },
    { name: 'hostname', short: 'u', value: 'NAME', optional: true, help: 'its own hostname' },
    { name: 'time', short: 'T', help: 'its own clocks, for --monotonic and --boottime' },
    { name: 'monotonic', value: 'SECONDS', help: 'set the offset of CLOCK_MONOTONIC' },
    { name: 'boottime', value: 'SECONDS', help: 'set the offset of CLOCK_BOOTTIME' },
  ],
  runsProgram: true,
  notes: [
    'Jest: each worker has them. Vitest (forks) and node --test: each test file.',
    'The runner itself stays outside. What tests start is in their namespaces.',
  ],
  examples: [
    ['test -- npx vitest run', 'each test file may listen on the same port'],
    ['test --net --tmp -- npx jest', 'and has its own /tmp'],
    ['test --boottime=8640000 -- node --test', 'a host that has run for 100 days'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  if (given.operands.length === 0) throw new UsageError('which test runner? see linux-ns test --help');
  const words = wordsOf(given);
  await check(parseWords(words).unshare);
  const directory = RunnerDirectory.make();
  try {
    const env = runnerEnvironment(process.env, words, directory);
    const status = await runProgram(given.operands, { env }, 'forward');
    if (!directory.marked) printMessages([`linux-ns: test: ${NOTHING_ISOLATED}`]);
    return status;
  } finally {
    directory.remove();
  }
}

/** The options as the variable LINUX_NS_ISOLATE has them. */
function wordsOf(given: Given): string {
  const hostname = given.value('hostname');
  if (hostname !== undefined && !/^[^,=\s]{1,64}$/.test(hostname)) {
    throw new UsageError(`--hostname=${hostname}: no hostname, which has 64 letters at most`);
  }
  const words = [
    ...(['net', 'tmp', 'time'] as const).filter((option) => given.has(option)),
    ...(given.has('hostname') ? [hostname === undefined ? 'hostname' : `hostname=${hostname}`] : []),
    ...Object.entries(clocksOf(given)).map(([clock, seconds]) => `${clock}=${seconds}`),
  ];
  return words.length === 0 ? 'net' : words.join(',');
}

/** Makes such namespaces once. What this host does not allow is said before the runner starts, and not by each process. */
async function check(spec: UnshareSpec): Promise<void> {
  const user = { uidMap: 'current', gidMap: 'current' } as const;
  const set = await unshare(spec).catch((error: unknown) => {
    if ((error as NamespaceError).code !== 'EPERM') throw error;
    return unshare({ ...spec, user });
  });
  await set.close();
}
