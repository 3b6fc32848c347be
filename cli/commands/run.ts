import { Namespace, Sandbox } from 'linux-ns';
import { type EgressPolicy, networkNamespaces } from 'linux-ns/network';
import { existsSync } from 'node:fs';
import { isatty } from 'node:tty';
import { numberOf, oneOf } from '../arguments';
import { type Command, type Given, UsageError } from '../command';
import { print, printJson, printMessages } from '../output';
import { Asker } from '../run/ask';
import { ProjectCopy } from '../run/copy';
import { Report, expose, exposedOf } from '../run/egress';
import { explain } from '../run/explain';
import { Budget, limitsOf } from '../run/limits';
import { RUN_OPTIONS } from '../run/options';
import { onDescriptors, onTerminal, starterOf, stdioOf } from '../run/program';
import { type SpecFile, specOf } from '../run/sandbox-spec';
import { settingsOf } from '../run/settings';

export const runCommand: Command = {
  name: 'run',
  summary: 'Run a program in a sandbox that has only what the options grant',
  operands: '[--] PROGRAM [ARGUMENT...]',
  options: RUN_OPTIONS,
  runsProgram: true,
  examples: [
    ['run -p . -- npm test', 'only this directory is writable'],
    ['run -H --allow-host a.example bash', 'reaches this host alone'],
    ['run -p . --overlay -- make', 'on a copy; asks what to apply'],
  ],
  run,
};

/**
 * The pid of the process whose end `--die-with-parent` follows. The children of a process that ends get another parent.
 */
const PARENT = process.ppid;

/** The milliseconds between two checks of the parent. */
const LOOK = 100;

/** The largest number of a descriptor under the usual RLIMIT_NOFILE. */
const MOST_DESCRIPTOR = 1023;

async function run(given: Given): Promise<number> {
  const kept = descriptorsOf(given);
  const { settings, differences } = settingsOf(given);
  const { network, ...spec } = specOf(given, settings);
  const limits = limitsOf(settings.limits ?? {});
  const exposed = exposedOf(given, network);
  printMessages(differences.map((each) => `linux-ns: run: ${each}`));
  if (given.has('explain')) {
    const program = given.operands;
    const what = given.value('explain');
    if (what !== undefined) oneOf('--explain', what, ['settings']);
    if (what === undefined) print(explain({ spec: { ...spec, network }, limits, exposed, program }));
    else printJson(settings, 2);
    return 0;
  }
  refuseEmpty(spec, given.has('spec'));
  const terminal = spec.terminal !== false && spec.dev !== false && [0, 1, 2].every((fd) => isatty(fd));
  if (terminal && kept.some((fd) => fd > 2)) {
    throw new UsageError(
      '--preserve-fd: a program on a terminal gets no other descriptors: redirect its input or output',
    );
  }
  const [file, ...args] = programOf(given, terminal);
  await using copy = await ProjectCopy.open(given, spec.project, terminal);
  // With a budget all that the program has started ends with it: nothing writes in the copy after that.
  const budget = limits === undefined && copy === undefined ? undefined : new Budget(limits ?? {});
  const reportFile = given.value('report');
  if (terminal && reportFile === '-') {
    throw new UsageError('--report: standard error is the terminal that the program has: name a file, or redirect it');
  }
  await using report = reportFile === undefined ? undefined : await Report.open(reportFile);
  await using asker = given.has('ask') ? await Asker.open(terminal) : undefined;
  const net = typeof network === 'object' ? withAsker(network, asker) : await networkOf(network);
  const [user, pid] = await Promise.all([namespaceOf(given.value('userns')), namespaceOf(given.value('pidns'))]);
  try {
    await using sandbox = await Sandbox.create({
      ...spec,
      ...(net === undefined ? {} : { network: net }),
      ...(user === undefined && pid === undefined ? {} : { namespaces: { user, pid } }),
    });
    if (sandbox.egress !== undefined) report?.follow(sandbox.egress);
    await expose(sandbox, exposed);
    using _ = given.has('die-with-parent') ? endWithParent(sandbox) : undefined;
    const start = starterOf(sandbox, [file, ...args], budget);
    const status = await (terminal
      ? onTerminal(start, asker, async () => (copy === undefined ? sandbox.close() : undefined))
      : onDescriptors(start, stdioOf(kept)));
    budget?.tell();
    return copy === undefined ? status : await copy.settle(sandbox, status);
  } finally {
    await Promise.all([net, user, pid].map(async (each) => (each instanceof Namespace ? each.close() : undefined)));
  }
}

/** The program and its arguments; on a terminal the user's shell, if none is given. */
function programOf({ operands }: Given, terminal: boolean): [string, ...string[]] {
  const [file, ...args] = operands;
  if (file !== undefined) return [file, ...args];
  if (!terminal) throw new UsageError('no program specified: linux-ns run [options] PROGRAM');
  const { SHELL = '' } = process.env;
  return [SHELL === '' ? '/bin/sh' : SHELL];
}

/** Refuses a sandbox with an empty root, in which nothing can run. The library allows it. */
function refuseEmpty({ root, mounts = [], isolation }: SpecFile, fromFile: boolean): void {
  if (root !== undefined || mounts.length > 0 || isolation === 'landlock') return;
  const inFile = fromFile ? "the spec has no 'hostUserland', 'root' or 'mounts'; " : '';
  throw new UsageError(`the sandbox would be empty: ${inFile}use --project, --host-userland, --root or --ro-bind`);
}

function withAsker(policy: EgressPolicy, asker: Asker | undefined): EgressPolicy {
  return asker === undefined ? policy : { ...policy, ask: asker.ask };
}

async function networkOf(network: string | undefined): Promise<'none' | 'host' | Namespace | undefined> {
  if (network === undefined || network === 'none' || network === 'host') return network;
  return network.includes('/') ? Namespace.open(network) : networkNamespaces.open(network);
}

/** Opens a namespace by a path, or by the number of a descriptor, as in bwrap(1). */
async function namespaceOf(file: string | undefined): Promise<Namespace | undefined> {
  return file === undefined ? undefined : Namespace.open(/^\d+$/.test(file) ? `/proc/self/fd/${file}` : file);
}

/**
 * Closes the sandbox when the parent of this process ends. PR_SET_PDEATHSIG of the kernel is not used, because it
 * follows the thread that has started this process and not its process. The end of a thread of a pool would close the
 * sandbox then. prctl(2)
 */
function endWithParent(sandbox: Sandbox): Disposable {
  const look = setInterval(() => {
    if (process.ppid !== PARENT) void sandbox.close(); // the program is killed, which ends the rest
  }, LOOK);
  look.unref();
  return { [Symbol.dispose]: () => clearInterval(look) };
}

/**
 * The descriptors to pass on. They are checked before this process opens others, which could get a number that is not
 * in use.
 */
function descriptorsOf(given: Given): number[] {
  return given.values('preserve-fd').map((text) => {
    const fd = numberOf('--preserve-fd', text, MOST_DESCRIPTOR);
    if (!existsSync(`/proc/self/fd/${fd}`)) throw new UsageError(`--preserve-fd: descriptor ${fd} is not open`);
    return fd;
  });
}
