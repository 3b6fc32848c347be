import { readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import bindings from 'bindings';
import type { Native } from '../types/native';
import { NamespaceError, unsupportedError } from './errors/namespace-error';
import { unsupportedReason } from './kernel/version';

/**
 * The places of the addon, relative to the package's root, in the order in which they are tried. An own build comes
 * before a file that was shipped. prebuildify 6 names a file after the package, and older versions after the runtime;
 * `--tag-libc` adds the libc: prebuilds/linux-x64/linux-ns.glibc.node.
 */
function candidates(): string[][] {
  const folder = `linux-${process.arch}`;
  const tags = ['', '.glibc', '.musl', '.armv8', '.armv8.glibc', '.armv8.musl'];
  const names = ['linux-ns', 'node.napi'].flatMap((name) => tags.map((tag) => `${name}${tag}.node`));
  return [
    ['module_root', 'build', 'Release', 'bindings'],
    ['module_root', 'build', 'Debug', 'bindings'],
    ...names.map((name) => ['module_root', 'prebuilds', folder, name]),
  ];
}

/** The package's root: this file is lib/native.ts, or dist/native.js when compiled. */
const MODULE_ROOT = dirname(__dirname);

let loaded: Native | undefined;

/**
 * The addon, loaded when it is first needed, so that importing the package never fails.
 *
 * @throws {@link NamespaceError} `ERR_LINUX_NS_UNSUPPORTED` where this is not Linux, the kernel is older than 5.10, or
 * there is no binary for this platform, or it cannot be loaded. The next call tries again
 */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

/** Throws the same errors as {@link native}. It is for work that needs the files of /proc first, and not the addon. */
export function assertSupported(): void {
  native();
}

function load(): Native {
  const missing = unsupportedReason(process.platform, release(), process.arch);
  if (missing !== undefined) throw unsupportedError('linux-ns', missing);
  const failures: unknown[] = [];
  for (const candidate of candidates()) {
    // The places are tried one by one: `bindings` gives up at the first file that exists and does not load (one for
    // another libc).
    try {
      const addon: unknown = bindings({ bindings: 'linux_ns', module_root: MODULE_ROOT, try: [candidate] });
      return addon as Native;
    } catch (error) {
      if (!isAbsent(error)) failures.push(error);
    }
  }
  throw failures.length > 0 ? notLoaded(failures[0]) : noBinary();
}

/** True for an error of `bindings` that says, with `tries`, that it has found no file. */
function isAbsent(error: unknown): boolean {
  return Array.isArray((error as { tries?: unknown }).tries);
}

/** The error where no addon is found: it was not compiled, or the package is not in its place. */
function noBinary(): NamespaceError {
  const closed = unreadableDirectory();
  if (closed !== undefined)
    return unusable(
      closed,
      `A directory on the way to it is closed to this user: 'namei -l ${closed.path}' shows them all.`,
    );
  if (!isOwnPackage()) {
    return new NamespaceError({
      code: 'ERR_LINUX_NS_UNSUPPORTED',
      message: `linux-ns is not supported here: it is part of a bundle (${__filename}), and its binary is not`,
      hint:
        'Exclude it from the bundle, and install it where the bundle runs: esbuild --external:linux-ns; webpack externalsType: ' +
        "'commonjs', externals: [/^linux-ns(\\/|$)/] (docs/bundlers.md).",
    });
  }
  return new NamespaceError({
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    message: `linux-ns is not supported here: there is no binary for linux-${process.arch}`,
    hint: `Compile it: 'npx linux-ns compile', which says what that takes. The package is in ${MODULE_ROOT}.`,
  });
}

/** True where the package.json above this file is this package's own. A bundle has another one above it, or none. */
function isOwnPackage(): boolean {
  try {
    const { name } = JSON.parse(readFileSync(join(MODULE_ROOT, 'package.json'), 'utf8')) as { name?: unknown };
    return name === 'linux-ns';
  } catch {
    return false;
  }
}

/** A directory that cannot be searched looks to `require` like an empty one: this finds such a directory. */
function unreadableDirectory(): { message: string; path: string } | undefined {
  for (const folder of ['build/Release', `prebuilds/linux-${process.arch}`]) {
    try {
      statSync(join(MODULE_ROOT, folder, '.'));
    } catch (error) {
      const { code, message, path = '' } = error as NodeJS.ErrnoException;
      if (code === 'EACCES') return { message, path };
    }
  }
  return undefined;
}

/**
 * The words of dlopen(3), and what helps; the file is in the message. glibc has the text of the errno at the end, musl
 * after `Error loading shared library`.
 */
const REMEDIES: readonly (readonly [words: RegExp, remedy: string])[] = [
  [
    /Too many open files in system|No file descriptors available in system/,
    "Raise the number of files that this host may have open: 'sudo sysctl -w fs.file-max=…'.",
  ],
  [
    /Too many open files|No file descriptors available/,
    "Close descriptors, or raise the limit with 'ulimit -n' or LimitNOFILE= before Node starts; and call something of this package early.",
  ],
  [
    /failed to map segment.*(?:not permitted|$)|Operation not permitted/,
    'It is most likely on a file system that is mounted noexec, from which no code can be run: install the package on another, or ' +
      'remount this one with exec.',
  ],
  [
    /Cannot allocate memory|Out of memory/,
    "Raise the limit of the address space: 'ulimit -v', or that of the cgroup's memory.",
  ],
  [
    /Permission denied/,
    "Give this user the right to read it: 'chmod a+r' of the file, and 'chmod a+x' of the directories above.",
  ],
  [
    /file too short|invalid ELF header|file truncated|Exec format error|wrong ELF class|Input\/output error/,
    "The file is empty, damaged or for another processor: 'npx linux-ns compile', or install the package again.",
  ],
  [
    /GLIBC|version `|symbol|Error relocating|cannot open shared object file: No such file/,
    "It was made for another C library or another Node: 'npx linux-ns compile' compiles it for this one.",
  ],
  [
    /dlopen|addons|ERR_DLOPEN_DISABLED|Cannot load native addon/,
    'Start Node without --no-addons, and with --allow-addons under its permission model.',
  ],
];

/** The error of a binary that exists and does not load. */
function notLoaded(cause: unknown): NamespaceError {
  const { message } = cause as Error;
  const remedy = REMEDIES.find(([words]) => words.test(message))?.[1];
  return unusable(
    { message, cause },
    remedy ?? `Compile it: 'npx linux-ns compile'. The package is in ${MODULE_ROOT}.`,
  );
}

function unusable({ message, cause }: { message: string; cause?: unknown }, hint: string): NamespaceError {
  const [first = ''] = message.split('\n');
  return new NamespaceError({
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    message: `linux-ns is not supported here: its binary cannot be loaded (${first})`,
    hint,
    cause,
  });
}
