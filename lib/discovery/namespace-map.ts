import { invalidType, validateInteger, validateOneOf, validatePid } from '../errors/validate';
import { inspectAs } from '../handle/inspect';
import { NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import type { DiscoveredNamespace, DiscoveredProcess } from './namespace';
import { toDot } from './picture/dot';
import { type SvgOptions, toSVG } from './picture/svg';
import { type TextOptions, toText } from './picture/text';
import type { Unread } from './unread';

/**
 * The result of {@link discover}: namespaces and processes, each linked with the others that it belongs to.
 *
 * It is plain data: no descriptor is open, and nothing changes later. `JSON.stringify()` gives all of it, with ids in
 * place of links.
 */
export class NamespaceMap implements Iterable<DiscoveredNamespace> {
  static {
    inspectAs(this, ({ size, processes }) => ({
      [`${size} namespaces`]: true,
      [`${processes.length} processes`]: true,
    }));
  }

  /** The namespaces, in ascending order of id. */
  readonly namespaces: readonly DiscoveredNamespace[];
  /** All processes that can be seen, in ascending order of pid, also those whose namespaces may not be read. */
  readonly processes: readonly DiscoveredProcess[];
  /** The gaps: sources that could not be read, so that namespaces may be missing. Empty where everything was read. */
  readonly unread: readonly Unread[];
  #byName: ReadonlyMap<string, DiscoveredNamespace> | undefined;
  #byPid: ReadonlyMap<number, DiscoveredProcess> | undefined;

  /** @internal */
  constructor(
    namespaces: readonly DiscoveredNamespace[],
    processes: readonly DiscoveredProcess[],
    unread: readonly Unread[],
  ) {
    this.namespaces = namespaces;
    this.processes = processes;
    this.unread = unread;
  }

  /** The number of namespaces. */
  get size(): number {
    return this.namespaces.length;
  }

  /** The user namespaces without an owner that can be seen. Every tree of namespaces begins with one of them. */
  get roots(): DiscoveredNamespace[] {
    return this.ofKind('user').filter(({ owner }) => owner === undefined);
  }

  /**
   * Finds a namespace by its kind and inode number; undefined where there is none.
   *
   * @example
   * ```ts
   * const net = await Namespace.open('/run/netns/blue');
   * const found = map.get(net.kind, net.id);
   * ```
   */
  get(kind: NamespaceKind, id: bigint | number): DiscoveredNamespace | undefined {
    validateOneOf('kind', kind, NAMESPACE_KINDS);
    if (typeof id !== 'bigint' && typeof id !== 'number') throw invalidType('id', 'of type bigint or number', id);
    if (typeof id === 'number') validateInteger('id', id, 0);
    this.#byName ??= new Map(this.namespaces.map((namespace) => [String(namespace), namespace]));
    return this.#byName.get(`${kind}:[${id}]`);
  }

  /** All namespaces of a kind, in ascending order of id. */
  ofKind(kind: NamespaceKind): DiscoveredNamespace[] {
    validateOneOf('kind', kind, NAMESPACE_KINDS);
    return this.namespaces.filter((namespace) => namespace.kind === kind);
  }

  /** Finds a process by its pid; undefined where there is none. */
  process(pid: number): DiscoveredProcess | undefined {
    validatePid('pid', pid);
    this.#byPid ??= new Map(this.processes.map((process) => [process.pid, process]));
    return this.#byPid.get(pid);
  }

  /** Iterates over `namespaces`. */
  [Symbol.iterator](): IterableIterator<DiscoveredNamespace> {
    return this.namespaces[Symbol.iterator]();
  }

  /** The plain data for `JSON.stringify()`, with ids and pids in place of links. */
  toJSON(): {
    /** The {@link DiscoveredNamespace.toJSON} of each namespace. */
    namespaces: object[];
    /** The {@link DiscoveredProcess.toJSON} of each process. */
    processes: object[];
    /** The sources that could not be read. */
    unread: readonly Unread[];
  } {
    return {
      namespaces: this.namespaces.map((namespace) => namespace.toJSON()),
      processes: this.processes.map((process) => process.toJSON()),
      unread: this.unread,
    };
  }

  /** Draws the map as {@link toText} does without options. */
  toString(): string {
    return this.toText();
  }

  /**
   * Draws the map for a terminal: the tree of user namespaces, the namespaces that each of them owns, and the processes
   * in there.
   */
  toText(options: TextOptions = {}): string {
    return toText(this, options);
  }

  /**
   * Draws the map as a graph in the language of Graphviz, for `dot -Tsvg`. User namespaces are clusters, one in
   * another; processes that share all their namespaces are one node.
   */
  toDot(): string {
    return toDot(this);
  }

  /**
   * Draws the map as a picture in SVG. User namespaces are frames, one in another; processes that share all their
   * namespaces are one card. The picture needs no fonts, scripts or network, and has a light and a dark theme.
   */
  toSVG(options: SvgOptions = {}): string {
    return toSVG(this, options);
  }
}
