/** A program that serves a network namespace from outside. It is started, and known to be ready. */
import { accessSync, constants } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { NamespaceError } from '../../errors/namespace-error';
import { abortError, throwIfAborted } from '../../errors/abort';
import { native } from '../../native';
import type { NamespaceProcess } from '../../process/namespace-process';
import { spawn } from '../../process/spawn';
import { handOver } from '../descriptors/hand-over';
import type { AttachProgram } from './attach-options';

/** The descriptors that a program is given, by their numbers in the program. */
export const DESCRIPTORS = Object.freeze({ net: 3, user: 4, ready: 5 });

export interface Helper {
  readonly program: AttachProgram;
  readonly args: readonly string[];
  /** The descriptors of the namespaces. There is no `user` where the user namespace is this process's own. */
  readonly net: number;
  readonly user: number | undefined;
  /**
   * True to start it in a mount namespace of its own. The mounts there are slaves of the host's, so that no change of
   * them reaches the host.
   */
  readonly apart: boolean;
  readonly signal: AbortSignal | undefined;
}

/** The most characters that are kept of the output of a program: its last words, for the error where it fails. */
const MOST_WORDS = 4096;

const TUN = '/dev/net/tun';

/** The package of Debian that has each program. */
const PACKAGES: Readonly<Record<AttachProgram, string>> = { pasta: 'passt', slirp4netns: 'slirp4netns' };

/** Starts a program, and waits until it writes to its descriptor `ready`. On failure nothing is left of it. */
export async function startHelper(helper: Helper): Promise<NamespaceProcess> {
  const { program, signal } = helper;
  const [read, write] = native().pipe();
  const ready = handOver(read, (fd) => new Socket({ fd, readable: true, writable: false }));
  try {
    const child = await spawnHelper(helper, write).finally(() => native().closeNow(write));
    const words = lastWordsOf(child.stderr);
    try {
      await readiness(ready, signal);
      return child;
    } catch (error) {
      await child.close();
      throwIfAborted(signal);
      throw error === NOT_READY ? failedToStart(program, words()) : error;
    }
  } finally {
    ready.destroy();
  }
}

/** The error of a program that failed, with the words of the program. */
export function failedToStart(program: AttachProgram, words: string): NamespaceError {
  const message = `${program} has not connected the network namespace: ${words === '' ? 'it does not say why' : words}`;
  const hint = explainTun() ?? explainWords(words);
  return new NamespaceError({ code: 'ERR_LINUX_NS_ATTACH', message, step: `start ${program}`, kind: 'net', hint });
}

async function spawnHelper({ program, args, net, user, apart }: Helper, ready: number): Promise<NamespaceProcess> {
  try {
    const child = await spawn(program, [...args], {
      stdio: ['ignore', 'ignore', 'pipe', net, user ?? 'ignore', ready],
      env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin' },
      cwd: '/',
      newSession: true,
      ...(apart && { unshare: { mnt: { propagation: 'slave' } } }),
    });
    // The program ends with this process, and does not keep it running.
    child.unref();
    return child;
  } catch (cause) {
    throw (cause as { code?: string }).code === 'ENOENT' ? notInstalled(program, cause) : cause;
  }
}

function notInstalled(program: AttachProgram, cause: unknown): NamespaceError {
  const hint = `${program} is not installed, or not in the PATH: Debian has it in the package ${PACKAGES[program]} ('sudo apt install ${PACKAGES[program]}').`;
  return new NamespaceError({ errno: 2, syscall: 'execve', path: program, step: `start ${program}`, hint, cause });
}

const NOT_READY = new Error('the program has ended before it was ready');

/**
 * Resolves when something is written to the descriptor; rejects with {@link NOT_READY} when no process is left that
 * could.
 */
function readiness(ready: Socket, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      if (signal !== undefined) reject(abortError(signal));
    };
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    ready.once('close', () => signal?.removeEventListener('abort', onAbort));
    ready.once('data', () => resolve());
    ready.once('end', () => reject(NOT_READY));
    ready.once('error', reject);
  });
}

/** Reads all output of a program, so that it never waits to write, and remembers the end of it. */
function lastWordsOf(stream: Readable | null): () => string {
  let words = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => (words = (words + chunk).slice(-MOST_WORDS)));
  if (stream instanceof Socket) stream.unref();
  return () =>
    words
      .split('\n')
      .map((line) => line.trim())
      // pasta prints such a line after each of its own where there is no syslog.
      .filter((line) => line !== '' && !line.startsWith('Failed to send'))
      .join('; ');
}

function explainTun(): string | undefined {
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code === 'EACCES'
      ? `${TUN} may not be opened by this user. udev gives it to all: 'sudo chmod 0666 ${TUN}'.`
      : `There is no ${TUN} here: load the module ('sudo modprobe tun'), or give the container the device.`;
  }
}

function explainWords(words: string): string | undefined {
  if (/interface|default route|template/i.test(words)) {
    return 'This host may have no interface with a default route, which it takes addresses from.';
  }
  return undefined;
}
