import type { DiscoveredNamespace } from '../namespace';
import { KIND_COLORS } from './colors';
import { shortened } from '../../errors/printable';
import { type Pictured, type Bundle, type Frame, countOf, creatorOf, keepersOf, leavesOf, sceneOf } from './scene';

const LEAVES = 6;
const COLUMNS = 48;

/**
 * Draws a map for Graphviz, dot(1). The frames are clusters. The bundles of processes are boxes, with an edge to each
 * namespace that they are in.
 */
export function toDot(map: Pictured): string {
  const scene = sceneOf(map);
  const edges = new Edges();
  const clusters = scene.frames.flatMap((frame) => clusterOf(frame, edges));
  return [
    'digraph namespaces {',
    '  rankdir=LR; compound=true; fontname="sans-serif"; labeljust=l;',
    '  node [fontname="sans-serif", fontsize=11, shape=box]; edge [color="#57606a", arrowsize=0.6];',
    ...[...clusters, ...edges.lines].map((line) => `  ${line}`),
    ...map.namespaces.filter(({ kind }) => kind === 'pid').flatMap((namespace) => parentEdge(namespace)),
    ...(scene.notes.length === 0 ? [] : [`  label=${quoted(scene.notes.join('\n'))};`]),
    '}',
    '',
  ].join('\n');
}

/**
 * The edges. They come after the clusters, because a node that an edge names inside of a cluster would be drawn in
 * there.
 */
class Edges {
  readonly lines: string[] = [];
  #bundles = 0;

  /** Adds edges to these namespaces, and returns the name of the bundle that they come from. */
  from(namespaces: readonly DiscoveredNamespace[]): string {
    const name = `bundle${this.#bundles++}`;
    this.lines.push(...namespaces.map((namespace) => `${name} -> ${quoted(String(namespace))};`));
    return name;
  }
}

function clusterOf({ user, bundles, frames }: Frame, edges: Edges): string[] {
  const about =
    user === undefined ? [] : [creatorOf(user), user.processes.length === 0 ? keepersOf(user).join(', ') : ''];
  const title = [user === undefined ? 'owner out of sight' : String(user), ...about].filter((text) => text !== '');
  return [
    `subgraph ${quoted(`cluster_${user === undefined ? 'unowned' : String(user)}`)} {`,
    `  label=${quoted(title.join(', '))}; style=rounded; color="#37474f";`,
    ...[
      ...bundles.flatMap((bundle) => bundleOf(bundle, edges)),
      ...frames.flatMap((frame) => clusterOf(frame, edges)),
    ].map((line) => `  ${line}`),
    '}',
  ];
}

function bundleOf(bundle: Bundle, edges: Edges): string[] {
  const { own, shared, members, keepers } = bundle;
  const nodes = own.map((namespace) => {
    const color = KIND_COLORS[namespace.kind];
    return `${quoted(String(namespace))} [style="filled,rounded", fillcolor="${color}", fontcolor=white];`;
  });
  const leaves = leavesOf(bundle);
  const lines = [...keepers, ...leaves.slice(0, LEAVES)].map((leaf) => shortened(leaf, COLUMNS));
  if (leaves.length > LEAVES) lines.push(`and ${leaves.length - LEAVES} more`);
  if (members.length > 1) lines.unshift(countOf(members));
  const name = edges.from([...own, ...shared]);
  const style = members.length === 0 ? ', style=dashed' : '';
  // \l ends a line, which is aligned to the left.
  const label = `"${lines.map((line) => `${escaped(line)}\\l`).join('')}"`;
  return [...nodes, `${name} [label=${label}${style}];`];
}

function parentEdge(namespace: DiscoveredNamespace): string[] {
  const { parent } = namespace;
  if (parent === undefined) return [];
  return [`  ${quoted(String(namespace))} -> ${quoted(String(parent))} [style=dashed, constraint=false];`];
}

function quoted(text: string): string {
  return `"${escaped(text).replaceAll('\n', '\\n')}"`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}
