/** Starts programs in existing namespaces: what the methods of a NamespaceSet do. */
import { validateJoin } from '../launch/join';
import type { Namespace } from '../namespace/namespace';
import { type ExecResult, runExec, runExecFile } from './exec';
import { runFork } from './fork';
import type { NamespaceProcess } from './namespace-process';
import type { Confine } from './program';
import type { ExecFileOptions, ExecOptions, ForkOptions, SpawnOptions } from './program-options';
import { type CheckedProgram, type Schemas, parseFile, schemasWithout } from './schemas';
import { requestOf, sortArguments, startSpawn } from './spawn';

/** The rules for all programs of a set: some options are not theirs to give, and others are given for them. */
export interface Confinement {
  /** Without the options that are errors. */
  readonly schemas: Schemas;
  /** The options to start with. @throws TypeError if they ask for more than there is to have */
  narrow<Options extends CheckedProgram>(options: Options): Options;
  readonly confine: Confine;
  /** Called with each program as soon as it runs. */
  readonly started: (child: NamespaceProcess) => void;
}

const IN_SET = schemasWithout('setns');

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
  const checked = joining(set, confinement.schemas.spawn('options', bag));
  const request = requestOf(parseFile('file', file), list, confinement.narrow(checked), confinement.confine);
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
  const checked = joining(set, confinement.schemas.execFile('options', bag));
  return runExecFile(file, list, confinement.narrow(checked), confinement.confine, confinement.started);
}

/** {@link exec} with `setns`. */
export async function execIn(
  set: Iterable<Namespace>,
  command: string,
  options: InSet<ExecOptions> = {},
  confinement: Confinement = free,
): Promise<ExecResult<string | Buffer>> {
  const checked = joining(set, confinement.schemas.exec('options', options));
  return runExec(command, confinement.narrow(checked), confinement.confine, confinement.started);
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
  const checked = joining(set, confinement.schemas.fork('options', bag));
  const child = await runFork(modulePath, list, confinement.narrow(checked), confinement.confine);
  confinement.started(child);
  return child;
}

const free: Confinement = {
  schemas: IN_SET,
  narrow: (options) => options,
  confine: (program) => program,
  started: () => undefined,
};

/** @throws NamespaceError `ERR_LINUX_NS_CLOSED` for a closed set */
function joining<Options extends CheckedProgram>(set: Iterable<Namespace>, options: Options): Options {
  return { ...options, setns: validateJoin('options.setns', set) };
}
