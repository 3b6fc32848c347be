/**
 * What each Node does that loads `linux-ns/isolate`, before its program runs. A process of a test runner is executed
 * again, in namespaces of its own. A test runner prepares its environment for the processes that it will fork.
 */
import { readFileSync } from 'node:fs';
import { url as inspectorUrl } from 'node:inspector';
import { isMainThread } from 'node:worker_threads';
import type { Step } from '../../types/native';
import { NamespaceError } from '../errors/namespace-error';
import { systemError } from '../errors/system-error';
import { native } from '../native';
import { inheritedDescriptors } from '../process/inherited';
import type * as failures from '../task/failure';
import {
  NOTHING_ISOLATED,
  directoryOfRunner,
  programOptions,
  runnerEnvironment,
  sharedTmpdir,
  testEnvironment,
} from './runner';
import { isolationSteps } from './steps';
import { RunnerDirectory, temporaryFor } from './temporary';
import { WORDS_VARIABLE, parseWords } from './words';

export function preload(): void {
  if (!isMainThread) return;
  if (process.env.LINUX_NS_STEPS !== undefined) arrive();
  else if (isTestProcess()) isolate();
  else prepare();
}

/**
 * True for a process that a test runner has forked: with an IPC channel, as Jest, Vitest and most others do, or as
 * node:test does. The runner of node:test, and a process that `node --watch` starts again and again, are none.
 */
function isTestProcess(): boolean {
  const { NODE_TEST_CONTEXT = '', WATCH_REPORT_DEPENDENCIES } = process.env;
  if (process.execArgv.includes('--test')) return false;
  if (NODE_TEST_CONTEXT.startsWith('child')) return true;
  return process.channel != null && WATCH_REPORT_DEPENDENCIES === undefined;
}

/** Executes this process again in its namespaces. It stays the same process: its pid, its parent, its descriptors. */
function isolate(): void {
  if (inspectorUrl() !== undefined) {
    process.emitWarning('a process with a debugger is not isolated: the debugger could not reach it', {
      code: 'LINUX_NS_NOT_ISOLATED',
    });
    return;
  }
  if (process.channel != null && performance.nodeTiming.loopStart !== -1) throw loadedTooLate();
  const { env, execPath, execArgv, argv0, argv } = process;
  const isolation = parseWords(env[WORDS_VARIABLE]);
  const directory = directoryOfRunner(env);
  const needed = [process.cwd(), execPath, __dirname, ...argv.slice(1, 2), ...(directory ? [directory.tmp] : [])];
  const temporary = isolation.tmp ? temporaryFor(sharedTmpdir(env), needed) : undefined;
  const self = { ...native().credentials(), fds: inheritedDescriptors(), cwd: process.cwd() };
  const steps = isolationSteps(isolation, self, temporary);
  const environment = { ...testEnvironment(initialEnvironment()), LINUX_NS_STEPS: JSON.stringify(steps) };
  const pairs = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  directory?.mark();
  try {
    native().execInPlace([...steps, ['exec', execPath, [argv0, ...execArgv, ...argv.slice(1)], pairs]]);
  } catch (error) {
    throw systemError(error, { step: 'isolate', operation: 'exec' });
  }
}

/**
 * The second start, inside. Programs that this process starts are in its namespaces, and get none of their own.
 *
 * LINUX_NS_STEPS has the steps that have brought it there, to make an error of them; LINUX_NS_FAILED is there if one has
 * failed (PLAN_FAILED_VARIABLE of src/plan/plan.h).
 */
function arrive(): void {
  const { LINUX_NS_STEPS: steps = '[]', LINUX_NS_FAILED: failed, NODE_OPTIONS = '' } = process.env;
  const options = programOptions(NODE_OPTIONS);
  if (options === undefined) delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = options;
  delete process.env.LINUX_NS_STEPS;
  delete process.env.LINUX_NS_FAILED;
  if (failed !== undefined) throw failure(failed, JSON.parse(steps) as Step[]);
}

/** The error of a step: `'3 1 unshare '` is its index, the errno, the system call, and the path if there is one. */
function failure(text: string, steps: readonly Step[]): NamespaceError {
  const [step = '', errno = '', syscall = '', ...rest] = text.split(' ');
  const path = rest.join(' ');
  // It is loaded only here: a process that is isolated needs no explanation.
  const { launchError } = require('../task/failure') as typeof failures;
  const told = { phase: 'step', step: Number(step), errno: Number(errno), syscall } as const;
  return launchError(path === '' ? told : { ...told, path }, { flags: 0, steps });
}

/** Prepares the processes that this one will fork, unless a process above has done so. */
function prepare(): void {
  if (directoryOfRunner(process.env) !== undefined) return;
  const directory = RunnerDirectory.make();
  const before = { ...process.env };
  const env = runnerEnvironment(before, before[WORDS_VARIABLE], directory);
  for (const [name, value] of Object.entries(env)) if (value !== before[name]) process.env[name] = value;
  process.on('exit', () => {
    if (!directory.marked) process.stderr.write(`linux-ns: isolate: ${NOTHING_ISOLATED}\n`);
    directory.remove();
  });
}

/** The environment that this process was started with: Node has removed variables from `process.env`. */
function initialEnvironment(): NodeJS.ProcessEnv {
  const pairs = readFileSync('/proc/self/environ', 'utf8').split('\0').slice(0, -1);
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function loadedTooLate(): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    message: 'linux-ns/isolate was loaded when Node may have read messages of the test runner already',
    hint: "Load it in the process of the test runner itself as well, or with '--require' instead of '--import'.",
  });
}
