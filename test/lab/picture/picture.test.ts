/** The picture of a lab: everything is in it, nothing covers anything else, and what is wrong is red. */
import { Lab } from '../../../lib/lab';
import { type Graph, layOut } from '../../../lib/lab/picture/layout';
import { toSvg } from '../../../lib/lab/picture/svg';

describe('a lab as SVG', () => {
  test('has its hosts, networks, cables and addresses', async () => {
    await using lab = await Lab.create();
    const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24', subnet6: 'fd00::/64' });
    const [a, b] = await lab.addHosts(['a', 'b'], { on: lan });
    await lab.addRouter('gateway', { on: lan });
    await lab.addLink(a, b, { subnet: '10.9.0.0/30' });
    const svg = lab.toSVG();
    for (const words of ['>a<', '>b<', '>gateway<', '>lan<', '>10.0.0.0/24<', '>fd00::/64<', '>10.9.0.0/30<']) {
      expect(svg).toContain(words);
    }
    expect(svg.match(/class="wire"/g)).toHaveLength(5);
    expect(svg.match(/class="host router"/g)).toHaveLength(1);
    expect(svg).not.toMatch(/class="[^"]*fault/);
    expect(lab.toSVG()).toBe(svg);
  });

  test('shows in red which hosts have crashed and which cables are out', async () => {
    await using lab = await Lab.create();
    const lan = await lab.addNetwork('lan');
    const [a, b, c] = await lab.addHosts(['a', 'b', 'c'], { on: lan });
    await a.crash();
    await b.down();
    await c.pause();
    const svg = lab.toSVG();
    expect(svg).toMatch(/<g class="host fault" data-host="a">[^]*?>crashed</);
    expect(svg).toMatch(/<path class="wire fault" data-host="b".*unplugged/);
    expect(svg).toMatch(/<g class="host paused" data-host="c">[^]*?>paused</);
    await a.restart();
    await b.up();
    await c.resume();
    expect(lab.toSVG()).not.toMatch(/class="[^"]*(fault|paused)/);
  });

  test('shows in red what is impaired, and who is cut off', async () => {
    await using lab = await Lab.create();
    const [lan, wan] = [await lab.addNetwork('lan'), await lab.addNetwork('wan')];
    const [a, b, c] = await lab.addHosts(['a', 'b', 'c'], { on: lan });
    const d = await lab.addHost('d', { on: wan });
    await lan.impair({ delay: 50, jitter: 5, loss: 0.015 });
    await a.impair({ rate: 2_000_000 });
    await lab.impair({ from: b, to: c }, { duplicate: 0.5, mtu: 576 });
    await lab.partition([[a, b, c], [d]]);
    const svg = lab.toSVG();
    expect(svg.match(/class="wire fault"/g)).toHaveLength(3);
    expect(svg).toMatch(/data-host="a" data-network="lan".*>2mbit</);
    expect(svg).toMatch(/data-host="b" data-network="lan".*>50 ms ± 5, 1.5 % lost</);
    expect(svg).toContain('>b → c: 50 % twice, MTU 576<');
    expect(svg).toContain('>partition [a b c] [d]<');
    expect(svg.match(/class="host fault" data-host="."/g)).toEqual(['class="host fault" data-host="d"']);
  });

  test('of nothing is empty', async () => {
    await using lab = await Lab.create();
    expect(lab.toSVG()).toMatch(/^<svg .*<\/svg>\n$/s);
  });

  test('is XML whatever the words for a fault are', () => {
    const hosts = new Map();
    const svg = toSvg({ hosts, networks: new Map(), faults: [`<script>"&'`], impaired: new Map(), cut: new Set() });
    expect(svg).toContain('&#60;script&#62;&#34;&#38;&#39;');
  });
});

describe('hosts and networks', () => {
  const star = (count: number, from = 0): Graph => ({
    networks: ['n'],
    hosts: Array.from({ length: count }, (_, index) => `h${from + index}`),
    plugs: Array.from({ length: count }, (_, index) => ({ host: `h${from + index}`, network: 'n' })),
    cables: [],
  });
  const routers = (count: number): Graph => ({
    networks: ['core', ...Array.from({ length: count }, (_, index) => `n${index}`)],
    hosts: Array.from({ length: count * 5 }, (_, index) => `h${index}`),
    plugs: Array.from({ length: count * 5 }, (_, index) => ({
      host: `h${index}`,
      network: `n${index % count}`,
    })).concat(Array.from({ length: count }, (_, index) => ({ host: `h${index}`, network: 'core' }))),
    cables: [],
  });
  const chain: Graph = {
    networks: [],
    hosts: ['a', 'b', 'c', 'd'],
    plugs: [],
    cables: [
      { a: 'a', b: 'b' },
      { a: 'b', b: 'c' },
      { a: 'c', b: 'd' },
    ],
  };
  const lonely: Graph = { networks: ['n', 'm'], hosts: ['a', 'b', 'c'], plugs: [], cables: [] };

  test.each([
    ['one host', star(1)],
    ['twenty on one network', star(20)],
    ['five networks with a router each', routers(5)],
    ['a chain of cables', chain],
    ['nothing that is connected', lonely],
  ])('have a place of their own: %s', (_, graph) => {
    const { hosts, networks } = layOut(graph);
    expect([...hosts.keys()].sort()).toEqual([...graph.hosts].sort());
    const points = [...hosts.values(), ...networks.values()];
    for (const [index, a] of points.entries()) {
      for (const b of points.slice(index + 1)) {
        // A host is 92 wide and 44 high.
        expect(Math.abs(a.x - b.x) > 92 || Math.abs(a.y - b.y) > 44).toBe(true);
      }
    }
  });

  test('have it at once, however many there are', () => {
    const { hosts } = layOut(routers(100));
    expect(hosts.size).toBe(500);
    expect([...hosts.values()].every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
  });
});
