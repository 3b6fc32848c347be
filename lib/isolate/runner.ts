/** The process that runs a test runner: what it needs so that the processes that it forks are isolated. */
import { tmpdir } from 'node:os';
import { MODULE, isModule } from './module';
import { withModule } from './node-options';
import { RunnerDirectory } from './temporary';
import { WORDS_VARIABLE, parseWords } from './words';

/** The path of the {@link RunnerDirectory}. */
const RUNNER_VARIABLE = 'LINUX_NS_RUNNER';

/** The TMPDIR that the runner was started with; absent if there was none. */
const TMPDIR_VARIABLE = 'LINUX_NS_TMPDIR';

/** Said at the end if nothing has been isolated. */
export const NOTHING_ISOLATED =
  'no process of the test runner got namespaces of its own. It may have run the tests in its own process, as Jest does ' +
  'with one test file or few fast ones (workerIdleMemoryLimit keeps it from that), or in threads (Vitest: --pool=forks)';

/**
 * The environment of a test runner whose processes are to be isolated.
 *
 * @param words - see {@link parseWords}
 * @throws TypeError for words that are not valid
 */
export function runnerEnvironment(
  env: NodeJS.ProcessEnv,
  words: string | undefined,
  directory: RunnerDirectory,
): NodeJS.ProcessEnv {
  const { tmp } = parseWords(words);
  const { TMPDIR, NODE_OPTIONS = '' } = env;
  return {
    ...env,
    [WORDS_VARIABLE]: words,
    [RUNNER_VARIABLE]: directory.path,
    NODE_OPTIONS: withModule(NODE_OPTIONS, MODULE, isModule),
    ...(tmp ? { TMPDIR: directory.tmp, [TMPDIR_VARIABLE]: TMPDIR } : {}),
  };
}

/** The directory of the runner that this process belongs to; undefined if its runner has not been prepared. */
export function directoryOfRunner(env: NodeJS.ProcessEnv): RunnerDirectory | undefined {
  const path = env[RUNNER_VARIABLE];
  return path === undefined ? undefined : new RunnerDirectory(path);
}

/** The directory for temporary files that the processes of the runner would have without it. */
export function sharedTmpdir(env: NodeJS.ProcessEnv): string {
  return directoryOfRunner(env)?.tmp === env.TMPDIR ? (env[TMPDIR_VARIABLE] ?? '/tmp') : tmpdir();
}

/** The environment of a process of the runner without all that is meant for the runner and for this module. */
export function testEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { [RUNNER_VARIABLE]: path, [WORDS_VARIABLE]: _, [TMPDIR_VARIABLE]: before, TMPDIR, ...rest } = env;
  const isRunners = path !== undefined && TMPDIR === new RunnerDirectory(path).tmp;
  const own = isRunners ? before : TMPDIR;
  return { ...rest, ...(own === undefined ? {} : { TMPDIR: own }) };
}
