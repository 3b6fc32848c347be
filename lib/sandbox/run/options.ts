import { type Checked, orNull, schemaOf, without } from '../../errors/schema';
import type { ExecFileOptions } from '../../process/program-options';
import { type InSandbox, IN_SANDBOX } from '../rules';
import { type RunLimits, parseRunLimits } from './limits';

/** The options of {@link Sandbox.run}: those of {@link Sandbox.execFile}, with limits in place of its own. */
export interface RunOptions extends Omit<InSandbox<ExecFileOptions>, 'timeout' | 'killSignal' | 'maxBuffer'> {
  /** What it may use, all its processes together. Default: see each limit. */
  limits?: RunLimits | undefined;
}

export const parseRunOptions = schemaOf({
  ...without(IN_SANDBOX.execFile.checks, 'timeout', 'killSignal', 'maxBuffer'),
  limits: orNull(parseRunLimits),
});

/** {@link RunOptions}, checked. */
export type CheckedRun = Checked<typeof parseRunOptions.checks>;
