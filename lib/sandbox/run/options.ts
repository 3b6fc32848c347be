import type { Writable } from 'node:stream';
import { type Check, type Checked, orNull, schemaOf, without } from '../../errors/schema';
import { invalidType } from '../../errors/validate';
import type { NamespaceProcess } from '../../process/namespace-process';
import type { ExecFileOptions, SpawnOptions } from '../../process/program-options';
import { type InSandbox, IN_SANDBOX } from '../rules';
import { type RunLimits, parseRunLimits } from './limits';

/**
 * The options of {@link Sandbox.run}: those of {@link Sandbox.execFile}, with limits in place of its own, and what a
 * program needs whose output is shown while it runs.
 */
export interface RunOptions extends Omit<InSandbox<ExecFileOptions>, 'timeout' | 'killSignal' | 'maxBuffer'> {
  /** The budget of all its processes together. Default: see each limit. */
  limits?: RunLimits | undefined;
  /**
   * Gets its standard output as it comes, cut to the limit; `stdout` of the result is empty then. It is not ended.
   * Default: none, the output is gathered.
   */
  stdout?: Writable | undefined;
  /** Gets its standard error as it comes, as {@link stdout} does. Default: none, it is gathered. */
  stderr?: Writable | undefined;
  /**
   * Its descriptors: {@link SpawnOptions.stdio}. Only pipes are gathered, and count for `limits.output`. Default: pipes
   * for standard output and standard error, and for standard input if there is `input`.
   */
  stdio?: SpawnOptions['stdio'];
  /**
   * A terminal in place of `stdio`: {@link SpawnOptions.pty}. What the program writes to it counts for `limits.output`,
   * and is not gathered: show it with {@link relayTerminal} in `onStart`. Default: none.
   */
  pty?: SpawnOptions['pty'];
  /** Is called once, as soon as the program runs: to send it signals, or to show its terminal. Default: none. */
  onStart?: ((child: NamespaceProcess) => void) | undefined;
}

const writable: Check<Writable> = (name, value) => {
  if (typeof (value as { write?: unknown } | null)?.write === 'function') return value as Writable;
  throw invalidType(name, 'an instance of Writable', value);
};

const callback: Check<(child: NamespaceProcess) => void> = (name, value) => {
  if (typeof value === 'function') return value as (child: NamespaceProcess) => void;
  throw invalidType(name, 'of type function', value);
};

export const parseRunOptions = schemaOf({
  ...without(IN_SANDBOX.execFile.checks, 'timeout', 'killSignal', 'maxBuffer'),
  limits: orNull(parseRunLimits),
  stdout: orNull(writable),
  stderr: orNull(writable),
  stdio: IN_SANDBOX.spawn.checks.stdio,
  pty: IN_SANDBOX.spawn.checks.pty,
  onStart: orNull(callback),
});

/** {@link RunOptions}, checked. */
export type CheckedRun = Checked<typeof parseRunOptions.checks>;
