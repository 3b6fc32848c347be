import { NOTHING_ISOLATED, directoryOfRunner, runnerEnvironment } from './runner';
import { RunnerDirectory } from './temporary';
import { WORDS_VARIABLE } from './words';

/** Prepares the processes that this one will fork, unless a process above has done so. */
export function prepare(): void {
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
