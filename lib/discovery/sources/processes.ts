import type { ScanRow } from '../../../types/native';
import { NAMESPACE_KINDS } from '../../kernel/namespace-kind';
import { type Graph, mutable, namespacesOf } from '../graph';
import { DiscoveredProcess } from '../namespace';

/** Adds a process and the namespaces that it is in: `/proc/PID/ns`. */
export function addProcess(graph: Graph, row: Extract<ScanRow, ['process', ...unknown[]]>): void {
  const [, pid, ppid, uid, state, startTime, name, command, ...inodes] = row;
  const process = new DiscoveredProcess({ pid, ppid, uid, state, startTime, name, command: command ?? undefined });
  mutable(process).namespaces = namespacesOf(graph, inodes);
  graph.add(process);
  for (const namespace of Object.values(process.namespaces)) mutable(namespace).processes.push(process);
  const [pidForChildren = 0, timeForChildren = 0] = inodes.slice(NAMESPACE_KINDS.length);
  addForChildren(graph, process, 'pid', pidForChildren);
  addForChildren(graph, process, 'time', timeForChildren);
}

function addForChildren(graph: Graph, process: DiscoveredProcess, kind: 'pid' | 'time', inode: number): void {
  if (inode === 0 || inode === Number(process.namespaces[kind]?.id)) return;
  mutable(graph.namespace(kind, inode)).forChildren.push(process);
}

/**
 * Links parents and children, once all processes are known. Processes are read one after another, so another process
 * may have the pid of the parent by now. A process is never younger than its children, which shows that.
 */
export function linkParent(graph: Graph, process: DiscoveredProcess): void {
  const parent = graph.process(process.ppid);
  if (parent === undefined || parent.startTime > process.startTime) return;
  mutable(process).parent = parent;
  mutable(parent).children.push(process);
}
