import { abortSignal, boolean, oneOf, required, schema } from '../errors/schema';
import { inspectAs } from '../handle/inspect';
import { NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import { look } from './discover';
import type { DiscoveredNamespace, DiscoveredProcess } from './namespace';
import { NOTHING_ELSE, requestOf } from './discover-options';
import { columnsOf, printable } from '../errors/printable';

/** Options of {@link processTree}. Unknown ones are errors. */
export interface ProcessTreeOptions {
  /** The kind of namespace by which the processes are divided. */
  by: NamespaceKind;
  /** Aborts the call, which then rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/** A process and those of its children that are in the same namespace. */
export interface ProcessTreeNode {
  /** The process. */
  readonly process: DiscoveredProcess;
  /** The children, in ascending order of pid. */
  readonly children: readonly ProcessTreeNode[];
}

/** The processes of one namespace. */
export interface NamespaceTree {
  /** The namespace that the processes are in. */
  readonly namespace: DiscoveredNamespace;
  /** The processes whose parent is in another namespace, in ascending order of pid. */
  readonly roots: readonly ProcessTreeNode[];
}

/** Options of {@link ProcessForest.toText}. Unknown ones are errors. */
export interface ForestOptions {
  /** Prints pids after the names, as `pstree -p` does. Default: true. */
  pids?: boolean | undefined;
  /** Draws lines with ASCII characters, as `pstree -A` does. Default: false. */
  ascii?: boolean | undefined;
}

const TREE = schema<ProcessTreeOptions>()({ by: required(oneOf(NAMESPACE_KINDS)), signal: abortSignal });
const FOREST = schema<ForestOptions>()({ pids: boolean, ascii: boolean });

/** The result of {@link processTree}: one or more trees for each namespace. It can be iterated over. */
export class ProcessForest implements Iterable<NamespaceTree> {
  static {
    inspectAs(this, ({ by, trees }) => ({ by, trees: trees.length }));
  }

  /** The kind of namespace by which the processes are divided. */
  readonly by: NamespaceKind;
  /** The trees of each namespace, ordered by the lowest pid in each. */
  readonly trees: readonly NamespaceTree[];

  /** @internal */
  constructor(by: NamespaceKind, trees: readonly NamespaceTree[]) {
    this.by = by;
    this.trees = trees;
  }

  /** Iterates over the trees. */
  [Symbol.iterator](): IterableIterator<NamespaceTree> {
    return this.trees[Symbol.iterator]();
  }

  /** Draws the trees as `pstree -pTN KIND` does. Control characters in names are made visible. */
  toString(): string {
    return this.toText();
  }

  /** Draws the trees as {@link toString} does, with options. */
  toText(options: ForestOptions = {}): string {
    const { pids = true, ascii = false } = FOREST('options', options);
    const style = { pids, lines: ascii ? ASCII : UNICODE };
    return this.trees
      .flatMap(({ namespace, roots }) => [`[${namespace.id}]`, ...roots.flatMap((root) => draw(root, style))])
      .join('\n');
  }

  /**
   * The plain data for `JSON.stringify()`. Each namespace has its kind and its id. Each process has its pid, its name,
   * and the pid of the process above it, which is null at the top; processes are in the order in which they are drawn.
   * They are a list and not a tree, because a chain of processes may be longer than `JSON.stringify()` can nest.
   */
  toJSON(): NamespaceTreeJSON[] {
    return this.trees.map(({ namespace, roots }) => ({
      ...{ kind: namespace.kind, id: Number(namespace.id), processes: listed(roots) },
    }));
  }
}

/** The plain data of one namespace from {@link ProcessForest.toJSON}. */
export interface NamespaceTreeJSON {
  /** The kind of the namespace. */
  kind: NamespaceKind;
  /** The inode number of the namespace. */
  id: number;
  /** The processes. Each parent comes before its children. */
  processes: {
    /** The pid, as this process sees it. */
    pid: number;
    /** The `comm` of the process, which the process sets: it may contain anything. */
    name: string;
    /** The pid of the process above it in the tree; null where the process is the root of a tree. */
    parent: number | null;
  }[];
}

/** The list of processes of some trees. It is made without recursion, as in {@link draw}. */
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
 * Finds the processes of each namespace of a kind, as trees: `pstree --ns-sort` shows the same. A process whose parent
 * is in another namespace is the root of a tree. Processes whose namespaces may not be read are left out.
 *
 * Needs no privilege. To see the namespaces of other users' processes needs CAP_SYS_PTRACE.
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
  const { by, signal } = TREE('options', options);
  const map = await look(requestOf({ ...NOTHING_ELSE, kinds: [by], signal }));
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
  /**
   * The text before the name: it follows the parent's text for the first child, and is at the start of a line for the
   * others.
   */
  lead: string;
  isFirst: boolean;
  /** The beginning of the lines below it. */
  margin: string;
}

/**
 * Draws a tree: the first child on the line of its parent, the others below. It works without recursion, because a
 * chain of processes may be thousands long.
 */
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
