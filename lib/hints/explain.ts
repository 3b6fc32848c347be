import { Errno } from '../kernel/errno';
import { HostFiles } from '../kernel/host-files';
import type * as causes from './causes';
import type { Cause } from './causes';
import type { Explainer, Failure } from './failure';
import { noMoreDescriptors, noMoreFiles } from './limits';

export type { Failure } from './failure';

/**
 * The cause of a failure on this host and its remedy, in one or two sentences; undefined when nothing can be said that
 * is likely to be true. Reads a few files of /proc, and only those that the failure calls for. Never throws.
 *
 * @param failure - the failed operation, in the kernel's terms
 * @param host - the host to look at; default: this one
 * @param cause - the explanation that the row of a step names; default: that of the operation
 */
export function explain(failure: Failure, host: HostFiles = new HostFiles(), cause?: Cause): string | undefined {
  // Without a descriptor no file can be loaded, so these two come first.
  if (failure.errno === Errno.EMFILE) return noMoreDescriptors(host);
  if (failure.errno === Errno.ENFILE) return noMoreFiles(host);
  const found = explainerOf(cause ?? failure.operation)?.(failure, host);
  const words = wordsOfKernel(failure);
  return words === undefined || found === undefined ? (words ?? found) : `${words} ${found}`;
}

/**
 * The explanation of that name. All of them are loaded with the first failure, because most programs have none. Where
 * their file cannot be read, the error goes without a hint: it matters more than that file.
 */
function explainerOf(name: string): Explainer | undefined {
  try {
    const { CAUSES } = require('./causes') as typeof causes;
    return Object.hasOwn(CAUSES, name) ? CAUSES[name as Cause] : undefined;
  } catch {
    return undefined;
  }
}

/** The message that a file system has written into the log of its context: fsopen(2). */
function wordsOfKernel({ operation, syscall, detail }: Failure): string | undefined {
  if (!syscall.startsWith('fs')) return undefined;
  if (operation !== 'fs' && operation !== 'overlay' && operation !== 'reconfigure') return undefined;
  return detail === undefined ? undefined : `The kernel says: "${detail}".`;
}
