import type { ScanRow } from '../../../types/native';
import { systemError } from '../../errors/system-error';
import type { Graph } from '../graph';
import { HIDDEN, unreadOf } from '../unread';
import { addDescriptor, addSocket } from './descriptors';
import { addNamespace } from './hierarchy';
import { addMount } from './mounts';
import { addProcess } from './processes';
import { addTask } from './tasks';

type Adders = { [R in ScanRow as R[0]]: (graph: Graph, row: R) => void };

/** The function that adds each kind of row to the graph. */
const ADD: Adders = {
  process: addProcess,
  task: addTask,
  namespace: addNamespace,
  fd: addDescriptor,
  socket: addSocket,
  mount: addMount,
  unread: (graph, [, source, errno, count]) => graph.unread.push(unreadOf(source, errno, count)),
  hidden: (graph) => graph.unread.push(HIDDEN),
  failed: (_, [, errno, syscall, path]) => {
    throw systemError({ errno, syscall, path }, { step: 'read /proc', operation: 'scan', path });
  },
};

/** Adds a row of a scan to the graph. */
export function addRow(graph: Graph, row: ScanRow): void {
  (ADD[row[0]] as (graph: Graph, row: ScanRow) => void)(graph, row);
}
