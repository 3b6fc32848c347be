import { readFileSync } from 'node:fs';
import { NamespaceError } from '../errors/namespace-error';
import { systemError } from '../errors/system-error';
import { native } from '../native';
import { inheritedDescriptors } from '../process/inherited';
import { directoryOfRunner, sharedTmpdir, testEnvironment } from './runner';
import { isolationSteps } from './steps';
import { temporaryFor } from './temporary';
import { WORDS_VARIABLE, parseWords } from './words';

/** Executes this process again in its namespaces. It stays the same process: its pid, its parent, its descriptors. */
export function isolate(): void {
  if (hasDebugger()) {
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

/** True if an option of Node's asks for a debugger. */
function hasDebugger(): boolean {
  const { NODE_OPTIONS = '' } = process.env;
  return [...process.execArgv, ...NODE_OPTIONS.split(' ')].some((option) => option.startsWith('--inspect'));
}
