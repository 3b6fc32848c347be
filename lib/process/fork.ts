import { validatePath } from '../errors/validate';
import { joinsMounts } from '../launch/launch';
import { findHostNode } from './find-host-node';
import type { NamespaceProcess } from './namespace-process';
import type { ForkOptions } from './program-options';
import type { Confine } from './program';
import { type CheckedFork, SCHEMAS } from './schemas';
import { type SpawnRequest, deadlineOf, requestOf, sortArguments, startSpawn } from './spawn';
import { parseStdio } from './stdio';

/** The words that the option `stdio` can have in place of an array. */
const WORDS = ['pipe', 'overlapped', 'ignore', 'inherit'];

/**
 * Runs a Node module in a process of its own, in namespaces as {@link spawn} does, with a channel for messages:
 * `send()` and `'message'` here, `process.send()` and `'message'` of `process` there. Resolves when its Node runs; a
 * message that comes before anybody listens is kept.
 *
 * Descriptors 0, 1 and 2 are those of this process, 3 is the channel; `silent` and `stdio` change that.
 *
 * Rejects as {@link spawn}, and with an Error `ERR_CHILD_PROCESS_IPC_REQUIRED` for an array `stdio` without `'ipc'`.
 *
 * @param modulePath - the module. The new process looks for it, in its own root and from its own directory
 * @param args - the arguments that the module finds in `process.argv`, from index 2 on. Default: none
 *
 * @example
 * ```ts
 * const child = await fork('./worker.js', { unshare: { user: true, net: true } });
 * child.on('message', (answer) => console.log(answer));
 * child.send({ question: 'which links do you have?' });
 * ```
 */
export async function fork(
  modulePath: string | URL,
  args?: readonly string[] | null,
  options?: ForkOptions,
): Promise<NamespaceProcess>;
export async function fork(modulePath: string | URL, options?: ForkOptions): Promise<NamespaceProcess>;
export async function fork(
  modulePath: string | URL,
  args?: readonly string[] | ForkOptions | null,
  options?: ForkOptions,
): Promise<NamespaceProcess> {
  const [list, bag] = sortArguments(args, options ?? {});
  return runFork(modulePath, list, SCHEMAS.fork('options', bag));
}

/** Does what {@link fork} does, with options that have been checked. */
export async function runFork(
  modulePath: unknown,
  args: readonly string[],
  options: CheckedFork,
  confine?: Confine,
): Promise<NamespaceProcess> {
  const { execPath = process.execPath, execArgv = ownArguments(), silent, hostNode } = options;
  const module = validatePath('modulePath', modulePath);
  const stdio = forkStdio(options.stdio, silent === true);
  const request = requestOf(execPath, [...execArgv, module, ...args], { ...options, stdio }, confine);
  const deadline = deadlineOf(request);
  try {
    return await startSpawn(hostNode === true ? await withHostNode(request) : request, deadline);
  } finally {
    deadline.end();
  }
}

/** Adds the host's Node to a request. Nothing is added if no other root is entered. */
async function withHostNode(request: SpawnRequest): Promise<SpawnRequest> {
  const { program } = request;
  if (!joinsMounts(program.target)) return request;
  const hostNode = await findHostNode(program.file);
  return { ...request, program: { ...program, hostNode } };
}

function forkStdio(stdio: unknown, silent: boolean): NonNullable<ForkOptions['stdio']> {
  if (Array.isArray(stdio)) {
    const entries = Array.from(stdio as unknown[]) as Exclude<ForkOptions['stdio'], string | undefined>;
    if (entries.includes('ipc')) return entries;
    const text = "Forked processes must have an IPC channel, missing value 'ipc' in options.stdio";
    throw Object.assign(new Error(text), { code: 'ERR_CHILD_PROCESS_IPC_REQUIRED' });
  }
  if (stdio != null && !WORDS.includes(stdio as string)) parseStdio(stdio);
  const word = (stdio ?? (silent ? 'pipe' : 'inherit')) as 'pipe';
  return [word, word, word, 'ipc'];
}

/**
 * The arguments of this Node, without `--eval` and its script, as in Node: the child would run the script again, and so
 * fork again and again.
 */
function ownArguments(): readonly string[] {
  const { _eval: script } = process as { _eval?: string };
  const at = script === undefined ? -1 : process.execArgv.lastIndexOf(script);
  return at > 0 ? process.execArgv.filter((_, index) => index !== at && index !== at - 1) : process.execArgv;
}
