/** What can be imported from where: `linux-ns`, `linux-ns/network` and the other entries of `exports` in package.json. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import * as main from '../../lib';
import * as discovery from '../../lib/discovery';
import * as lab from '../../lib/lab';
import * as network from '../../lib/network';
import * as seccomp from '../../lib/seccomp';
import { CompiledPackage, ROOT } from '../fixtures/child-node';

interface Manifest {
  exports: Record<string, string | { types: string; default: string }>;
  typesVersions: Record<string, Record<string, string[]>>;
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;

/** `linux-ns/network` is `./network` in package.json; package.json itself is no door. */
const DOORS = Object.keys(manifest.exports).filter((path) => path !== './package.json');

const VALUES: Record<string, object> = {
  '.': main,
  './network': network,
  './discovery': discovery,
  './seccomp': seccomp,
  './lab': lab,
  // It is loaded for what it does to a process, so not here: test/isolate/isolate.test.ts.
  './isolate': {},
  // A class that Jest loads by its path: test/jest/jest.test.ts.
  './jest': {},
};

/** The source of a door, which dist/ is compiled from. */
function sourceOf(door: string): string {
  return join(ROOT, 'lib', door, 'index.ts');
}

test('each door is a folder of lib/ with an index, and has its types for every kind of resolution', () => {
  expect(DOORS).toEqual(Object.keys(VALUES));
  for (const door of DOORS) {
    const compiled = `./${join('dist', door, 'index')}`;
    expect(manifest.exports[door]).toEqual({ types: `${compiled}.d.ts`, default: `${compiled}.js` });
  }
  // Compilers with `moduleResolution: node10` do not read `exports`.
  const old = DOORS.filter((door) => door !== '.').map((door) => [
    door.slice('./'.length),
    [`./${join('dist', door, 'index.d.ts')}`],
  ]);
  expect(manifest.typesVersions).toEqual({ '*': Object.fromEntries(old) as unknown });
});

test('what one door exports no other does, types included', () => {
  const program = ts.createProgram(DOORS.map(sourceOf), { module: ts.ModuleKind.NodeNext, noEmit: true, types: [] });
  const checker = program.getTypeChecker();
  const doorOf = new Map<string, string>();
  const twice: string[] = [];
  for (const door of DOORS) {
    const symbol = checker.getSymbolAtLocation(program.getSourceFile(sourceOf(door))!)!;
    for (const { name } of checker.getExportsOfModule(symbol)) {
      if (doorOf.has(name)) twice.push(name);
      doorOf.set(name, door);
    }
  }
  expect(twice).toEqual([]);
  expect(doorOf.get('unshare')).toBe('.');
  expect(doorOf.get('NetworkOptions')).toBe('./network');
});

describe('compiled', () => {
  let compiled: CompiledPackage;
  beforeAll(() => (compiled = new CompiledPackage()));
  afterAll(() => compiled.remove());

  /** What an ES module prints that lies in the package, where it can import that by name. */
  async function printed(code: string): Promise<unknown> {
    const args = ['--input-type=module', '-e', `${code}\nprocess.stdout.write(JSON.stringify(result));`];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: compiled.directory });
    return JSON.parse(stdout);
  }

  test.each(DOORS)(
    '%s has its values as named imports of ES modules, the same that CommonJS requires',
    async (door) => {
      const name = join('linux-ns', door);
      const names = Object.keys(VALUES[door]!).sort();
      const result = await printed(`
      import { createRequire } from 'node:module';
      import { ${names.join(', ')} } from '${name}';
      const required = createRequire(process.cwd() + '/')('${name}');
      const imported = { ${names.join(', ')} };
      const result = Object.keys(required).sort().map((name) => [name, required[name] === imported[name]]);`);
      expect(result).toEqual(names.map((each) => [each, true]));
    },
  );

  test('a test can put something of its own in the place of an export, whether or not it has been used', async () => {
    const result = await printed(`
      import { createRequire } from 'node:module';
      import { mock } from 'node:test';
      const required = createRequire(process.cwd() + '/')('linux-ns');
      required.unshare = () => 'ours';
      const { spawn } = required;
      const mocked = mock.method(required, 'spawn', () => 'mocked');
      const result = [required.unshare(), required.spawn(), (mocked.mock.restore(), required.spawn === spawn)];`);
    expect(result).toEqual(['ours', 'mocked', true]);
  });

  test('all have the same classes: what one makes another takes, and its errors are those of `linux-ns`', async () => {
    const result = await printed(`
      import { Namespace, NamespaceError, NamespaceSet, unshare } from 'linux-ns';
      import { Network } from 'linux-ns/network';
      const set = await unshare(['user', 'net']);
      const net = await Network.open(set);
      const error = await net.link.get('absent').catch((error) => error);
      const result = [set instanceof NamespaceSet, net.namespace instanceof Namespace, error instanceof NamespaceError];
      await net.close();
      await set.close();`);
    expect(result).toEqual([true, true, true]);
  });
});
