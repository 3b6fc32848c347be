import { integer, schema } from '../errors/schema';
import { NamespaceError } from '../errors/namespace-error';
import type { NamespaceProcess } from '../process/namespace-process';
import type { Exit } from '../task/task';
import { Waiting, lastLines } from './wait';
import { WAIT, type WaitOptions, program } from './wait-options';

/** Options of {@link exit}. Unknown ones are errors. */
export interface WaitExitOptions extends WaitOptions {
  /** The exit code that it has to end with. Default: it may end in any way. */
  code?: number | undefined;
}

const parseExit = schema<WaitExitOptions>()({ ...WAIT, code: integer(0, 255) });

/**
 * Waits until a program has ended. It is not ended by this.
 *
 * @returns how it ended
 * @throws NamespaceError `ETIMEDOUT`; `ERR_LINUX_NS_ENDED` when it has ended in another way than with `code`
 *
 * @example
 * ```ts
 * await waitFor.exit(migration, { code: 0, timeout: 60_000 });
 * ```
 */
export async function exit(child: NamespaceProcess, options: WaitExitOptions = {}): Promise<Exit> {
  program('child', child);
  const parsed = parseExit('options', options);
  const { code } = parsed;
  child.logs();
  using waiting = new Waiting({ subject: `${child.spawnfile} (pid ${child.pid})`, verb: 'end' }, parsed, child);
  const how = await waiting.once(child.exited);
  if (code === undefined || how.code === code) return how;
  const end = how.signal ?? `exit code ${String(how.code)}`;
  throw new NamespaceError({
    code: 'ERR_LINUX_NS_ENDED',
    message: `${child.spawnfile} (pid ${child.pid}) ended with ${end}, and not with exit code ${code}`,
    step: `wait for ${child.spawnfile}`,
    hint: await lastLines(child),
  });
}
