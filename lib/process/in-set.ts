/** Starts programs in existing namespaces: what the methods of a NamespaceSet do. */
import { validateKnownKeys } from '../errors/validate';
import type { Namespace } from '../namespace/namespace';
import { EXEC_FILE_OPTIONS, type ExecResult, runExec, runExecFile } from './exec';
import { FORK_OPTIONS, runFork } from './fork';
import type { NamespaceProcess } from './namespace-process';
import type { ExecFileOptions, ExecOptions, ForkOptions, SpawnOptions } from './options';
import { SPAWN_OPTIONS, parseSpawn, sortArguments, startSpawn } from './spawn';

/** Options without `setns`, which is the set itself. */
export type InSet<Options> = Omit<Options, 'setns'>;

/** {@link spawn} with `setns`. */
export async function spawnIn(
  set: Iterable<Namespace>,
  file: string,
  args?: readonly string[] | InSet<SpawnOptions> | null,
  options?: InSet<SpawnOptions>,
): Promise<NamespaceProcess> {
  const [list, bag] = sortArguments(args, options);
  validateKnownKeys('options', bag, withoutSetns(SPAWN_OPTIONS));
  return startSpawn(parseSpawn(file, list, { ...bag, setns: set }));
}

/** {@link execFile} with `setns`. */
export async function execFileIn(
  set: Iterable<Namespace>,
  file: string,
  args?: readonly string[] | InSet<ExecFileOptions> | null,
  options?: InSet<ExecFileOptions>,
): Promise<ExecResult<string | Buffer>> {
  const [list, bag] = sortArguments(args, options);
  validateKnownKeys('options', bag, withoutSetns(EXEC_FILE_OPTIONS));
  return runExecFile(file, list, { ...bag, setns: set });
}

/** {@link exec} with `setns`. */
export async function execIn(
  set: Iterable<Namespace>,
  command: string,
  options: InSet<ExecOptions> = {},
): Promise<ExecResult<string | Buffer>> {
  validateKnownKeys('options', options, withoutSetns(EXEC_FILE_OPTIONS));
  return runExec(command, { ...options, setns: set });
}

/** {@link fork} with `setns`. */
export async function forkIn(
  set: Iterable<Namespace>,
  modulePath: string | URL,
  args?: readonly string[] | InSet<ForkOptions> | null,
  options?: InSet<ForkOptions>,
): Promise<NamespaceProcess> {
  const [list, bag] = sortArguments(args, options ?? {});
  validateKnownKeys('options', bag, withoutSetns(FORK_OPTIONS));
  return runFork(modulePath, list, { ...bag, setns: set });
}

function withoutSetns(names: readonly string[]): string[] {
  return names.filter((name) => name !== 'setns');
}
