/** A program that serves a network namespace from outside: started, and known to be ready. */
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

/** What a program is given, and by which number it knows it. */
export const DESCRIPTORS = Object.freeze({ net: 3, user: 4, ready: 5 });

export interface Helper {
  readonly program: AttachProgram;
  readonly args: readonly string[];
  /** The namespaces' descriptors; none for a user namespace that is this process's own. */
  readonly net: number;
  readonly user: number | undefined;
  /** In a mount namespace of its own, whose mounts are slaves of the host's: nothing it does to them gets there. */
  readonly apart: boolean;
  readonly signal: AbortSignal | undefined;
}

/** What is kept of what a program says: its last words, should it fail. */
const MOST_WORDS = 4096;

const TUN = '/dev/net/tun';

/** Where each is found, in Debian and its like. */
const PACKAGES: Readonly<Record<AttachProgram, string>> = { pasta: 'passt', slirp4netns: 'slirp4netns' };

/** Starts a program that writes to its descriptor `ready` when it is; on failure nothing is left of it. */
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

/** A failure of such a program, in its own words. */
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
    // It serves as long as this process runs, and is no reason to.
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

/** Resolves when something is written; rejects with {@link NOT_READY} when nobody is left who could. */
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

/** Reads all that a program says, so that it is never kept waiting, and remembers the end of it. */
function lastWordsOf(stream: Readable | null): () => string {
  let words = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => (words = (words + chunk).slice(-MOST_WORDS)));
  if (stream instanceof Socket) stream.unref();
  return () =>
    words
      .split('\n')
      .map((line) => line.trim())
      // pasta, where there is no syslog, of each of its lines.
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
