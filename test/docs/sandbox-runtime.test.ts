/** The table of docs/sandbox-runtime.md has what sandbox-runtime's published types have, and says what the code does. */
import { join } from 'node:path';
import ts from 'typescript';
import { SETTINGS } from '../../cli/settings/sandbox-runtime-table';
import { ROOT } from '../fixtures/child-node';
import { readPage } from './blocks';

const TYPES = join(ROOT, 'node_modules/@anthropic-ai/sandbox-runtime/dist/index.d.ts');

/** Entries of lists of paths: a text, or these. The lists are read as a whole. */
const PATH_ENTRY = /^filesystem\.\w+\.(path|literal)$/;

/** All settings that its types have, with a dot between the names; those of a list are those of its elements. */
function published(): string[] {
  const options = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, strict: true };
  const program = ts.createProgram([TYPES], { ...options, skipLibCheck: true, types: [] });
  const checker = program.getTypeChecker();
  const entry = checker.getSymbolAtLocation(program.getSourceFile(TYPES)!)!;
  const exported = checker.getExportsOfModule(entry).find(({ name }) => name === 'SandboxRuntimeConfig')!;
  const alias = checker.getAliasedSymbol(exported);

  const keysOf = (type: ts.Type, key: string): string[] => {
    const parts = checker.getNonNullableType(type).isUnion()
      ? (checker.getNonNullableType(type) as ts.UnionType).types
      : [checker.getNonNullableType(type)];
    return parts.flatMap((part): string[] => {
      if (checker.isArrayType(part)) return keysOf(checker.getTypeArguments(part as ts.TypeReference)[0]!, key);
      const isObject = (part.flags & ts.TypeFlags.Object) !== 0 && !checker.isTupleType(part);
      const properties = isObject && part.getCallSignatures().length === 0 ? part.getProperties() : [];
      if (properties.length === 0) return [key];
      return properties.flatMap((each) =>
        keysOf(checker.getTypeOfSymbol(each), key === '' ? each.name : `${key}.${each.name}`),
      );
    });
  };
  return [...new Set(keysOf(checker.getDeclaredTypeOfSymbol(alias), ''))];
}

const keys = published();

test('the types are found', () => {
  expect(keys).toEqual(expect.arrayContaining(['network.allowedDomains', 'credentials.files.mode', 'filesystem.denyRead']));
  expect(keys.length).toBeGreaterThan(60);
});

const covers = (key: string, published: string): boolean => published === key || published.startsWith(`${key}.`);

test('each of its settings is in the table', () => {
  expect(keys.filter((each) => !SETTINGS.some(({ key }) => covers(key, each)))).toEqual([]);
});

test('the table has no other', () => {
  expect(SETTINGS.filter(({ key }) => !keys.some((each) => covers(key, each)))).toEqual([]);
});

test('what means the same here is one setting, and not several of which one may be new', () => {
  const same = SETTINGS.filter(({ use }) => use === 'same').map(({ key }) => key);
  const below = keys.filter((each) => same.some((key) => each.startsWith(`${key}.`)) && !PATH_ENTRY.test(each));
  expect(below).toEqual([]);
});

test('the page has the same table', () => {
  const rows = [...readPage('docs/sandbox-runtime.md').matchAll(/^\| `([\w.]+)` \| (\S+) \| (.+) \|$/gm)];
  const words = { same: 'same', differs: '**told**', unneeded: '–', refused: '**refused**' };
  expect(rows.map(([, key, use, here]) => ({ key, use, here }))).toEqual(
    SETTINGS.map(({ key, use, here }) => ({ key, use: words[use], here })),
  );
});
