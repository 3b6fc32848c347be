/** The floors of lib/, as ESLint holds them (scripts/floors.js), on a library of a few files that is made here. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FLOORS, circleOf, floorOf, importsOf, upwards, withPicture } from '../../scripts/floors';
import { ROOT } from '../fixtures/child-node';

const lib = mkdtempSync(join(tmpdir(), 'linux-ns-floors-'));
const sources: Record<string, string> = {
  'kernel/errno.ts': 'export const ENOENT = 2;',
  'launch/launch.ts': "import { ENOENT } from '../kernel/errno'; export type Launch = typeof ENOENT;",
  'set/set.ts': "import type { Launch } from '../launch/launch'; export type Set = Launch;",
  'set/chicken.ts': "import type { Egg } from './egg'; export interface Chicken { from: Egg }",
  'set/egg.ts': "export interface Egg { of: import('./chicken').Chicken }",
  'cellar/coal.ts': 'export const coal = 1;',
  'host/door.ts': "export const door = async () => (await import('./key.js')).key;",
  'host/key.ts': "import { door } from './door'; export const key = door;",
};

beforeAll(() => {
  for (const [name, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(lib, name)), { recursive: true });
    writeFileSync(join(lib, name), text);
  }
});
afterAll(() => rmSync(lib, { recursive: true }));

const at = (name: string): string => join(lib, name);

describe('an import', () => {
  test('may lead to a floor below, to its own, and out of lib/', () => {
    expect(upwards(at('set/set.ts'), '../launch/launch', lib)).toBeUndefined();
    expect(upwards(at('set/egg.ts'), './chicken', lib)).toBeUndefined();
    expect(upwards(at('set/set.ts'), 'node:fs', lib)).toBeUndefined();
    expect(upwards(at('set/set.ts'), '../../types/native', lib)).toBeUndefined();
  });

  test('may not lead up', () => {
    expect(upwards(at('kernel/errno.ts'), '../launch/launch', lib)).toMatch(/^lib\/kernel stands below lib\/launch/);
    expect(upwards(at('launch/launch.ts'), '../set/set', lib)).toMatch(/^lib\/launch stands below lib\/set/);
  });

  test('may not lead to a folder that has no place in the order', () => {
    expect(upwards(at('set/set.ts'), '../cellar/coal', lib)).toMatch(/^lib\/cellar is no floor/);
  });
});

describe('a circle of files', () => {
  test('is found where types alone make it', () => {
    expect(circleOf(at('set/egg.ts'), importsOf(lib))?.map((file) => file.slice(lib.length + 1))).toEqual([
      'set/egg.ts',
      'set/chicken.ts',
      'set/egg.ts',
    ]);
  });

  test('is found where a file is imported late, by the name of its JavaScript', () => {
    expect(circleOf(at('host/door.ts'), importsOf(lib))).toEqual(
      ['host/door.ts', 'host/key.ts', 'host/door.ts'].map(at),
    );
  });

  test('is none where files stand on each other', () => {
    for (const name of ['set/set.ts', 'launch/launch.ts', 'kernel/errno.ts'])
      expect(circleOf(at(name), importsOf(lib))).toBeUndefined();
  });
});

function circlesOf(imports: ReturnType<typeof importsOf>): unknown[] {
  return [...imports.keys()].map((file) => circleOf(file, imports)).filter((circle) => circle !== undefined);
}

describe('cli/', () => {
  test('has no circle', () => {
    const imports = importsOf(join(ROOT, 'cli'));
    expect(imports.size).toBeGreaterThan(20);
    expect(circlesOf(imports)).toEqual([]);
  });
});

describe('lib/', () => {
  const imports = importsOf();

  test('has no circle', () => expect(circlesOf(imports)).toEqual([]));

  test('has its folders, and nothing else, for floors', () => {
    const floors = new Set([...imports.keys()].map((file) => floorOf(file)));
    expect([...floors].sort()).toEqual([...FLOORS].sort());
  });

  test('is as CONTRIBUTING.md draws it: `node scripts/floors.js` draws it anew', () => {
    const page = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
    expect(withPicture(page)).toBe(page);
    expect(page).toContain('flowchart TD');
  });
});
