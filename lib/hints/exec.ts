/** Hints about execve(2) of the program, and of nsinit itself. */
import { Errno } from '../kernel/errno';
import type { HostFiles } from '../kernel/host-files';
import { inItsRoot, refusedBySecurityModule } from './evidence';
import { type Explainer, type Failure, byErrno } from './failure';
import { noMoreTasks } from './limits';
import { refusedByOwnFilter } from './seccomp';
import { named } from './wording';

const INTERPRETER = 'interpreter:';

export const explainExec: Explainer = (failure, host) =>
  refusedByOwnFilter(failure.detail, failure.errno) ?? explainAnswer(failure, host);

const explainAnswer: Explainer = byErrno({
  [Errno.ENOENT]: missing,
  [Errno.ENOTDIR]: (failure) => `Something on the way to ${program(failure)} is no directory.`,
  [Errno.EACCES]: notExecutable,
  [Errno.EISDIR]: (failure) => `The ELF interpreter that ${program(failure)} names is a directory.`,
  [Errno.ENOEXEC]: (failure) =>
    `${program(failure)} is no program for this machine (${process.arch}): it has neither an ELF header for it nor a ` +
    "first line beginning with '#!'. Add one to a script or run it by its shell; take a binary built for this machine.",
  [Errno.ELIBBAD]: (failure) => `The ELF interpreter that ${program(failure)} names is no ELF file for this machine.`,
  [Errno.E2BIG]: (_, host) => tooBig(host),
  [Errno.ETXTBSY]: (failure) =>
    `${program(failure)} is open for writing in some process, often one that was forked while it was being ` +
    'written. Close it and try again, or write to another name and rename it into place.',
  [Errno.EPERM]: (failure, host) =>
    refusedBySecurityModule(host) ??
    `${program(failure)} has file capabilities that this task may not have (they are outside of its bounding set ` +
      "or of its user namespace), and runs only with them (execve(2)). Take them off ('sudo setcap -r'), or keep the " +
      'capability.',
  [Errno.EAGAIN]: (_, host) =>
    `The user it was to run as has more tasks than RLIMIT_NPROC${valued(host.limit('Max processes'))} allows ` +
    "(execve(2)): end some, or raise it with 'ulimit -u'.",
  [Errno.ELOOP]: (failure) =>
    `There are too many symbolic links on the way to ${program(failure)}, or scripts whose interpreter is a script ` +
    'are nested more than four deep.',
  [Errno.ENOMEM]: () =>
    'There is not enough memory to load the program: a memory cgroup, RLIMIT_DATA or RLIMIT_AS may be too tight.',
});

/**
 * Explains why nsinit could not be made (`prepare`) or run. The calls of the task before that (prctl, capset, dup3)
 * fail only where a filter or a security module refuses them.
 */
export const explainExecNsinit: Explainer = (failure, host) => {
  if (failure.operation === 'prepare' || failure.syscall === 'execveat') return explainExecveat(failure, host);
  return failure.errno === Errno.EPERM ? refusedBySecurityModule(host) : undefined;
};

/** Explains a failed exec of nsinit, which is run from a sealed memfd, or from a file where that is forbidden. */
const explainExecveat: Explainer = byErrno({
  [Errno.EACCES]: (failure, host) => memfdForbidden(host) ?? noexecFallback(failure, host),
  [Errno.EPERM]: (_, host) => refusedBySecurityModule(host),
  [Errno.EAGAIN]: (_, host) => noMoreTasks(host),
  [Errno.ENOSYS]: () => 'This kernel or a seccomp filter does not offer execveat, which starts the helper program.',
  [Errno.ENOEXEC]: () =>
    `The helper program in this package is not for this machine (${process.arch}): compile it with 'npx linux-ns ` +
    "compile'.",
  [Errno.ENOENT]: () =>
    'The helper program was removed before it could start: something cleans the temporary directory. Set TMPDIR to ' +
    'another.',
});

function missing(failure: Failure): string {
  if (failure.detail?.startsWith(INTERPRETER) === true) return missingInterpreter(failure, failure.detail);
  const file = failure.path;
  if (file?.includes('/') === false) {
    const hint =
      `There is no '${file}' in the directories of the child's PATH, looked up in the root the program runs in. ` +
      "Give its whole path, or set PATH in 'env'.";
    return inItsRoot(failure, hint);
  }
  return inItsRoot(failure, `${named(file, 'The program')} does not exist in the root the program runs in.`);
}

/** execve(2) has one error, ENOENT, for a missing file and for a file whose interpreter is missing. */
function missingInterpreter(failure: Failure, detail: string): string {
  const interpreter = detail.slice(INTERPRETER.length);
  if (interpreter.endsWith('\r')) {
    return (
      `${program(failure)} exists, but its first line ends with a carriage return (CR, as Windows ends lines), which ` +
      `makes the interpreter '${interpreter.replace(/\r/g, '\\r')}'. Take them off: 'sed -i "s/\\r$//"' or dos2unix.`
    );
  }
  const loader = /\/ld[-.][^/]*$|\/ld-[^/]*\.so/.test(interpreter);
  const exists = `${program(failure)} exists, but its interpreter '${interpreter}' does not exist in the root it runs in`;
  if (!loader) return `${exists}: install that, or correct the script's first line.`;
  const libc = interpreter.includes('musl') ? 'musl (Alpine)' : 'glibc';
  return (
    `${exists}: it is the dynamic loader of ${libc}. Bring it in together with its libraries (mount the host's /lib, ` +
    '/lib64 and /usr), or use a program linked statically.'
  );
}

const REASONS: Readonly<Record<string, string | undefined>> = {
  directory: 'is a directory. Give a program in it.',
  'not-executable':
    "has no execute permission for the ids it was to run with: 'chmod +x' it, or run it by its interpreter.",
  noexec:
    'is on a filesystem mounted noexec, from which nothing can be run. Copy it elsewhere, or mount without noexec.',
  landlock:
    "may not be executed by the program's Landlock ruleset, or what its first line (or its ELF header) names as interpreter " +
    "may not: 'execute' of 'landlock' has to have both, and the libraries. Otherwise 'ls -l' of both says who may.",
  refused:
    'has execute permission, but not for the ids it was to run with; or what its first line (or its ELF header) names ' +
    "as interpreter may not be run: see 'ls -l' of both, and whether that one is on a noexec mount.",
};

function notExecutable(failure: Failure, host: HostFiles): string {
  const byModule = refusedBySecurityModule(host);
  const reason = REASONS[failure.detail ?? ''];
  if (reason !== undefined && (failure.detail !== 'refused' || byModule === undefined)) {
    return `${program(failure)} ${reason}`;
  }
  if (byModule !== undefined) return byModule;
  // nsinit could not see the file, either.
  if (failure.file?.includes('/') === false) {
    return (
      `No '${failure.file}' that may be run is in the child's PATH, and one of those directories may not be searched ` +
      "by the ids it was to run with. Give its whole path, or a PATH in 'env' without what is closed to them."
    );
  }
  return `${program(failure)} lies below a directory that the ids it was to run with may not search ('chmod o+x' it).`;
}

/**
 * The limits are a quarter of the stack's limit, and 128 KiB for each string: execve(2), "Limits on size of arguments
 * and environment".
 */
function tooBig(host: HostFiles): string {
  const stack = host.limit('Max stack size');
  const together =
    stack === undefined || stack === Infinity
      ? 'a quarter of RLIMIT_STACK'
      : `${Math.floor(stack / 4)} bytes (a quarter of RLIMIT_STACK)`;
  return (
    `The arguments and the environment take more than ${together} together, or one string of them more than 128 KiB ` +
    '(execve(2)). Pass the data through stdin or a file.'
  );
}

/**
 * vm.memfd_noexec, Linux 6.3: at 1 and 2 a memfd is executable only if that was asked for, and at 2 asking is refused.
 */
function memfdForbidden(host: HostFiles): string | undefined {
  const level = host.sysctl('vm.memfd_noexec') ?? 0;
  if (level < 1) return undefined;
  return (
    `This host does not let programs run from memory (vm.memfd_noexec = ${level}), and the file that stands in for ` +
    "it could not be run either: give a temporary directory (TMPDIR) that is not mounted noexec, or 'sudo sysctl " +
    "-w vm.memfd_noexec=0'."
  );
}

function noexecFallback(failure: Failure, host: HostFiles): string {
  return (
    refusedBySecurityModule(host) ??
    `The helper program (${named(failure.path, 'a temporary file')}) may not be executed: where it lies is mounted ` +
      'noexec. Set TMPDIR to a directory that is not.'
  );
}

function program(failure: Failure): string {
  return named(failure.path, 'The program');
}

function valued(limit: number | undefined): string {
  return limit === undefined ? '' : ` (${limit})`;
}
