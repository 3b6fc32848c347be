import { withoutPrototype } from '../errors/plain';
import { validateJoin } from '../launch/join';
import type { Joinable } from '../namespace/namespace';
import { type ExecResult, runExec, runExecFile } from './exec';
import { Gate } from './gate';
import { type PreparedProgram, endWaiting, preparedOf } from './prepared';
import { runFork } from './fork';
import type { NamespaceProcess } from './namespace-process';
import type { Confine } from './program';
import type { ExecFileOptions, ExecOptions, ForkOptions, SpawnOptions } from './program-options';
import { type CheckedProgram, type Schemas, parseFile, schemasWithout } from './schemas';
import { requestOf, sortArguments, startSpawn } from './spawn';

/** The rules for all programs of one place: some options are not theirs to give, and others are given for them. */
export interface Confinement {
  /** The schemas of the functions, without the options that programs of this place may not have. */
  readonly schemas: Schemas;
  /** The options to start a program with. @throws TypeError if they ask for more than the place allows */
  narrow<Options extends CheckedProgram>(options: Options): Options;
  readonly confine: Confine;
  /** Called with each program as soon as it runs. */
  readonly started: (child: NamespaceProcess) => void;
  /** The error to throw in place of one by which a program could not be started. Default: that one. */
  readonly explained?: (error: unknown) => unknown;
}

/** Namespaces that programs are started in, and what holds for all of them. */
export interface ProgramPlace {
  readonly setns: Joinable;
  readonly confinement: Confinement;
  /** Has something closed with the place; returns a function to call when it has been closed by itself. */
  readonly closeAlong: (close: () => Promise<void>) => () => void;
}

/** The rules of a place that only decides on the namespaces. */
export const UNCONFINED: Confinement = {
  schemas: schemasWithout('setns'),
  narrow: (options) => options,
  confine: (program) => program,
  started: () => undefined,
};

/** The options of a function, without `setns`: the set itself is joined. */
export type InSet<Options> = Omit<Options, 'setns'>;

/**
 * Starts programs in existing namespaces: the methods that a {@link NamespaceSet} and a {@link Sandbox} have in common.
 *
 * `Withheld` are the options that a program does not have here, because the place decides them.
 */
export abstract class Programs<Withheld extends PropertyKey = 'setns'> {
  /** The place where programs are started. @throws NamespaceError `ERR_LINUX_NS_CLOSED` @internal */
  protected abstract programPlace(): ProgramPlace;

  /**
   * Starts a program inside, as the function {@link spawn | spawn()} does with `setns`.
   *
   * @throws NamespaceError `ERR_LINUX_NS_CLOSED`; with `step`, `path` and `hint` when the program could not be started
   */
  async spawn(
    file: string,
    args?: readonly string[] | null,
    options?: Omit<SpawnOptions, Withheld>,
  ): Promise<NamespaceProcess>;
  async spawn(file: string, options?: Omit<SpawnOptions, Withheld>): Promise<NamespaceProcess>;
  async spawn(
    file: string,
    args?: readonly string[] | Omit<SpawnOptions, Withheld> | null,
    options?: Omit<SpawnOptions, Withheld>,
  ): Promise<NamespaceProcess> {
    const [list, bag] = sortArguments(args, options);
    return this.#inPlace(async ({ setns, confinement }) => {
      const checked = joining(setns, confinement.schemas.spawn('options', bag));
      const child = await startSpawn(
        requestOf(parseFile('file', file), list, confinement.narrow(checked), confinement.confine),
      );
      confinement.started(child);
      return child;
    });
  }

  /**
   * Runs a program inside to its end, and resolves with its output, as the function {@link execFile | execFile()} does
   * with `setns`.
   */
  async execFile(
    file: string,
    args: readonly string[] | null | undefined,
    options: Omit<ExecFileOptions, Withheld> & { encoding: 'buffer' | null },
  ): Promise<ExecResult<Buffer>>;
  async execFile(
    file: string,
    args?: readonly string[] | null,
    options?: Omit<ExecFileOptions, Withheld> & { encoding?: BufferEncoding | undefined },
  ): Promise<ExecResult>;
  async execFile(
    file: string,
    options: Omit<ExecFileOptions, Withheld> & { encoding: 'buffer' | null },
  ): Promise<ExecResult<Buffer>>;
  async execFile(
    file: string,
    options?: Omit<ExecFileOptions, Withheld> & { encoding?: BufferEncoding | undefined },
  ): Promise<ExecResult>;
  async execFile(
    file: string,
    args: readonly string[] | null | undefined,
    options: Omit<ExecFileOptions, Withheld>,
  ): Promise<ExecResult<string | Buffer>>;
  async execFile(file: string, options: Omit<ExecFileOptions, Withheld>): Promise<ExecResult<string | Buffer>>;
  async execFile(
    file: string,
    args?: readonly string[] | Omit<ExecFileOptions, Withheld> | null,
    options?: Omit<ExecFileOptions, Withheld>,
  ): Promise<ExecResult<string | Buffer>> {
    const [list, bag] = sortArguments(args, options);
    return this.#inPlace(({ setns, confinement }) =>
      runExecFile(
        file,
        list,
        confinement.narrow(joining(setns, confinement.schemas.execFile('options', bag))),
        confinement.confine,
        confinement.started,
      ),
    );
  }

  /**
   * Runs a command line in the shell that is inside, /bin/sh, as the function {@link exec | exec()} does with `setns`.
   */
  async exec(
    command: string,
    options: Omit<ExecOptions, Withheld> & { encoding: 'buffer' | null },
  ): Promise<ExecResult<Buffer>>;
  async exec(
    command: string,
    options?: Omit<ExecOptions, Withheld> & { encoding?: BufferEncoding | undefined },
  ): Promise<ExecResult>;
  async exec(command: string, options: Omit<ExecOptions, Withheld>): Promise<ExecResult<string | Buffer>>;
  async exec(command: string, options: unknown = {}): Promise<ExecResult<string | Buffer>> {
    return this.#inPlace(({ setns, confinement }) =>
      runExec(
        command,
        confinement.narrow(joining(setns, confinement.schemas.exec('options', options))),
        confinement.confine,
        confinement.started,
      ),
    );
  }

  /**
   * Runs a Node module inside, with a channel for messages, as the function {@link fork | fork()} does with `setns`.
   * See {@link ForkOptions.hostNode} for a root without Node.
   */
  async fork(
    modulePath: string | URL,
    args?: readonly string[] | null,
    options?: Omit<ForkOptions, Withheld>,
  ): Promise<NamespaceProcess>;
  async fork(modulePath: string | URL, options?: Omit<ForkOptions, Withheld>): Promise<NamespaceProcess>;
  async fork(
    modulePath: string | URL,
    args?: readonly string[] | Omit<ForkOptions, Withheld> | null,
    options?: Omit<ForkOptions, Withheld>,
  ): Promise<NamespaceProcess> {
    const [list, bag] = sortArguments(args, options ?? {});
    return this.#inPlace(async ({ setns, confinement }) => {
      const checked = joining(setns, confinement.schemas.fork('options', bag));
      const child = await runFork(modulePath, list, confinement.narrow(checked), confinement.confine);
      confinement.started(child);
      return child;
    });
  }

  /**
   * Does all that starting a program inside takes, up to the point from which programs inside would see it, and waits there:
   * {@link PreparedProgram.start} lets it go. The options are those of {@link spawn}, without `timeout`. It is closed with
   * this object.
   *
   * @throws NamespaceError `ERR_LINUX_NS_CLOSED`; with `step`, `path` and `hint` when the namespaces cannot be joined. That a
   * program cannot be started is an error of `start()`
   *
   * @example
   * ```ts
   * const prepared = await sandbox.prepare('/bin/true');
   * const child = await prepared.start();
   * ```
   */
  async prepare(
    file: string,
    args?: readonly string[] | null,
    options?: Omit<SpawnOptions, Withheld | 'timeout'>,
  ): Promise<PreparedProgram> {
    const [list, bag] = sortArguments(args, options);
    return this.#inPlace(async ({ setns, confinement, closeAlong }) => {
      const checked = joining(setns, confinement.schemas.prepare('options', bag));
      const request = requestOf(parseFile('file', file), list, confinement.narrow(checked), confinement.confine);
      const gate = new Gate();
      const starting = startSpawn({ ...request, program: { ...request.program, gate } });
      const prepared = await preparedOf(gate, starting, file);
      const forget = closeAlong(() => endWaiting(gate, starting));
      void starting.then(confinement.started, () => undefined).finally(forget);
      return prepared;
    });
  }

  async #inPlace<T>(start: (place: ProgramPlace) => Promise<T>): Promise<T> {
    const place = this.programPlace();
    try {
      return await start(place);
    } catch (error) {
      throw place.confinement.explained?.(error) ?? error;
    }
  }
}

/** @throws NamespaceError `ERR_LINUX_NS_CLOSED` for a closed set */
function joining<Options extends CheckedProgram>(setns: Joinable, options: Options): Options {
  return withoutPrototype(options, { setns: validateJoin('options.setns', setns) });
}
