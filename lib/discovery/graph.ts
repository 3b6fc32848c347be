import { CLONE_FLAGS, NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import { DiscoveredNamespace, type DiscoveredProcess, type NamespacesByKind } from './namespace';
import type { Unread } from './unread';

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

/** Lets the code that builds the graph write to an object that is read-only for all other code. */
export function mutable<T extends object>(thing: T): Mutable<T> {
  return thing as unknown as Mutable<T>;
}

/** The kinds of namespaces by their CLONE_NEW* flags. */
const KINDS = new Map(NAMESPACE_KINDS.map((kind) => [CLONE_FLAGS[kind], kind]));

/** The namespaces, processes and gaps that a scan has found so far. */
export class Graph {
  readonly processes: DiscoveredProcess[] = [];
  readonly unread: Unread[] = [];
  readonly #byPid = new Map<number, DiscoveredProcess>();
  readonly #byKind = Object.fromEntries(NAMESPACE_KINDS.map((kind) => [kind, new Map()])) as Record<
    NamespaceKind,
    Map<number, DiscoveredNamespace>
  >;

  /** All namespaces, in ascending order of id. */
  namespaces(): DiscoveredNamespace[] {
    const all = NAMESPACE_KINDS.flatMap((kind) => [...this.#byKind[kind]]);
    return all.sort(([a], [b]) => a - b).map(([, namespace]) => namespace);
  }

  /** The namespace with that kind and number. It is made where it was not known. */
  namespace(kind: NamespaceKind, inode: number): DiscoveredNamespace {
    const known = this.#byKind[kind].get(inode);
    if (known !== undefined) return known;
    const made = new DiscoveredNamespace(kind, BigInt(inode));
    this.#byKind[kind].set(inode, made);
    return made;
  }

  /**
   * The namespace with that number and with the kind of a CLONE_NEW* flag; undefined for a kind that is not known here.
   */
  namespaceOf(flag: number, inode: number): DiscoveredNamespace | undefined {
    const kind = KINDS.get(flag);
    return kind === undefined ? undefined : this.namespace(kind, inode);
  }

  /** The namespace with that kind and number, if it is known. The number 0 stands for none. */
  find(kind: NamespaceKind, inode: number): DiscoveredNamespace | undefined {
    return this.#byKind[kind].get(inode);
  }

  add(process: DiscoveredProcess): void {
    this.processes.push(process);
    this.#byPid.set(process.pid, process);
  }

  process(pid: number): DiscoveredProcess | undefined {
    return this.#byPid.get(pid);
  }
}

/** The namespaces with the inode numbers of a row, which are in the order of {@link NAMESPACE_KINDS}. */
export function namespacesOf(graph: Graph, inodes: readonly number[]): NamespacesByKind {
  const namespaces: Partial<Record<NamespaceKind, DiscoveredNamespace>> = {};
  NAMESPACE_KINDS.forEach((kind, index) => {
    const inode = inodes[index] ?? 0;
    if (inode !== 0) namespaces[kind] = graph.namespace(kind, inode);
  });
  return namespaces;
}
