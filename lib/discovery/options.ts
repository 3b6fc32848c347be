import type { ScanBit } from '../../types/native';
import {
  validateAbortSignal,
  validateArray,
  validateBoolean,
  validateKnownKeys,
  validateObject,
  validateOneOf,
} from '../errors/validate';
import { NAMESPACE_KINDS, type NamespaceKind } from '../namespace/kind';
import type { ScanRequest } from './scan';

/** Where {@link discover} is to look. Processes it always looks at: the other sources cost more, or find less. */
export interface DiscoverOptions {
  /** The kinds to look for. The user namespaces that own what is found come along in any case. Default: all eight. */
  kinds?: readonly NamespaceKind[] | undefined;
  /** Threads that are in other namespaces than their process. Ten links to read for each thread. Default true. */
  tasks?: boolean | undefined;
  /** Pid and time namespaces that processes are not in, and their children will be. Default true. */
  forChildren?: boolean | undefined;
  /** Descriptors of namespaces. One call for each descriptor of each process. Default true. */
  fds?: boolean | undefined;
  /**
   * Sockets that live in other namespaces than their process. Each socket is duplicated for a moment. Takes the right to
   * ptrace its process (`pidfd_getfd(2)`, Linux 5.6) and CAP_NET_ADMIN over its namespace. Default true.
   */
  sockets?: boolean | undefined;
  /**
   * Bind mounts of namespaces, in the mount namespace of every process; `'own'`: of this process only. Default true.
   */
  mounts?: boolean | 'own' | undefined;
  /**
   * Owners and parents, and theirs, up to where this process may see. Without it namespaces that only others below them
   * keep are not found, and there are no edges. Default true.
   */
  hierarchy?: boolean | undefined;
  /**
   * The command line of every process; `'first'`: of the one with the lowest pid in each namespace. It lies in the memory of the
   * process, which is not read with `false`. Default true.
   */
  commands?: boolean | 'first' | undefined;
  /** The names of users, from wherever the host has them (`getpwuid(3)`). Default true. */
  users?: boolean | undefined;
  /** Gives up: rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/** {@link DiscoverOptions}, checked. */
export interface DiscoverRequest extends ScanRequest {
  users: boolean;
}

const FLAGS = ['tasks', 'forChildren', 'fds', 'sockets', 'hierarchy', 'users'] as const;

/** The names of {@link DiscoverOptions}. */
export const DISCOVER_OPTIONS: readonly string[] = ['kinds', 'mounts', 'commands', 'signal', ...FLAGS];

export function parseDiscover(options: DiscoverOptions, defaults: DiscoverOptions = {}): DiscoverRequest {
  const { mounts = defaults.mounts ?? true, commands = defaults.commands ?? true, signal } = options;
  const wants = (flag: (typeof FLAGS)[number]): boolean => {
    const value = options[flag] ?? defaults[flag] ?? true;
    validateBoolean(`options.${flag}`, value);
    return value;
  };
  validateOneOf('options.mounts', mounts, [true, false, 'own']);
  validateOneOf('options.commands', commands, [true, false, 'first']);
  if (signal !== undefined) validateAbortSignal('options.signal', signal);
  const bits: ScanBit[] = (['tasks', 'forChildren', 'fds', 'sockets', 'hierarchy'] as const).filter(wants);
  if (commands !== false) bits.push(commands === true ? 'commands' : 'firstCommands');
  if (mounts !== false) bits.push('ownMounts');
  if (mounts === true) bits.push('allMounts');
  const kinds = parseKinds(options.kinds);
  if (kinds.includes('net')) bits.push('networkIds');
  return { kinds, bits, users: wants('users'), signal };
}

/** An option bag that may have these keys. */
export function validateOptions(options: unknown, keys: readonly string[]): asserts options is object {
  validateObject('options', options);
  validateKnownKeys('options', options, keys);
}

function parseKinds(kinds: readonly NamespaceKind[] | undefined): readonly NamespaceKind[] {
  if (kinds === undefined) return NAMESPACE_KINDS;
  validateArray('options.kinds', kinds);
  kinds.forEach((kind, index) => validateOneOf(`options.kinds[${index}]`, kind, NAMESPACE_KINDS));
  return kinds;
}
