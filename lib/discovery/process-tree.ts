import { plainOptions } from '../errors/plain';
import { inspectAs } from '../handle/inspect';
import { validateBoolean, validateOneOf } from '../errors/validate';
import { NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import { look } from './discover';
import type { DiscoveredNamespace, DiscoveredProcess } from './namespace';
import { parseDiscover } from './discover-options';
import { columnsOf, printable } from './picture/printable';

/** Options of {@link processTree}. */
export interface ProcessTreeOptions {
  /** The kind of namespace that divides the processes. */
  by: NamespaceKind;
  /** Aborts the call, which then rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/** A process and those of its children that are in the same namespace. */
export interface ProcessTreeNode {
  /** The process. */
  readonly process: DiscoveredProcess;
  /** Ascending by pid. */
  readonly children: readonly ProcessTreeNode[];
}

/** The processes of one namespace. */
export interface NamespaceTree {
  /** The namespace they are in. */
  readonly namespace: DiscoveredNamespace;
  /** The processes whose parent is in another namespace, by ascending pid. */
  readonly roots: readonly ProcessTreeNode[];
}

/** How {@link ProcessForest.toText} draws. */
export interface ForestOptions {
  /** Pids behind the names, as `pstree -p`. Default true. */
  pids?: boolean | undefined;
  /** Lines of ASCII letters, as `pstree -A`. Default false. */
  ascii?: boolean | undefined;
}

/** The result of {@link processTree}: iterable, with one or more trees for each namespace. */
export class ProcessForest implements Iterable<NamespaceTree> {
  static {
    inspectAs(this, ({ by, trees }) => ({ by, trees: trees.length }));
  }

  /** The kind of namespace that they are put together by. */
  readonly by: NamespaceKind;
  /** Ordered by the lowest pid in each. */
  readonly trees: readonly NamespaceTree[];

  /** @internal */
  constructor(by: NamespaceKind, trees: readonly NamespaceTree[]) {
    this.by = by;
    this.trees = trees;
  }

  /** The trees. */
  [Symbol.iterator](): IterableIterator<NamespaceTree> {
    return this.trees[Symbol.iterator]();
  }

  /** As `pstree -pTN KIND` prints it. */
  toString(): string {
    return this.toText();
  }

  /** As {@link toString}, with options. */
  toText(options: ForestOptions = {}): string {
    const { pids = true, ascii = false } = plainOptions('options', options, ['pids', 'ascii']);
    validateBoolean('options.pids', pids);
    validateBoolean('options.ascii', ascii);
    const style = { pids, lines: ascii ? ASCII : UNICODE };
    return this.trees
      .flatMap(({ namespace, roots }) => [`[${namespace.id}]`, ...roots.flatMap((root) => draw(root, style))])
      .join('\n');
  }

  /**
   * For `JSON.stringify()`: namespaces by kind and id; processes by pid and name, in the order in which they are drawn, each
   * with the pid of the process that it is below, or null at the top. It is a list, and no tree: a chain of processes may be
   * longer than `JSON.stringify()` can nest.
   */
  toJSON(): NamespaceTreeJSON[] {
    return this.trees.map(({ namespace, roots }) => ({
      ...{ kind: namespace.kind, id: Number(namespace.id), processes: listed(roots) },
    }));
  }
}

/** What {@link ProcessForest.toJSON} gives for each namespace. */
export interface NamespaceTreeJSON {
  /** Its kind. */
  kind: NamespaceKind;
  /** Its inode number. */
  id: number;
  /** Parents before their children. */
  processes: {
    /** As this process sees it. */
    pid: number;
    /** Its `comm`: anything may be in it. */
    name: string;
    /** The pid of the process above it in the tree; null where it begins one. */
    parent: number | null;
  }[];
}

/** Without recursion, as {@link draw}. */
function listed(roots: readonly ProcessTreeNode[]): NamespaceTreeJSON['processes'] {
  const list: NamespaceTreeJSON['processes'] = [];
  const pending = [...roots].reverse().map((node) => ({ node, parent: null as number | null }));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, parent } = next;
    const { pid, name } = node.process;
    list.push({ pid, name, parent });
    for (const child of [...node.children].reverse()) pending.push({ node: child, parent: pid });
  }
  return list;
}

interface Lines {
  only: string;
  first: string;
  middle: string;
  last: string;
  past: string;
}

interface Style {
  pids: boolean;
  lines: Lines;
}

const UNICODE: Lines = { only: '───', first: '─┬─', middle: ' ├─', last: ' └─', past: ' │ ' };
const ASCII: Lines = { only: '---', first: '-+-', middle: ' |-', last: ' `-', past: ' | ' };

/**
 * The processes of each namespace of a kind, as trees: what `pstree --ns-sort` shows. A process whose parent is in
 * another namespace begins a tree. Those whose namespaces may not be read are left out.
 *
 * @throws TypeError for bad options; NamespaceError when there is no /proc; an `AbortError`
 *
 * @example
 * ```ts
 * console.log(String(await processTree({ by: 'user' })));
 * // [4026531837]
 * // bash(22721)───node(22751)
 * // [4026532212]
 * // csh(22755)───tcsh(22771)
 * ```
 */
export async function processTree(options: ProcessTreeOptions): Promise<ProcessForest> {
  const { by, signal } = plainOptions('options', options, ['by', 'signal']);
  validateOneOf('options.by', by, NAMESPACE_KINDS);
  const none = {
    tasks: false,
    forChildren: false,
    fds: false,
    sockets: false,
    mounts: false,
    commands: false,
    users: false,
  } as const;
  const map = await look(parseDiscover({ ...none, kinds: [by], hierarchy: false, signal }));
  const trees = map.ofKind(by).filter(({ processes }) => processes.length > 0);
  const lowest = ({ processes }: DiscoveredNamespace): number => processes[0]?.pid ?? 0;
  return new ProcessForest(by, trees.sort((a, b) => lowest(a) - lowest(b)).map(treesOf));
}

function treesOf(namespace: DiscoveredNamespace): NamespaceTree {
  const { kind, processes } = namespace;
  const nodes = new Map(processes.map((process) => [process, { process, children: [] as ProcessTreeNode[] }]));
  const roots: ProcessTreeNode[] = [];
  for (const [{ parent }, node] of nodes) {
    const above = parent?.namespaces[kind] === namespace ? nodes.get(parent) : undefined;
    (above?.children ?? roots).push(node);
  }
  return { namespace, roots };
}

/** A node that is still to be drawn. */
interface Drawn {
  node: ProcessTreeNode;
  /** What leads to it: behind its parent where it is the first child, else at the start of a line. */
  lead: string;
  isFirst: boolean;
  /** What the lines below it begin with. */
  margin: string;
}

/** The first child beside its parent, the others below. Without recursion: a chain of processes may be thousands long. */
function draw(root: ProcessTreeNode, { lines, pids }: Style): string[] {
  const drawn: string[] = [];
  const pending: Drawn[] = [{ node: root, lead: '', isFirst: false, margin: '' }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, lead, isFirst, margin } = next;
    const { process, children } = node;
    const name = printable(process.name);
    const label = pids ? `${name}(${process.pid})` : name;
    drawn.push((isFirst ? (drawn.pop() ?? '') : '') + lead + label);
    const indent = margin + ' '.repeat(columnsOf(label));
    const below = children.map((child, index): Drawn => {
      const isFirst = index === 0;
      const isLast = index === children.length - 1;
      const beside = isLast ? lines.only : lines.first;
      const lead = isFirst ? beside : indent + (isLast ? lines.last : lines.middle);
      return { node: child, lead, isFirst, margin: indent + (isLast ? '   ' : lines.past) };
    });
    for (const each of below.reverse()) pending.push(each);
  }
  return drawn;
}
