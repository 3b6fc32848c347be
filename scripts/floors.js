// The floors of lib/: its folders in an order in which each stands only on those below it, types included. ESLint takes
// its two rules from here, and CONTRIBUTING.md its picture: `node scripts/floors.js` draws that anew, from the code.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const ts = require('typescript');

const ROOT = path.join(__dirname, '..');

/** From the lowest to the highest: a folder of lib/, or a file there without its extension; the doors are on top. */
const FLOORS = [
  'kernel',
  'event-loop',
  'hints',
  'errors',
  'native',
  'handle',
  'plan',
  'task',
  'idmap',
  'launch',
  'namespace',
  'mount',
  'cgroup',
  'seccomp',
  'landlock',
  'process',
  'pool',
  'set',
  'network',
  'sandbox',
  'discovery',
  'thread',
  'host',
  'wait',
  'lab',
  'isolate',
  'compose',
  'doors',
];

/** The files that package.json exports. A door says what users get, and may take it from all floors. */
const DOORS = [
  'index.ts',
  'network/index.ts',
  'discovery/index.ts',
  'seccomp/index.ts',
  'lab/index.ts',
  'isolate/index.ts',
  'jest/index.ts',
];

/** The floor that a file of lib/ belongs to; undefined for files that are elsewhere. */
function floorOf(file, lib = path.join(ROOT, 'lib')) {
  const name = path.relative(lib, file);
  if (DOORS.includes(name)) return 'doors';
  const [first, ...rest] = name.split(path.sep);
  if (first === '..' || first === '') return undefined;
  return rest.length === 0 ? first.replace(/\.ts$/, '') : first;
}

/** The file that an import leads to; undefined where that is a package, or a declaration outside of lib/. */
function resolveImport(file, specifier) {
  if (!specifier.startsWith('.')) return undefined;
  const base = path.join(path.dirname(file), specifier.replace(/\.js$/, ''));
  return [`${base}.ts`, path.join(base, 'index.ts')].find((candidate) => fs.existsSync(candidate));
}

/** Says what is wrong with an import, in a sentence; undefined for one that leads down, or stays on its floor. */
function upwards(file, specifier, lib) {
  const target = resolveImport(file, specifier);
  const from = floorOf(file, lib);
  const to = target === undefined ? undefined : floorOf(target, lib);
  if (from === undefined || to === undefined || from === to) return undefined;
  const unknown = [from, to].find((floor) => !FLOORS.includes(floor));
  if (unknown !== undefined) return `lib/${unknown} is no floor: give it its place in FLOORS of scripts/floors.js.`;
  if (FLOORS.indexOf(to) < FLOORS.indexOf(from)) return undefined;
  return `lib/${from} stands below lib/${to}, and cannot import from it (FLOORS of scripts/floors.js).`;
}

/** Each file of lib/, or of another folder, with the files there that it imports, as a value or as a type. */
function importsOf(lib = path.join(ROOT, 'lib')) {
  const names = fs.readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return new Map(
    names.map((name) => {
      const file = path.join(lib, name);
      const { importedFiles } = ts.preProcessFile(fs.readFileSync(file, 'utf8'));
      const targets = importedFiles.map(({ fileName }) => resolveImport(file, fileName));
      return [file, new Set(targets.filter((target) => target !== undefined && floorOf(target, lib) !== undefined))];
    }),
  );
}

/** The shortest way from a file back to itself, along imports; undefined where there is none. */
function circleOf(file, imports) {
  const cameFrom = new Map();
  const queue = [file];
  for (const current of queue) {
    for (const target of imports.get(current) ?? []) {
      if (target === file) return wayTo(current, cameFrom, [file]);
      if (cameFrom.has(target)) continue;
      cameFrom.set(target, current);
      queue.push(target);
    }
  }
  return undefined;
}

function wayTo(last, cameFrom, way) {
  for (let file = last; file !== undefined; file = cameFrom.get(file)) way.splice(0, 0, file);
  return way;
}

/** ESLint's rules: `upwards` for files of lib/, `circles` for those of cli/ as well. */
const rules = {
  upwards: {
    create: (context) => {
      const check = (source) => {
        const message = source?.type === 'Literal' ? upwards(context.filename, String(source.value)) : undefined;
        if (message !== undefined) context.report({ node: source, message });
      };
      const checkSource = (node) => check(node.source);
      return {
        ImportDeclaration: checkSource,
        ExportNamedDeclaration: checkSource,
        ExportAllDeclaration: checkSource,
        ImportExpression: checkSource,
        TSImportType: (node) => check(node.source ?? node.argument?.literal),
      };
    },
  },
  circles: {
    create: (context) => ({
      Program: (node) => {
        known ??= new Map(FOLDERS.flatMap((folder) => [...importsOf(path.join(ROOT, folder))]));
        const circle = circleOf(context.filename, known);
        if (circle === undefined) return;
        const names = circle.map((file) => path.relative(ROOT, file)).join(' → ');
        context.report({ node, message: `Files import each other in a circle: ${names}.` });
      },
    }),
  },
};

/** The folders whose files may not import each other in a circle. They reach each other through packages only. */
const FOLDERS = ['lib', 'cli'];

/** The imports in those as they were when the first file was linted. */
let known;

/** The floors below it from which each floor imports. */
function arrows() {
  const below = new Map(FLOORS.map((floor) => [floor, new Set()]));
  for (const [file, targets] of importsOf()) {
    for (const target of targets) {
      const [from, to] = [file, target].map((each) => FLOORS.indexOf(floorOf(each)));
      if (to < from) below.get(FLOORS[from]).add(FLOORS[to]);
    }
  }
  return below;
}

/** The same without the arrows that follow from others: what a floor stands on directly. */
function essential(below) {
  const reaches = (from, to) => [...below.get(from)].some((next) => next === to || reaches(next, to));
  return [...below].flatMap(([from, targets]) =>
    [...targets]
      .filter((to) => ![...targets].some((other) => other !== to && reaches(other, to)))
      .sort((a, b) => FLOORS.indexOf(b) - FLOORS.indexOf(a))
      .map((to) => [from, to]),
  );
}

/** The picture, in the language of Mermaid. */
function draw() {
  const lines = essential(arrows())
    .sort(([a], [b]) => FLOORS.indexOf(b) - FLOORS.indexOf(a))
    .map(([from, to]) => `  ${from} --> ${to}`);
  return ['```mermaid', 'flowchart TD', ...lines, '```'].join('\n');
}

const PICTURE = /(<!-- floors: [^\n]*-->\n\n)```mermaid\n[\s\S]*?\n```/;

/** A page with the picture that it has in the place of the one drawn from the code. */
function withPicture(page) {
  return page.replace(PICTURE, (_, mark) => `${mark}${draw()}`);
}

module.exports = { FLOORS, circleOf, floorOf, importsOf, rules, upwards, withPicture };

if (require.main === module) {
  const page = path.join(ROOT, 'CONTRIBUTING.md');
  fs.writeFileSync(page, withPicture(fs.readFileSync(page, 'utf8')));
}
