/** Starts programs in existing namespaces: what the methods of a NamespaceSet do. */
import { plain } from '../errors/plain';
import { validateKnownKeys, validateObject } from '../errors/validate';
import type { Namespace } from '../namespace/namespace';
import { EXEC_FILE_OPTIONS, type ExecResult, runExec, runExecFile } from './exec';
import { FORK_OPTIONS, runFork } from './fork';
import type { NamespaceProcess } from './namespace-process';
import type { ExecFileOptions, ExecOptions, ForkOptions, ProgramOptions, SpawnOptions } from './program-options';
import type { Confine } from './program';
import { SPAWN_OPTIONS, parseSpawn, sortArguments, startSpawn } from './spawn';

/** What holds for all programs of a set: some options are not theirs to give, and others are given for them. */
export interface Confinement {
  /** Names of options that are errors. */
  readonly withheld: readonly string[];
  /** The options to start with. @throws TypeError where they ask for more than there is to have */
  complete<Options extends ProgramOptions>(options: Options): Options;
  readonly confine: Confine;
  /** Called with each program as soon as it runs. */
  readonly started: (child: NamespaceProcess) => void;
}

/** Options without `setns`, which is the set itself. */
export type InSet<Options> = Omit<Options, 'setns'>;

/** {@link spawn} with `setns`. */
export async function spawnIn(
  set: Iterable<Namespace>,
  file: string,
  args?: readonly string[] | InSet<SpawnOptions> | null,
  options?: InSet<SpawnOptions>,
  confinement: Confinement = free,
): Promise<NamespaceProcess> {
  const [list, bag] = sortArguments(args, options);
  validateNames(bag, SPAWN_OPTIONS, confinement);
  const request = parseSpawn(file, list, confinement.complete({ ...bag, setns: set }), confinement.confine);
  const child = await startSpawn(request);
  confinement.started(child);
  return child;
}

/** {@link execFile} with `setns`. */
export async function execFileIn(
  set: Iterable<Namespace>,
  file: string,
  args?: readonly string[] | InSet<ExecFileOptions> | null,
  options?: InSet<ExecFileOptions>,
  confinement: Confinement = free,
): Promise<ExecResult<string | Buffer>> {
  const [list, bag] = sortArguments(args, options);
  validateNames(bag, EXEC_FILE_OPTIONS, confinement);
  const { confine, started } = confinement;
  return runExecFile(file, list, confinement.complete({ ...bag, setns: set }), confine, started);
}

/** {@link exec} with `setns`. */
export async function execIn(
  set: Iterable<Namespace>,
  command: string,
  given: InSet<ExecOptions> = {},
  confinement: Confinement = free,
): Promise<ExecResult<string | Buffer>> {
  const options = plain(given);
  validateNames(options, EXEC_FILE_OPTIONS, confinement);
  const { confine, started } = confinement;
  return runExec(command, confinement.complete({ ...options, setns: set }), confine, started);
}

/** {@link fork} with `setns`. */
export async function forkIn(
  set: Iterable<Namespace>,
  modulePath: string | URL,
  args?: readonly string[] | InSet<ForkOptions> | null,
  options?: InSet<ForkOptions>,
  confinement: Confinement = free,
): Promise<NamespaceProcess> {
  const [list, bag] = sortArguments(args, options ?? {});
  validateNames(bag, FORK_OPTIONS, confinement);
  const child = await runFork(modulePath, list, confinement.complete({ ...bag, setns: set }), confinement.confine);
  confinement.started(child);
  return child;
}

const free: Confinement = {
  withheld: [],
  complete: (options) => options,
  confine: (program) => program,
  started: () => undefined,
};

/** The names that may be given are listed only for an error that tells them. */
function validateNames(options: object, names: readonly string[], { withheld }: Confinement): void {
  validateObject('options', options);
  const may = (name: string): boolean => name !== 'setns' && !withheld.includes(name);
  if (Object.keys(options).every((name) => may(name) && names.includes(name))) return;
  validateKnownKeys('options', options, names.filter(may));
}
