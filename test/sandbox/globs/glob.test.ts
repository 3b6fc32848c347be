import { Glob, isPattern, splitPattern } from '../../../lib/sandbox/globs/glob';

/** True if a pattern matches a path: as a search finds it, name by name. */
function matches(pattern: string, path: string): boolean {
  return Glob.parse('match', pattern).some((glob) => {
    let at = glob;
    for (const name of path.split('/')) at = at.into(name);
    return at.matches;
  });
}

test.each<[pattern: string, yes: string[], no: string[]]>([
  ['.env', ['.env'], ['a/.env', '.env.local', 'xenv']],
  ['**/.env', ['.env', 'a/.env', 'a/b/.env'], ['.envrc', 'a/.env/b']],
  ['*.key', ['a.key', '.key', '.a.key'], ['a/b.key', 'key', 'a.keys']],
  ['**/*.{pem,key}', ['a.pem', 'b/c.key'], ['a.pe', 'a.{pem,key}']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a', 'b', 'a/x']],
  ['a/**', ['a/b', 'a/b/c'], ['b/a']],
  ['**', ['a', 'a/b'], []],
  ['?', ['a', 'é', '😀'], ['', 'ab']],
  ['[a-c]x', ['ax', 'cx'], ['dx', 'x']],
  ['[!a-c]x', ['dx', '-x'], ['ax']],
  ['[]]', [']'], ['[']],
  ['[.]env', ['.env'], ['xenv']],
  ['\\*', ['*'], ['a']],
  ['\\[id].ts', ['[id].ts'], ['i.ts']],
  ['a.b+c', ['a.b+c'], ['axbbc']],
  ['{a,b{c,d}}', ['a', 'bc', 'bd'], ['b', 'c']],
  ['{a}', ['{a}'], ['a']],
  ['**/{x,y}/**/z', ['x/z', 'q/y/r/z'], ['z', 'q/z']],
  ['./a//b/', ['a/b'], ['a']],
])('%s', (pattern, yes, no) => {
  expect(yes.filter((path) => !matches(pattern, path))).toEqual([]);
  expect(no.filter((path) => matches(pattern, path))).toEqual([]);
});

test('a search goes only where something can match', () => {
  const [glob] = Glob.parse('match', 'src/*/key');
  expect(glob?.into('lib').goesOn).toBe(false);
  expect(glob?.into('src').into('a').goesOn).toBe(true);
  expect(glob?.into('src').into('a').into('other').goesOn).toBe(false);
});

test.each(['', '/etc/*', '../*', 'a/../*', '.', '[z-a]'])('a pattern that cannot match is refused: %p', (pattern) => {
  expect(() => Glob.parse('match', pattern)).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }) as Error,
  );
});

test('braces that stand for too many patterns are refused', () => {
  expect(() => Glob.parse('match', '{a,b}'.repeat(20))).toThrow('more than 1024 patterns');
});

test('a pattern is told from a path, and split from the path at its start', () => {
  expect(['a', 'a/.b', 'a\\*'].map(isPattern)).toEqual([false, false, false]);
  expect(['*', 'a/?', '[x]', '{a,b}'].map(isPattern)).toEqual([true, true, true, true]);
  expect(splitPattern('/a/b/*.c/d')).toEqual({ start: '/a/b', rest: '*.c/d' });
  expect(splitPattern('**/x')).toEqual({ start: '', rest: '**/x' });
});
