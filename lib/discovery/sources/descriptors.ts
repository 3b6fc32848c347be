import type { ScanRow } from '../../../types/native';
import { type Graph, mutable } from '../graph';

/** Adds a descriptor of a namespace: `/proc/PID/fd`. */
export function addDescriptor(graph: Graph, row: Extract<ScanRow, ['fd', ...unknown[]]>): void {
  const [, pid, fd, flag, inode] = row;
  const process = graph.process(pid);
  const namespace = graph.namespaceOf(flag, inode);
  if (process !== undefined && namespace !== undefined) mutable(namespace).descriptors.push({ process, fd });
}

/** Adds a socket. It stays in the network namespace that it was created in, also when its process moves to another. */
export function addSocket(graph: Graph, row: Extract<ScanRow, ['socket', ...unknown[]]>): void {
  const [, pid, fd, inode] = row;
  const process = graph.process(pid);
  const namespace = graph.find('net', inode);
  if (process === undefined || namespace === undefined || process.namespaces.net === namespace) return;
  mutable(namespace).sockets.push({ process, fd });
}
