import type { Step } from '../../types/native';
import type { Bytes } from '../errors/bytes';
import type * as filters from './filters';
import type { Filter, Filtered } from './filters';
import type { SeccompProfile } from './profile';

/**
 * Which system calls a program can make: `'default'`, the profile of {@link defaultSeccompProfile}; `'none'` for no filter;
 * a profile in OCI's JSON form; or compiled BPF programs, all of which are asked, the strictest answer counting.
 */
export type SeccompOption = 'default' | 'none' | SeccompProfile | Bytes | readonly Bytes[];

/**
 * Checks the option `seccomp`, and compiles what is to be compiled.
 *
 * @returns filters in the order in which they are to be installed
 * @throws TypeError, RangeError with Node's codes; NamespaceError `ERR_LINUX_NS_UNSUPPORTED`
 */
export function parseSeccomp(name: string, seccomp: unknown, filtered: Filtered): readonly Filter[] {
  if (seccomp == null || seccomp === 'none') return [];
  return (require('./filters') as typeof filters).filtersOf(name, seccomp, filtered);
}

/** Immediately before `exec`: nsinit installs them when there is nothing else left to do. */
export function seccompSteps(filters: readonly Filter[]): Step[] {
  return filters.map(({ program, flags }) => ['seccomp', program, flags]);
}
