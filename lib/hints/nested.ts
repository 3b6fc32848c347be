import type { NamespaceKind } from '../kernel/namespace-kind';
import type { HostFiles } from '../kernel/host-files';

/** The first user and pid namespaces always have these inodes (`PROC_USER_INIT_INO`, … of `<linux/proc_ns.h>`). */
const INITIAL: Readonly<Partial<Record<NamespaceKind, string>>> = {
  user: 'user:[4026531837]',
  pid: 'pid:[4026531836]',
};

/** True where Node runs in a namespace below the first of its kind; undefined where /proc does not say. */
export function isNested(host: HostFiles, kind: 'user' | 'pid'): boolean | undefined {
  const current = host.link(`self/ns/${kind}`);
  return current === undefined ? undefined : current !== INITIAL[kind];
}
