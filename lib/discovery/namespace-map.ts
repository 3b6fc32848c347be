import { invalidType, validateInteger, validateOneOf, validatePid } from '../errors/validate';
import { inspectAs } from '../handle/inspect';
import { NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import type { DiscoveredNamespace, DiscoveredProcess } from './namespace';
import { toDot } from './picture/dot';
import { type SvgOptions, toSVG } from './picture/svg';
import { type TextOptions, toText } from './picture/text';
import type { Unread } from './unread';

/**
 * What {@link discover} has found: namespaces and processes, each linked with what belongs to it.
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

  /** Ascending by id. */
  readonly namespaces: readonly DiscoveredNamespace[];
  /** All processes that can be seen, by ascending pid, also those whose namespaces may not be read. */
  readonly processes: readonly DiscoveredProcess[];
  /** What could not be read, and so may be missing. Empty if nothing is. */
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

  /** How many namespaces. */
  get size(): number {
    return this.namespaces.length;
  }

  /** The user namespaces that no other owns, as far as can be seen: where every tree begins. */
  get roots(): DiscoveredNamespace[] {
    return this.ofKind('user').filter(({ owner }) => owner === undefined);
  }

  /**
   * A namespace by its kind and inode number.
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

  /** All namespaces of a kind, ascending by id. */
  ofKind(kind: NamespaceKind): DiscoveredNamespace[] {
    validateOneOf('kind', kind, NAMESPACE_KINDS);
    return this.namespaces.filter((namespace) => namespace.kind === kind);
  }

  /** A process by its pid. */
  process(pid: number): DiscoveredProcess | undefined {
    validatePid('pid', pid);
    this.#byPid ??= new Map(this.processes.map((process) => [process.pid, process]));
    return this.#byPid.get(pid);
  }

  /** The namespaces, as in `namespaces`. */
  [Symbol.iterator](): IterableIterator<DiscoveredNamespace> {
    return this.namespaces[Symbol.iterator]();
  }

  /** All there is, for `JSON.stringify()`: ids and pids in the place of links. */
  toJSON(): {
    /** {@link DiscoveredNamespace.toJSON} of each. */
    namespaces: object[];
    /** {@link DiscoveredProcess.toJSON} of each. */
    processes: object[];
    /** What could not be read. */
    unread: readonly Unread[];
  } {
    return {
      namespaces: this.namespaces.map((namespace) => namespace.toJSON()),
      processes: this.processes.map((process) => process.toJSON()),
      unread: this.unread,
    };
  }

  /** {@link toText} without options. */
  toString(): string {
    return this.toText();
  }

  /** The tree of user namespaces, what belongs to each, and who is in there, for a terminal. */
  toText(options: TextOptions = {}): string {
    return toText(this, options);
  }

  /**
   * The same as a graph in the language of Graphviz: `dot -Tsvg`. User namespaces are clusters, one in another;
   * processes that share all their namespaces are one node.
   */
  toDot(): string {
    return toDot(this);
  }

  /**
   * The same as a picture: user namespaces are frames, one in another; a card for each set of processes that share all
   * their namespaces. It is a file of its own that needs no fonts, scripts or network, and has a light and a dark look.
   */
  toSVG(options: SvgOptions = {}): string {
    return toSVG(this, options);
  }
}
