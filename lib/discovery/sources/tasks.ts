import type { ScanRow } from '../../../types/native';
import { type Graph, mutable, namespacesOf } from '../graph';
import { DiscoveredTask } from '../namespace';

/** Adds a thread that is in other namespaces than its process: `/proc/PID/task/TID/ns`. */
export function addTask(graph: Graph, row: Extract<ScanRow, ['task', ...unknown[]]>): void {
  const [, pid, tid, startTime, name, ...inodes] = row;
  const process = graph.process(pid);
  if (process === undefined) return;
  const task = new DiscoveredTask(process, { tid, startTime, name });
  mutable(task).namespaces = namespacesOf(graph, inodes);
  mutable(process).tasks.push(task);
  for (const namespace of Object.values(task.namespaces)) {
    if (process.namespaces[namespace.kind] !== namespace) mutable(namespace).tasks.push(task);
  }
}
