/** What CONTRIBUTING says of the tests as a whole: which file tests what, and that none depends on how fast a machine is. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { TESTED_IN } from './tested-in';

const ROOT = join(__dirname, '..');

/** The files below a directory of the checkout, as paths from its root. */
function filesIn(directory: string): string[] {
  const names = readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' });
  return names.map((name) => join(directory, name)).sort();
}

const SOURCES = filesIn('lib').filter((file) => file.endsWith('.ts'));
const TESTS = filesIn('test').filter((file) => file.endsWith('.test.ts'));

/**
 * `lib/idmap/maps.ts` has `test/idmap/maps.test.ts`, or one for root, or for an ordinary user; `lib/thread/index.ts` has
 * `test/thread/thread.test.ts`.
 */
function hasMirror(source: string): boolean {
  const base = source
    .replace(/^lib/, 'test')
    .replace(/(\w+)\/index\.ts$/, '$1/$1.ts')
    .replace(/\.ts$/, '');
  return ['', '.root', '.user'].some((half) => TESTS.includes(`${base}${half}.test.ts`));
}

/** The entry of the table for a file: its own, or that of the nearest folder above. */
function entryOf(source: string): string | undefined {
  for (let path = source; path !== '.'; path = dirname(path)) if (path in TESTED_IN) return path;
  return undefined;
}

describe('each file of lib/', () => {
  test('has a test at its place below test/, or where test/tested-in.ts says', () => {
    expect(SOURCES.filter((source) => !hasMirror(source) && entryOf(source) === undefined)).toEqual([]);
  });

  test('and that table has nothing else', () => {
    const used = new Set(SOURCES.filter((source) => !hasMirror(source)).map(entryOf));
    expect(Object.keys(TESTED_IN).filter((path) => !used.has(path))).toEqual([]);
    expect(
      Object.values(TESTED_IN)
        .flat()
        .filter((test) => !existsSync(join(ROOT, test))),
    ).toEqual([]);
  });

  test('which loads it', () => {
    const idle = Object.entries(TESTED_IN).filter(([path, tests]) => {
      const reached = new Set([tests].flat().flatMap((test) => [...importsOf(join(ROOT, test))]));
      return !SOURCES.some((source) => (source === path || source.startsWith(`${path}/`)) && reached.has(source));
    });
    expect(idle).toEqual([]);
  });
});

/** All that a module of this checkout imports, and what that imports, as paths from its root. */
function importsOf(module: string, seen = new Set<string>()): Set<string> {
  const path = relative(ROOT, module);
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const { fileName } of ts.preProcessFile(readFileSync(module, 'utf8')).importedFiles) {
    if (!fileName.startsWith('.')) continue;
    const base = join(dirname(module), fileName);
    const found = [`${base}.ts`, join(base, 'index.ts')].find((file) => existsSync(file));
    if (found !== undefined) importsOf(found, seen);
  }
  return seen;
}

const REGISTERS = /(^|[.\s])(test|it|describe|beforeAll|afterAll|beforeEach|afterEach)(\.\w+)*(\(|$)/;

/** Where a file gives a test or a hook a limit of its own: as the argument after its function, or for all. */
function limitsIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(ROOT, file), 'utf8'), ts.ScriptTarget.ES2022, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const name = node.expression.getText(source);
      const body = node.arguments.findIndex((argument) => ts.isFunctionLike(argument));
      const limited = REGISTERS.test(name) && body >= 0 && node.arguments.length > body + 1;
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      if (limited || name === 'jest.setTimeout') found.push(`${file}:${line + 1}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe('time', () => {
  test('is limited at one place: no test and no hook has a limit of its own', () => {
    expect(TESTS.flatMap(limitsIn)).toEqual([]);
  });
});
