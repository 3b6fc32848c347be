import { MS_REC } from '../kernel/mount-flags';
import { kindsOfFlags } from '../kernel/namespace-kind';
import { PROPAGATIONS, PROPAGATION_FLAGS } from '../kernel/propagation';
import { RESOURCES } from '../kernel/resources';
import { PLACE } from './place';

/** `'net, uts'`: the kinds whose CLONE_NEW* flags are given. */
export function kindsIn(flags: readonly number[]): string {
  return kindsOfFlags(flags.reduce((all, flag) => all | flag, 0)).join(', ');
}

/** `'choose pid 4242'`; with several levels, the innermost comes first. */
export function describePids(pids: readonly number[]): string {
  return `choose ${pids.length === 1 ? 'pid' : 'pids'} ${pids.join(', ')}`;
}

/** `'CPU, NOFILE'`: the first of every `every` numbers is a resource. */
export function resourcesOf(limits: readonly number[], every: number): string {
  const resources = limits.filter((_, index) => index % every === 0);
  return resources.map((resource) => RESOURCES[resource] ?? String(resource)).join(', ');
}

/** `'private (recursive)'` */
export function describePropagation(flags: number): string {
  const propagation = PROPAGATIONS.find((name) => (flags & PROPAGATION_FLAGS[name]) !== 0) ?? 'unchanged';
  return (flags & MS_REC) === 0 ? propagation : `${propagation} (recursive)`;
}

/** The words for a step `tree`: what it does, and to which source or descriptor. */
export function describeTree(tree: {
  source: string | null;
  fds: readonly number[];
  flags: number;
  target: string | null;
}): string {
  const { source, fds, flags, target } = tree;
  const what = source ?? (fds.length === 0 ? 'none' : `descriptor ${fds[0]}`);
  if (target === null) return `open ${what}`;
  return (flags & PLACE.NO_COPY) === 0 ? `bind ${what} on ${target}` : `attach ${what} to ${target}`;
}

/** `'1000:unchanged'` */
export function describeIds(uid: number, gid: number): string {
  return [uid, gid].map((id) => (id === -1 ? 'unchanged' : String(id))).join(':');
}
