import type { Step } from '../../types/native';
import { systemError } from '../errors/system-error';
import type { Bytes } from '../errors/bytes';
import type * as filters from './filters';
import type { Filter, Filtered } from './filters';
import type { SeccompProfile } from './profile';
import type { RefusedSockets } from './sockets';

/**
 * The filter for a program's system calls: `'default'` for the profile of {@link defaultSeccompProfile}, `'none'` for
 * no filter, a profile in OCI's JSON form, or one or several compiled BPF programs. Of several programs all are asked,
 * and the strictest answer counts.
 */
export type SeccompOption = 'default' | 'none' | SeccompProfile | Bytes | readonly Bytes[];

/**
 * Checks the option `seccomp`, and compiles a profile.
 *
 * @returns filters in the order in which they are to be installed
 * @throws TypeError, RangeError with Node's codes; NamespaceError `ERR_LINUX_NS_UNSUPPORTED`
 */
export function parseSeccomp(name: string, seccomp: unknown, filtered: Filtered): readonly Filter[] {
  if (seccomp == null || seccomp === 'none') return [];
  return compiler().filtersOf(name, seccomp, filtered);
}

/** The filters that refuse kinds of sockets, to be installed with others: none, where none is refused. */
export function socketFilters(refused: RefusedSockets): readonly Filter[] {
  return refused.unix || refused.rare ? [compiler().socketsFilter(refused)] : [];
}

/** The filters that refuse mount namespaces, to be installed with others: none, where they are not refused. */
export function mountNamespaceFilters(refused: boolean): readonly Filter[] {
  return refused ? [compiler().mountNamespacesFilter()] : [];
}

/** It is loaded with the first filter. Without a free descriptor it cannot be. */
function compiler(): typeof filters {
  try {
    return require('./filters') as typeof filters;
  } catch (cause) {
    throw systemError(cause, { step: 'load the compiler of filters', operation: 'load' });
  }
}

/** The steps that install filters. They come immediately before `exec`, as all later calls are filtered. */
export function seccompSteps(filters: readonly Filter[]): Step[] {
  return filters.map(({ program, flags }) => ['seccomp', program, flags]);
}
