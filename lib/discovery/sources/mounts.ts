import type { ScanRow } from '../../../types/native';
import { type Graph, mutable } from '../graph';

/** Adds a bind mount of a namespace, from the mountinfo of this process or of another: `proc_pid_mountinfo(5)`. */
export function addMount(graph: Graph, row: Extract<ScanRow, ['mount', ...unknown[]]>): void {
  const [, pid, mountNamespace, mountPoint, flag, inode, opens] = row;
  const process = graph.process(pid);
  const namespace = graph.namespaceOf(flag, inode);
  if (namespace === undefined || (pid !== 0 && process === undefined)) return;
  const path = pid === 0 ? mountPoint : `/proc/${pid}/root${mountPoint}`;
  mutable(namespace).mounts.push({
    mountPoint,
    in: mountNamespace === 0 ? undefined : graph.namespace('mnt', mountNamespace),
    process,
    path: opens === 1 ? path : undefined,
  });
}
