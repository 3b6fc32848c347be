/**
 * The places of hosts and networks in a picture. Hosts that are on one network only stand around it. What connects networks
 * is moved by forces: all push each other away, and what is connected is pulled together. The same lab always has the same
 * picture.
 */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The names of what is to be placed. Names of hosts and of networks may be the same. */
export interface Graph {
  readonly networks: readonly string[];
  readonly hosts: readonly string[];
  /** The interfaces of hosts on networks that are no cables. */
  readonly plugs: readonly { readonly host: string; readonly network: string }[];
  /** The pairs of hosts with a cable. */
  readonly cables: readonly { readonly a: string; readonly b: string }[];
}

export interface Layout {
  readonly networks: ReadonlyMap<string, Point>;
  readonly hosts: ReadonlyMap<string, Point>;
}

/** The room between two hosts that stand side by side, and between hosts and their network. */
const SPACING = 112;
const SHORTEST = 140;

/** The room around something that has no hosts around it. */
const CLEARANCE = 70;

/** The moves of all nodes, and the most pairs that are looked at in all of them: the event loop waits meanwhile. */
const ROUNDS = 300;
const MOST_PAIRS = 2_000_000;

interface Node {
  x: number;
  y: number;
  /** The room that it takes. */
  readonly radius: number;
}

interface Edge {
  readonly a: Node;
  readonly b: Node;
  readonly length: number;
}

export function layOut(graph: Graph): Layout {
  const plugsOf = countBy([...graph.plugs.map(({ host }) => host), ...graph.cables.flatMap(({ a, b }) => [a, b])]);
  const cabled = new Set(graph.cables.flatMap(({ a, b }) => [a, b]));
  const isLeaf = (host: string): boolean => plugsOf.get(host) === 1 && !cabled.has(host);
  const leaves = new Map(graph.networks.map((network) => [network, [] as string[]]));
  for (const { host, network } of graph.plugs) if (isLeaf(host)) leaves.get(network)?.push(host);

  const inner = graph.hosts.filter((host) => !isLeaf(host));
  const total = graph.networks.length + inner.length;
  const nodeAt = (index: number, radius: number): Node => {
    // On a spiral: no two are at one place, and no three in one line.
    const [angle, distance] = [index * 2.4, 40 * Math.sqrt(index * total)];
    return { x: distance * Math.cos(angle), y: distance * Math.sin(angle), radius };
  };
  const networks = new Map(
    graph.networks.map((name, index) => [name, nodeAt(index, radiusAround(leaves.get(name)?.length ?? 0))]),
  );
  const hosts = new Map(inner.map((name, index) => [name, nodeAt(graph.networks.length + index, CLEARANCE)]));
  const edges = edgesOf(graph, networks, hosts);
  push([...networks.values(), ...hosts.values()], edges);
  const placed = new Map<string, Point>(hosts);
  for (const [network, around] of leaves) placeAround(networks.get(network), around, edges, placed);
  return { networks, hosts: placed };
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** A network that has nothing but the hosts around it has the whole circle for them; others have a part of it. */
function radiusAround(leaves: number): number {
  return leaves === 0 ? CLEARANCE : distanceOf(leaves, Math.PI * 1.2) + CLEARANCE;
}

function distanceOf(leaves: number, arc: number): number {
  return Math.max(SHORTEST, (leaves * SPACING) / arc);
}

function edgesOf(graph: Graph, networks: ReadonlyMap<string, Node>, hosts: ReadonlyMap<string, Node>): Edge[] {
  const ends = [
    ...graph.plugs.map(({ host, network }) => [hosts.get(host), networks.get(network)] as const),
    ...graph.cables.map(({ a, b }) => [hosts.get(a), hosts.get(b)] as const),
  ];
  return ends.flatMap(([a, b]) => (a === undefined || b === undefined ? [] : [{ a, b, length: a.radius + b.radius }]));
}

/** Moves all nodes until little changes. */
function push(nodes: readonly Node[], edges: readonly Edge[]): void {
  const rounds = Math.min(ROUNDS, Math.ceil(MOST_PAIRS / (nodes.length ** 2 + 1)));
  for (let round = 0; round < rounds; round++) {
    const strength = 1 - round / rounds;
    for (const { a, b, length } of edges) move(a, b, (distance) => (distance - length) * 0.1);
    nodes.forEach((a, index) => {
      for (const b of nodes.slice(index + 1)) {
        const room = (a.radius + b.radius) * 1.1;
        move(a, b, (distance) => (distance < room ? (distance - room) * 0.25 : -(room * strength * 8) / distance));
      }
    });
  }
}

/** Moves two nodes towards each other by a part of their distance, or away. */
function move(a: Node, b: Node, by: (distance: number) => number): void {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const distance = Math.max(1, Math.hypot(dx, dy));
  const [x, y] = [(dx / distance) * by(distance), (dy / distance) * by(distance)];
  a.x += x;
  a.y += y;
  b.x -= x;
  b.y -= y;
}

/** Places hosts around their network, in the widest part of the circle that nothing else is connected from. */
function placeAround(
  center: Node | undefined,
  hosts: readonly string[],
  edges: readonly Edge[],
  placed: Map<string, Point>,
): void {
  if (center === undefined) return;
  const taken = edges
    .flatMap(({ a, b }) => (a === center ? [b] : b === center ? [a] : []))
    .map((other) => Math.atan2(other.y - center.y, other.x - center.x));
  const { from, width } = widestGap(taken);
  const distance = distanceOf(hosts.length, width);
  hosts.forEach((host, index) => {
    const angle = from + ((index + 0.5) / hosts.length) * width;
    placed.set(host, { x: center.x + distance * Math.cos(angle), y: center.y + distance * Math.sin(angle) });
  });
}

/** The part of a circle between two neighboring angles that is the widest, without a margin on both sides. */
function widestGap(angles: readonly number[]): { from: number; width: number } {
  if (angles.length === 0) return { from: 0, width: Math.PI * 2 };
  const sorted = [...angles].sort((a, b) => a - b);
  const gaps = sorted.map((from, index) => ({
    from,
    width: (sorted[index + 1] ?? (sorted[0] ?? 0) + Math.PI * 2) - from,
  }));
  const widest = gaps.reduce((best, gap) => (gap.width > best.width + 1e-9 ? gap : best));
  const margin = Math.min(0.5, widest.width / 6);
  return { from: widest.from + margin, width: widest.width - 2 * margin };
}
