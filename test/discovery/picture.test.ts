import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { spawn } from '../../lib';
import { type NamespaceMap, discover } from '../../lib/discovery';
import { columnsOf, printable, shortened } from '../../lib/errors/printable';
import { pack } from '../../lib/discovery/picture/layout';
import { using } from '../fixtures/causes';
import { errorWith } from '../fixtures/errors';
import { needs } from '../fixtures/optional';
import { hostWith, mapOf, namespaceRow, processRow } from './fixtures/maps';

/** Escape sequences, markup, quotes, a change of direction, wide letters, a tower of accents, what is no letter at all. */
const HOSTILE = `\u001b[31mred\u0007 </text><script>alert("1")</script>&amp;]]> 'x' \\" \\n\n\u202egpj.exe 日本語 e${'\u0301'.repeat(40)} \ufffe\udc00\u0000`;

const SIZES = [0, 1, 5, 25, 200];

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** All rectangles of a class. */
function boxesOf(svg: string, name: string): Box[] {
  const number = (tag: string, attribute: string) => Number(new RegExp(` ${attribute}="([\\d.]+)"`).exec(tag)?.[1]);
  return [...svg.matchAll(/<rect class="([^"]*)"[^>]*>/g)]
    .filter(([, classes = '']) => classes.split(' ').includes(name))
    .map(([tag]) => ({
      x: number(tag, 'x'),
      y: number(tag, 'y'),
      width: number(tag, 'width'),
      height: number(tag, 'height'),
    }));
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function contains(outer: Box, inner: Box): boolean {
  const [right, bottom] = [outer.x + outer.width, outer.y + outer.height];
  return inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= right && inner.y + inner.height <= bottom;
}

/** Every text: where it begins, and how wide it is in the widest of the fonts. */
function textsOf(svg: string): { x: number; y: number; columns: number; text: string; kind: boolean }[] {
  return [...svg.matchAll(/<text( class="kind")?[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)<\/text>/g)].map(
    ([, kind, x, y, content = '']) => {
      const text = content
        .replace(/<tspan[^>]*dx[^>]*>/g, '  ')
        .replace(/<[^>]*>/g, '')
        .replace(/&(lt|gt|amp|quot);/g, '.');
      return { x: Number(x), y: Number(y), columns: columnsOf(text), text, kind: kind !== undefined };
    },
  );
}

/** Throws at what is no well-formed XML: tags that do not match, stray markup, letters that XML does not have. */
function expectWellFormed(xml: string): void {
  // eslint-disable-next-line no-control-regex
  expect(xml).not.toMatch(/[\u0000-\u0009\u000b-\u001f\ufffe\uffff]|\p{Cs}/u);
  const open: string[] = [];
  const rest = xml.replace(
    /<(\/?)([a-z]+)((?: [a-zA-Z-:]+="[^"<&]*")*)(\/?)>/g,
    (_, close, name: string, __, empty) => {
      if (close === '/') expect(open.pop()).toBe(name);
      else if (empty !== '/') open.push(name);
      return '';
    },
  );
  expect(open).toEqual([]);
  expect(rest.replace(/&(lt|gt|amp|quot);/g, '')).not.toMatch(/[<&]/);
}

describe.each(SIZES)('the picture of a host with %d containers', (count) => {
  const svg = hostWith(count, { depth: 3 }).toSVG();
  const [page] = boxesOf(svg, 'page');
  const [cards, frames] = [boxesOf(svg, 'card'), boxesOf(svg, 'frame')];

  test('is well-formed', () => expectWellFormed(svg));

  test('has a frame for each user namespace, and a card for each set of processes', () => {
    expect(frames).toHaveLength(count + 1);
    expect(cards).toHaveLength(count + 1);
  });

  test('has each card in a frame, and no card over another', () => {
    for (const card of cards) {
      expect(frames.some((frame) => contains(frame, card))).toBe(true);
      expect(cards.filter((other) => overlap(card, other))).toEqual([card]);
    }
  });

  test('has each frame in another, beside it, or around it', () => {
    for (const frame of frames) {
      const touching = frames.filter((other) => other !== frame && overlap(frame, other));
      for (const other of touching) expect(contains(frame, other) || contains(other, frame)).toBe(true);
    }
  });

  test('has no text that leaves its card, or the page', () => {
    const boxes = [...cards, ...frames, { ...page!, x: 0, y: 0 }];
    for (const { x, y, columns, kind } of textsOf(svg)) {
      if (kind) continue;
      const smallest = boxes
        .filter((box) => x >= box.x && x < box.x + box.width && y >= box.y && y <= box.y + box.height)
        .sort((a, b) => a.width * a.height - b.width * b.height)[0]!;
      expect(x + columns * 12 * 0.602).toBeLessThanOrEqual(smallest.x + smallest.width);
    }
  });

  test('is not a strip', () => {
    const ratio = page!.width / page!.height;
    expect(ratio).toBeGreaterThan(0.4);
    expect(ratio).toBeLessThan(3);
  });
});

describe('names from inside sandboxes', () => {
  const map = hostWith(8, { command: HOSTILE });

  test('cannot break out of a picture', () => {
    expectWellFormed(map.toSVG({ title: HOSTILE.replace('\0', '') }));
    expect(map.toSVG()).not.toContain('<script');
  });

  test('cannot break out of a graph', () => {
    const dot = map.toDot();
    // Outside of strings there is nothing that they say.
    expect(dot.replace(/"(?:[^"\\]|\\.)*"/g, '')).not.toMatch(/script|alert|red|\\/);
    // eslint-disable-next-line no-control-regex
    expect(dot).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  test('cannot change a terminal', () => {
    // eslint-disable-next-line no-control-regex
    expect(map.toText()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(map.toText()).toContain('␛[31mred␇');
  });

  test('are what they are in the data', () => {
    expect(map.process(1000)!.command).toBe(`${HOSTILE} 0`);
  });
});

needs({ tool: ['rsvg-convert'] }).test('can be drawn by librsvg, light and dark', async () => {
  for (const theme of ['auto', 'light', 'dark'] as const) {
    const png = await render('rsvg-convert', ['--format', 'png'], hostWith(12, { command: HOSTILE }).toSVG({ theme }));
    expect(png.subarray(1, 4).toString()).toBe('PNG');
  }
});

needs({ tool: ['dot'] }).test('is a graph that Graphviz reads', async () => {
  const svg = await render('dot', ['-Tsvg'], hostWith(12, { depth: 3, command: HOSTILE }).toDot());
  expect(svg.toString()).toContain('user:[1000]');
});

test('a graph draws each namespace in the frame of its owner, whoever else is in it', () => {
  // An edge inside of a cluster draws what it names in there.
  const lines = hostWith(12, { depth: 3 }).toDot().split('\n');
  const firstEdge = lines.findIndex((line) => line.includes('->'));
  expect(firstEdge).toBeGreaterThan(0);
  expect(lines.slice(firstEdge).join()).not.toContain('subgraph');
  for (const edge of lines.slice(firstEdge, -2)) expect(edge).toMatch(/^ {2}\S.* -> /);
});

function render(file: string, args: string[], input: string): Promise<Buffer> {
  const running = promisify(execFile)(file, args, { encoding: 'buffer', maxBuffer: 2 ** 26 });
  running.child.stdin!.end(input);
  return running.then(({ stdout }) => stdout);
}

describe('the tree as text', () => {
  const host = { user: 10, net: 11 };
  const small = mapOf([
    namespaceRow('user', 10, 0, 0, 0),
    namespaceRow('net', 11, 10),
    namespaceRow('user', 20, 10, 0, 1000),
    namespaceRow('net', 21, 20),
    processRow(1, host, { command: 'init' }),
    processRow(5, host, { command: 'sh' }),
    processRow(6, host, { command: 'sh' }),
    processRow(7, { user: 20, net: 21 }, { command: 'a program with a long command line' }),
    processRow(8, { user: 20, net: 11 }, { command: 'shared' }),
    ['mount', 0, 0, '/run/netns/blue', 0x40000000, 31, 1],
    namespaceRow('net', 31, 10),
    ['unread', 'processes', 13, 2],
  ]);

  test('has user namespaces, what belongs to them, and who is in there', () => {
    expect(small.toText().split('\n')).toEqual([
      'user:[10] 3 processes',
      '├─ net:[11] 3 processes',
      '│  ├─ 1 init',
      '│  └─ 5 sh ×2',
      '├─ net:[31]',
      '│  └─ /run/netns/blue',
      '└─ user:[20] by uid 1000, 2 processes',
      '   ├─ net:[21] 1 process',
      '   │  └─ 7 a program with a long command line',
      '   └─ (net:[11]) 1 process',
      '      └─ 8 shared',
      expect.stringMatching(/^The namespaces of 2 processes may not be read/),
      expect.anything(),
    ]);
    expect(String(small)).toBe(small.toText());
  });

  test('fits a width, in ASCII, in colours, with fewer processes', () => {
    const narrow = small.toText({ width: 30, ascii: true });
    for (const line of narrow.split('\n')) expect(columnsOf(line)).toBeLessThanOrEqual(30);
    expect(narrow).toMatch(/^[ -~\n…×]*$/);
    expect(narrow).toContain('`- 7 a program with…');
    expect(small.toText({ colors: true })).toContain('\u001b[34mnet:[11]\u001b[0m');
    expect(small.toText({ processes: 1 })).toContain('└─ and 1 more');
  });

  test('of a real host names us', async () => {
    await using(spawn('sleep', ['600'], { unshare: ['user', 'uts'], stdio: 'ignore' }), async ({ pid }) => {
      const map: NamespaceMap = await discover();
      const { user, uts } = map.process(pid)!.namespaces;
      expect(map.toText()).toContain(String(user));
      expect(map.toText()).toMatch(new RegExp(`uts:\\[${uts!.id}\\][^\\n]*\\n[^\\n]*${pid} sleep 600`));
      expect(map.toSVG()).toContain(`${pid} sleep 600`);
      expect(map.toDot()).toContain(`${pid} sleep 600`);
    });
  });
});

test.each([
  ['toText', { widht: 80 }, 'ERR_INVALID_ARG_VALUE'],
  ['toText', { width: 3 }, 'ERR_OUT_OF_RANGE'],
  ['toText', { colors: 1 }, 'ERR_INVALID_ARG_TYPE'],
  ['toSVG', { theme: 'blue' }, 'ERR_INVALID_ARG_VALUE'],
  ['toSVG', { processes: -1 }, 'ERR_OUT_OF_RANGE'],
  ['toSVG', { title: 5 }, 'ERR_INVALID_ARG_TYPE'],
] as const)('%s refuses %p', (method, options, code) => {
  const map = hostWith(1);
  expect(() => map[method](options as object)).toThrow(errorWith({ code }));
});

test('text is cut by the columns it takes', () => {
  expect(columnsOf('日本 e\u0301!')).toBe(7);
  expect(shortened('日本語日本語', 7)).toBe('日本語…');
  expect(shortened('short', 5)).toBe('short');
  expect(printable('a\u0000b\u007f\u0085\u200b')).toBe('a␀b␡\ufffd\ufffd');
});

test('boxes never overlap, whatever their sizes', () => {
  // A generator of our own: the same boxes every time.
  let seed = 7;
  const random = (most: number) => ((seed = (seed * 48271) % 2147483647) % most) + 1;
  for (let round = 0; round < 50; round++) {
    const groups = Array.from({ length: random(3) }, () =>
      Array.from({ length: random(40) }, () => ({ width: random(300), height: random(300) })),
    );
    const { places, width, height } = pack(groups, 10, 1.5);
    const boxes = groups.flat().map((box, index) => ({ ...box, ...places[index]! }));
    for (const box of boxes) {
      expect(contains({ x: 0, y: 0, width, height }, box)).toBe(true);
      expect(boxes.filter((other) => overlap(box, other))).toEqual([box]);
    }
  }
});
