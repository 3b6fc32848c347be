import { eachInTurns, pause } from '../event-loop/turns';
import { Graph, mutable } from './graph';
import type { DiscoveredNamespace } from './namespace';
import { NamespaceMap } from './namespace-map';
import { DISCOVER, type DiscoverOptions, type DiscoverRequest, requestOf } from './discover-options';
import { scan } from './scan';
import { linkParent } from './sources/processes';
import { addRow } from './sources/rows';
import { userNames } from './users';

/**
 * Finds every namespace that this process can find: the namespaces of processes and threads, those that a descriptor, a
 * socket or a bind mount keeps, and the owners and parents of all these (`namespaces(7)`, `ioctl_ns(2)`).
 *
 * It is not a snapshot: processes come and go while it reads, and each is shown as it was when it was read. A namespace
 * or process that disappears meanwhile is left out, and a number that is used again never leads to a wrong edge.
 * Everything that may not be read is counted in {@link NamespaceMap.unread}. /proc is read on a thread of its own, so
 * the event loop goes on.
 *
 * Needs no privilege. To see the namespaces of other users' processes needs CAP_SYS_PTRACE, and to see those of their
 * sockets also CAP_NET_ADMIN.
 *
 * @throws TypeError for bad options; NamespaceError when there is no /proc; an `AbortError`
 *
 * @example
 * ```ts
 * const map = await discover();
 * for (const user of map.ofKind('user')) console.log(String(user), user.ownerUid, user.processes.length);
 * await writeFile('namespaces.svg', map.toSVG());
 * ```
 */
export async function discover(options: DiscoverOptions = {}): Promise<NamespaceMap> {
  return look(requestOf(DISCOVER('options', options)));
}

/** Scans the host once. */
export async function look(request: DiscoverRequest): Promise<NamespaceMap> {
  const graph = new Graph();
  await scan(request, (row) => addRow(graph, row));
  await eachInTurns(graph.processes, (process) => linkParent(graph, process));
  const namespaces = graph.namespaces();
  await pause();
  if (request.users) await nameUsers(graph, namespaces);
  return new NamespaceMap(namespaces, graph.processes, graph.unread);
}

async function nameUsers(graph: Graph, namespaces: readonly DiscoveredNamespace[]): Promise<void> {
  const owners = namespaces.flatMap(({ ownerUid }) => ownerUid ?? []);
  const names = await userNames([...owners, ...graph.processes.map(({ uid }) => uid)]);
  await eachInTurns(graph.processes, (process) => {
    mutable(process).user = names.get(process.uid);
  });
  for (const namespace of namespaces) {
    if (namespace.ownerUid === undefined) continue;
    mutable(namespace).ownerUser = names.get(namespace.ownerUid);
  }
}
