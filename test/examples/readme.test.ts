import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Example, ROOT } from './example';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const guides = ['docs/discovery.md'].map((page) => readFileSync(join(ROOT, page), 'utf8'));
const blocks = [readme, ...guides].flatMap((page) =>
  [...page.matchAll(/^```(ts|js)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    language,
    code,
    first: code.split('\n').find((line) => !/^(import|$|.*require\()/.test(line)) ?? '',
  })),
);

describe('the code in README.md and in guides', () => {
  let project: string;

  // A project that has installed the package.
  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'linux-ns-readme-'));
    mkdirSync(join(project, 'node_modules'));
    symlinkSync(ROOT, join(project, 'node_modules/linux-ns'));
  });
  afterAll(() => rmSync(project, { recursive: true }));

  test('there is some', () => {
    expect(blocks.map(({ language }) => language)).toEqual(expect.arrayContaining(['ts', 'js']));
  });

  test.each(blocks)('$language: $first', async ({ language, code }) => {
    const file = join(
      project,
      `${String(blocks.findIndex((block) => block.code === code))}.${extensionOf(language, code)}`,
    );
    writeFileSync(file, code);
    await using program = new Example([process.execPath, ...(language === 'ts' ? ['--import', 'tsx'] : []), file]);
    const { code: exitCode, stdout, stderr } = await program.end();
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const [, printed = ''] of code.matchAll(/\/\/ → (.*)$/gm)) expect(stdout).toContain(printed);
  });
});

describe('README.md', () => {
  test('has the two commands that do everything on a fresh machine', () => {
    expect(readme).toMatch(/^npm ci && npm run demo\b/m);
    expect(readme).toMatch(/^npm ci && npm test$/m);
  });

  test.each(['README.md', 'examples/README.md'])('%s: the links lead to files', (page) => {
    const folder = join(ROOT, page, '..');
    const links = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\(([^):]+)\)/g)].map(([, link = '']) => link);
    expect(links.filter((link) => !existsSync(join(folder, link)))).toEqual([]);
  });

  test('examples/README.md lists every example', () => {
    const page = readFileSync(join(ROOT, 'examples/README.md'), 'utf8');
    for (const name of readdirSync(join(ROOT, 'examples')).filter((each) => each.endsWith('.ts'))) {
      expect(page).toContain(`(${name})`);
    }
  });
});

function extensionOf(language: string, code: string): string {
  if (language === 'ts') return 'mts';
  return code.includes('require(') ? 'cjs' : 'mjs';
}
