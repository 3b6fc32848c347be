import { schema } from '../errors/schema';
import { validateString } from '../errors/validate';
import { printable } from '../errors/printable';
import type { ExecError, ExecResult } from '../process/exec';
import { sortArguments } from '../process/spawn';
import { type ProgramsPlace, openRunner } from './target';
import { Waiting } from './wait';
import { WAIT_FOR_PROGRAM, type WaitForProgramOptions, programOf } from './wait-options';

/** Options of {@link exec}. Unknown ones are errors. */
export type WaitExecOptions = WaitForProgramOptions;

const parseExec = schema<WaitExecOptions>()(WAIT_FOR_PROGRAM);

/** The most letters of the output of an attempt that the error shows. */
const SHOWN = 500;

/**
 * Waits until a program succeeds: it is run again and again until its exit code is 0. The one that runs when the wait is
 * given up is killed.
 *
 * The arguments can be left out, as those of {@link execFile | execFile()}.
 *
 * @param target - where to run it: a set, a sandbox, a host of a lab, or the namespaces of a program, whose end ends the wait
 * @returns the output of the run that has succeeded
 * @throws NamespaceError `ETIMEDOUT`, with the last exit code and output; `ERR_LINUX_NS_ENDED`, `ERR_LINUX_NS_CLOSED`; at
 * once when there is no such program
 *
 * @example
 * ```ts
 * await waitFor.exec(set, 'pg_isready');
 * ```
 */
export async function exec(
  target: ProgramsPlace,
  file: string,
  args?: readonly string[] | null,
  options?: WaitExecOptions,
): Promise<ExecResult>;
export async function exec(target: ProgramsPlace, file: string, options?: WaitExecOptions): Promise<ExecResult>;
export async function exec(
  target: ProgramsPlace,
  file: string,
  args?: readonly string[] | WaitExecOptions | null,
  options?: WaitExecOptions,
): Promise<ExecResult> {
  validateString('file', file);
  const [command, bag] = sortArguments(args, options);
  const parsed = parseExec('options', bag);
  const { program = programOf(target) } = parsed;
  using waiting = new Waiting({ subject: printable([file, ...command].join(' ')), verb: 'succeed' }, parsed, program);
  if (program !== undefined) waiting.endWhen(program.exited);
  const first = await waiting.until(async (signal): Promise<ExecResult | Error> => {
    const runner = await openRunner(target);
    try {
      return await runner.run(file, command, { signal, killSignal: 'SIGKILL' });
    } catch (error) {
      // What could not be started will not start later; the namespaces of a program that has ended are gone.
      if ((error as NodeJS.ErrnoException).syscall?.startsWith('exec') === true) return error as Error;
      throw described(error as ExecError<string>);
    } finally {
      await runner.close();
    }
  });
  if (first instanceof Error) throw first;
  return first;
}

/** Says in one line how a run has failed. */
function described(error: ExecError<string>): Error {
  if (typeof error.stderr !== 'string' || error.code === 'ABORT_ERR') return error;
  const said = `${error.stdout}${error.stderr}`.trim().slice(-SHOWN);
  const how = error.signal ?? `exit code ${String(error.code)}`;
  return new Error(said === '' ? how : `${how}: ${said}`, { cause: error });
}
