/**
 * Gives this process access to the files of a sandbox. A task opens them that has joined the sandbox, has the ids of
 * its programs and no capability, and resolves paths so that no link leads out (openat2(2)): it can do what a program
 * inside could do. It sends the descriptor here, where contents are read from it, and streams read and written. But the
 * data of writeFile() is written by the task itself: this process may be root, for whom a filesystem reserves blocks
 * and ignores quotas.
 */
import { constants, createReadStream, createWriteStream, read, write, writev } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import type { Step } from '../../types/native';
import { throwIfAborted } from '../errors/abort';
import { BYTES, copyText, isBytes } from '../errors/bytes';
import { Errno } from '../kernel/errno';
import { NamespaceError } from '../errors/namespace-error';
import { NO_OPTIONS } from '../errors/plain';
import { boolean, mode, oneOf, schema } from '../errors/schema';
import { invalidType, validatePath } from '../errors/validate';
import { MOST } from '../hints/inside';
import { runBody } from '../launch/launch';
import { MAKE } from '../plan/place';
import type { Results } from '../task/task';
import { Descriptor } from '../handle/descriptor';
import type { Namespace } from '../namespace/namespace';
import { CALL, type CallOptions } from '../set/call-options';
import { readOptions } from '../set/read-options';
import { mapInTurns, sortInTurns } from '../event-loop/turns';
import { type Feeds, contentsOf, isReadable } from './feeds';
import { type FileType, records, typeOf } from './file-type';
import type { ResolvedUser } from './ids';
import { makeStep } from '../plan/step';

/** The namespaces that the files are in, and the ids of the task that opens them. */
export interface Inside {
  /** The mount namespace, and the user namespace if there is one. */
  readonly join: readonly Namespace[];
  readonly ids: ResolvedUser;
}

/** Options of {@link Sandbox.readFile}. */
export interface SandboxReadOptions extends CallOptions {
  /** Resolve with a string, decoded from this. Default: a Buffer. */
  encoding?: BufferEncoding | null | undefined;
  /** The most bytes to read: a longer file is an error (`EFBIG`). Default: 16 MiB. */
  maxBytes?: number | undefined;
}

/** Options of {@link Sandbox.writeFile} and {@link Sandbox.createWriteStream}. */
export interface SandboxWriteOptions extends CallOptions {
  /** `'w'`: replace the contents. `'a'`: append. `'wx'`: fail if the file exists. Default: `'w'`. */
  flag?: 'w' | 'a' | 'wx' | undefined;
  /** The permissions of a file that is created, without the bits of this process's umask. Default: 0o666. */
  mode?: number | undefined;
}

/** Options of {@link Sandbox.mkdir}. */
export interface SandboxMkdirOptions extends CallOptions {
  /** True creates missing parents too, and accepts a directory that exists. Default: false. */
  recursive?: boolean | undefined;
  /** Its permissions. Default: 0o755. */
  mode?: number | undefined;
}

/** One entry of a directory in a sandbox. */
export interface SandboxDirent {
  /** Its name, without the directory; never `.` or `..`. */
  readonly name: string;
  /** Its type. A symbolic link is `'symlink'`, wherever it leads. */
  readonly type: FileType | 'unknown';
}

const parseWrite = schema<SandboxWriteOptions>()({ ...CALL.checks, flag: oneOf(['w', 'a', 'wx']), mode });
const parseMkdir = schema<SandboxMkdirOptions>()({ ...CALL.checks, recursive: boolean, mode });

const CHUNK = 64 * 1024;

const FLAGS = {
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
  a: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND,
  wx: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
} as const;

const readSome = promisify(read);

export async function readFileIn(inside: Inside, path: unknown, options: unknown): Promise<string | Buffer> {
  const file = pathOf(path);
  const { encoding, maxBytes, signal } = readOptions(options);
  const descriptor = await open(inside, file, constants.O_RDONLY, 0, signal);
  try {
    const data = await readAll(descriptor.fd, file, maxBytes, signal);
    return encoding === undefined ? data : data.toString(encoding);
  } finally {
    await descriptor.close();
  }
}

/** @param feeds - of its own: to give up a stream that does not end */
export async function writeFileIn(
  inside: Inside,
  feeds: Feeds,
  path: unknown,
  data: unknown,
  options: unknown,
): Promise<void> {
  const { flag, mode, signal } = writeOptions(options);
  const file = pathOf(path);
  const source = sourceOf(data);
  try {
    const [contents, from] = contentsOf(source, (stream) => feeds.open(stream));
    const save = makeStep('save_file', { path: file, openFlags: FLAGS[flag], mode, contents, from });
    await attempt(inside, save, feeds.signalWith(signal));
  } catch (error) {
    throw feeds.reasonOf(error);
  } finally {
    feeds.close();
  }
}

export async function readStreamIn(inside: Inside, path: unknown, options: unknown): Promise<Readable> {
  const { signal } = CALL('options', options ?? NO_OPTIONS);
  const descriptor = await open(inside, pathOf(path), constants.O_RDONLY, 0, signal);
  return createReadStream('', { fd: descriptor.fd, fs: { read, close: closing(descriptor) }, signal });
}

export async function writeStreamIn(inside: Inside, path: unknown, options: unknown): Promise<Writable> {
  const { flag, mode, signal } = writeOptions(options);
  const descriptor = await open(inside, pathOf(path), FLAGS[flag], mode, signal);
  return createWriteStream('', { fd: descriptor.fd, fs: { write, writev, close: closing(descriptor) }, signal });
}

export async function readdirIn(inside: Inside, path: unknown, options: unknown): Promise<SandboxDirent[]> {
  const { signal } = CALL('options', options ?? NO_OPTIONS);
  const { data } = await attempt(
    inside,
    makeStep('list', { path: pathOf(path), maxBytes: MOST.bytes, maxEntries: MOST.entries }),
    signal,
  );
  const entries = await mapInTurns(records(data, 1), ([head, name]): SandboxDirent => {
    return { name, type: typeOf(head[0]) ?? 'unknown' };
  });
  return sortInTurns(entries, (a, b) => (a.name < b.name ? -1 : 1));
}

export async function mkdirIn(inside: Inside, path: unknown, options: unknown): Promise<void> {
  const directory = pathOf(path);
  const { recursive = false, mode: bits = -1, signal } = parseMkdir('options', options ?? NO_OPTIONS);
  const flags = recursive ? 0 : MAKE.ONLY_LAST;
  await attempt(inside, makeStep('make_dir', { path: directory, mode: bits, flags }), signal);
}

async function open(
  inside: Inside,
  path: string,
  flags: number,
  mode: number,
  signal: AbortSignal | undefined,
): Promise<Descriptor> {
  const { fds } = await attempt(inside, makeStep('open_file', { path, openFlags: flags, mode }), signal);
  return new Descriptor(fds[0] ?? -1);
}

/**
 * Runs a step with the rights of a program inside: with neither the groups of this process nor the capabilities that
 * joining a user namespace gives.
 */
async function attempt({ join, ids }: Inside, step: Step, signal: AbortSignal | undefined): Promise<Results> {
  const { uid, gid, groups } = ids;
  const become = makeStep('ids', {
    uid: uid.id,
    gid: gid.id,
    setGroups: groups === undefined ? 0 : 1,
    groups: [...(groups ?? [])],
  });
  const none = makeStep('capabilities', { bounding: 0, inheritable: 0, ambient: 0, exceptRoot: 1 });
  const steps: Step[] = [['keep_caps'], become, none, step];
  return runBody({ join }, { steps, ids: 'given', signal });
}

async function readAll(fd: number, path: string, maxBytes: number, signal: AbortSignal | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    throwIfAborted(signal);
    const { buffer, bytesRead } = await readSome(fd, Buffer.allocUnsafe(CHUNK), 0, CHUNK, null);
    if (bytesRead === 0) return Buffer.concat(chunks);
    size += bytesRead;
    if (size > maxBytes) throw tooLarge(path);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

function tooLarge(path: string): NamespaceError {
  return new NamespaceError({
    errno: Errno.EFBIG,
    syscall: 'read',
    path,
    step: `read ${path}`,
    hint: "It has more bytes than 'maxBytes': give a larger one, or use createReadStream().",
  });
}

/**
 * The `close` function of a stream that has not opened its descriptor itself: it closes it through {@link Descriptor},
 * as all of ours are closed.
 */
function closing(descriptor: Descriptor): (fd: number, done: (error?: Error | null) => void) => void {
  return (_, done) => void descriptor.close().then(() => done(null));
}

function sourceOf(data: unknown): string | Uint8Array | Readable {
  if (typeof data === 'string' || isBytes(data)) return copyText('data', data);
  if (isReadable(data)) return data;
  throw invalidType('data', `of type string, a Readable, or ${BYTES}`, data);
}

/** Checks a path. A relative one starts at the root, as a sandbox has no current directory. */
function pathOf(path: unknown): string {
  return validatePath('path', path);
}

function writeOptions(options: unknown): {
  flag: 'w' | 'a' | 'wx';
  mode: number;
  signal: AbortSignal | undefined;
} {
  const { flag = 'w', mode: bits = 0o666, signal } = parseWrite('options', options ?? NO_OPTIONS);
  return { flag, mode: bits, signal };
}
