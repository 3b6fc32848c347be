import { release } from 'node:os';
import { dirname } from 'node:path';
import bindings from 'bindings';
import type { Native } from '../types/native';
import { NamespaceError, unsupportedError } from './errors/namespace-error';
import { unsupportedReason } from './host/support';

/**
 * Where the addon may be, relative to the package's root, in the order they are tried. A build of one's own comes
 * before what was shipped; prebuildify (6) names a file after the package, versions before that after the runtime, and
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
 * there is no binary for this platform
 */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

/** Throws as {@link native} does: before what needs the files of /proc, and not the addon. */
export function assertSupported(): void {
  native();
}

function load(): Native {
  const missing = unsupportedReason(process.platform, release());
  if (missing !== undefined) throw unsupportedError('linux-ns', missing);
  const errors: unknown[] = [];
  for (const candidate of candidates()) {
    // One at a time: `bindings` gives up at the first file that is there and does not load (one for another libc).
    try {
      const addon: unknown = bindings({ bindings: 'linux_ns', module_root: MODULE_ROOT, try: [candidate] });
      return addon as Native;
    } catch (error) {
      if (!isAbsent(error)) errors.push(error);
    }
  }
  throw noBinary(errors[0]);
}

/** `bindings` says with `tries` that it has found no file. */
function isAbsent(error: unknown): boolean {
  return Array.isArray((error as { tries?: unknown }).tries);
}

function noBinary(cause: unknown): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    message: `linux-ns is not supported here: there is no binary for linux-${process.arch} that loads`,
    hint: `Compile it with 'npm rebuild linux-ns' (a C++ compiler, make and Python are needed) in ${MODULE_ROOT}.`,
    cause,
  });
}
