/** The picture of a lab, with its faults in red. */
import type { HostState } from '../host';
import type { Interface } from '../interface';
import { type Layout, type Point, layOut } from './layout';

/** The things to draw of a lab. */
export interface Scene {
  readonly hosts: ReadonlyMap<string, SceneHost>;
  readonly networks: ReadonlyMap<string, SceneNetwork>;
  /** The words for what is wrong between hosts, a line for each. */
  readonly faults: readonly string[];
  /** The words for what impairs an interface, by its port. */
  readonly impaired: ReadonlyMap<string, string>;
  /** The hosts that are cut off from others. */
  readonly cut: ReadonlySet<string>;
}

export interface SceneHost {
  readonly name: string;
  readonly state: HostState;
  readonly isRouter: boolean;
  readonly unplugged: ReadonlySet<string>;
  readonly interfaces: readonly Interface[];
}

export interface SceneNetwork {
  readonly name: string;
  readonly subnet: string | undefined;
  readonly subnet6: string | undefined;
  readonly isLink: boolean;
  readonly interfaces: readonly Interface[];
}

const MARGIN = 70;
const LINE = 18;
const HOST = { width: 92, height: 44 };

/** The most characters of a name and of an address that fit into a host. */
const MOST_CHARACTERS = 13;

/** The least width, so that the words at the bottom have room. */
const LEAST_WIDTH = 360;

/** Colors are readable on white, and told apart by those who do not see red and green: faults are dashed as well. */
const STYLE = `
  .lab-svg text { font-family: system-ui, sans-serif; font-size: 13px; text-anchor: middle; fill: #1f2933; }
  .lab-svg .small { font-size: 10.5px; fill: #5b6770; }
  .lab-svg .wire { stroke: #8795a1; stroke-width: 2; fill: none; }
  .lab-svg .host rect { fill: #ffffff; stroke: #52606d; stroke-width: 1.5; }
  .lab-svg .router rect { fill: #e6f0fa; stroke: #2b6cb0; stroke-width: 2; }
  .lab-svg .network rect { fill: #edf2f7; stroke: #9fb3c8; stroke-width: 1.5; }
  .lab-svg .fault.wire { stroke: #d64545; stroke-dasharray: 7 5; }
  .lab-svg .fault rect { fill: #fdecec; stroke: #d64545; stroke-width: 2.5; stroke-dasharray: 7 4; }
  .lab-svg text.fault, .lab-svg .fault text.state { fill: #b91c1c; font-weight: 600; }
  .lab-svg .paused rect { fill: #fff7e0; stroke: #c27803; stroke-dasharray: 2 3; stroke-width: 2.5; }
  .lab-svg .label { fill: #ffffff; opacity: 0.85; }
`;

/** {@link Lab.toSVG} */
export function toSvg(scene: Scene): string {
  const layout = layOut(graphOf(scene));
  const points = [...layout.hosts.values(), ...layout.networks.values()];
  const [left, top] = [Math.min(0, ...points.map(({ x }) => x)), Math.min(0, ...points.map(({ y }) => y))];
  const [right, bottom] = [Math.max(0, ...points.map(({ x }) => x)), Math.max(0, ...points.map(({ y }) => y))];
  const width = Math.max(LEAST_WIDTH, right - left + 2 * MARGIN);
  const drawn = bottom - top + 2 * MARGIN;
  const height = drawn + scene.faults.length * LINE;
  const x0 = (left + right) / 2 - width / 2;
  const y0 = top - MARGIN;
  const words = scene.faults.map((fault, index) => {
    const y = y0 + drawn + index * LINE;
    return `<text class="fault" x="${round(x0 + width / 2)}" y="${round(y)}">${escape(fault)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="lab-svg" viewBox="${[x0, y0, width, height].map(round).join(' ')}" ` +
      `width="${round(width)}" height="${round(height)}" role="img" aria-label="lab">`,
    `<style>${STYLE}</style>`,
    `<rect x="${round(x0)}" y="${round(y0)}" width="100%" height="100%" fill="#ffffff"/>`,
    ...wires(scene, layout),
    ...[...scene.networks.values()].flatMap((network) => drawNetwork(network, layout)),
    ...[...scene.hosts.values()].map((host) => drawHost(host, layout, scene)),
    ...words,
    '</svg>',
    '',
  ].join('\n');
}

function graphOf({ hosts, networks }: Scene): Parameters<typeof layOut>[0] {
  const all = [...networks.values()];
  const cables = all.flatMap(({ isLink, interfaces: [first, second] }) =>
    isLink && first !== undefined && second !== undefined ? [{ a: first.host, b: second.host }] : [],
  );
  const switches = all.filter((network) => !isCable(network));
  return {
    networks: switches.map(({ name }) => name),
    hosts: [...hosts.keys()],
    plugs: switches.flatMap(plugsOf),
    cables,
  };
}

function plugsOf({ interfaces }: SceneNetwork): { host: string; network: string }[] {
  return interfaces.map(({ host, network }) => ({ host, network }));
}

/** A cable of which an end is gone is drawn as a network. */
function isCable({ isLink, interfaces }: SceneNetwork): boolean {
  return isLink && interfaces.length === 2;
}

function wires(scene: Scene, layout: Layout): string[] {
  return [...scene.networks.values()].flatMap((network) => {
    const { interfaces } = network;
    const middle = isCable(network) ? centerOf(interfaces, layout) : layout.networks.get(network.name);
    if (middle === undefined) return [];
    const drawn = interfaces.map((end) => wire(end, layout.hosts.get(end.host) ?? middle, middle, scene));
    if (!isCable(network)) return drawn;
    return [...drawn, label(middle, network.subnet ?? network.name, 'small')];
  });
}

function centerOf(interfaces: readonly Interface[], { hosts }: Layout): Point | undefined {
  const [a, b] = interfaces.map(({ host }) => hosts.get(host));
  return a === undefined || b === undefined ? undefined : { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

function wire({ host, network, port }: Interface, from: Point, to: Point, scene: Scene): string {
  const isUnplugged = scene.hosts.get(host)?.unplugged.has(network) === true;
  const words = isUnplugged ? 'unplugged' : scene.impaired.get(port);
  const where = ` data-host="${escape(host)}" data-network="${escape(network)}" data-port="${escape(port)}"`;
  const line =
    `<path class="wire${words === undefined ? '' : ' fault'}"${where} ` +
    `d="M${round(from.x)} ${round(from.y)}L${round(to.x)} ${round(to.y)}"/>`;
  if (words === undefined) return line;
  return line + label({ x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 }, words, 'fault');
}

function drawNetwork(network: SceneNetwork, layout: Layout): string[] {
  const point = layout.networks.get(network.name);
  if (point === undefined) return [];
  const lines = [network.name, ...[network.subnet, network.subnet6].filter((each) => each !== undefined)];
  const width = Math.max(...lines.map((line) => line.length)) * 7 + 30;
  const height = 20 + lines.length * 14;
  const box = rectangle(point, { width, height }, height / 2);
  const text = lines.map((line, index) => {
    const y = point.y + (index - (lines.length - 1) / 2) * 14 + 4;
    return `<text class="${index === 0 ? 'name' : 'small'}" x="${round(point.x)}" y="${round(y)}">${escape(line)}</text>`;
  });
  return [`<g class="network" data-network="${escape(network.name)}">${box}${text.join('')}</g>`];
}

function drawHost({ name, state, isRouter, interfaces }: SceneHost, layout: Layout, { cut }: Scene): string {
  const point = layout.hosts.get(name) ?? { x: 0, y: 0 };
  const isFault = state === 'crashed' || cut.has(name);
  const classes = ['host', isRouter ? 'router' : '', isFault ? 'fault' : '', state === 'paused' ? 'paused' : ''];
  const below = state !== 'running' ? state : cut.has(name) ? 'cut off' : (interfaces[0]?.addresses[0] ?? '');
  const addresses = interfaces.flatMap((each) => each.addresses);
  const text = (y: number, kind: string, words: string): string =>
    `<text class="${kind}" x="${round(point.x)}" y="${round(point.y + y)}">${escape(shortened(words))}</text>`;
  return (
    `<g class="${classes.filter(Boolean).join(' ')}" data-host="${escape(name)}">` +
    `<title>${escape([name, ...addresses].join('\n'))}</title>${rectangle(point, HOST, 7)}` +
    `${text(-3, 'name', name)}${text(13, state === 'running' && !isFault ? 'small' : 'small state', below)}</g>`
  );
}

function rectangle({ x, y }: Point, { width, height }: { width: number; height: number }, radius: number): string {
  const at = `x="${round(x - width / 2)}" y="${round(y - height / 2)}"`;
  return `<rect ${at} width="${round(width)}" height="${round(height)}" rx="${round(radius)}"/>`;
}

/** Words on a line, with something white behind them. */
function label({ x, y }: Point, words: string, kind: string): string {
  const width = words.length * 6.6 + 8;
  const box = `<rect class="label" x="${round(x - width / 2)}" y="${round(y - 9)}" width="${round(width)}" height="17"/>`;
  return `${box}<text class="${kind}" x="${round(x)}" y="${round(y + 4)}">${escape(words)}</text>`;
}

function shortened(words: string): string {
  return words.length <= MOST_CHARACTERS + 2 ? words : `${words.slice(0, MOST_CHARACTERS)}…`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
