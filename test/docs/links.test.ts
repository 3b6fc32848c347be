/** Links within the pages of the repository lead to files, and to headings in them. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ROOT } from '../fixtures/child-node';
import { pages, readPage } from './blocks';

const decisions = readdirSync(join(ROOT, 'docs', 'decisions')).map((name) => join('docs', 'decisions', name));
const all = [...pages(), ...decisions, 'examples/README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'];

test.each(all)('%s', (page) => {
  const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  const within = links.filter((link) => !/^[a-z]+:/.test(link));
  expect(within.filter((link) => !leadsSomewhere(page, link))).toEqual([]);
});

describe('each guide', () => {
  const guides = pages().filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');

  test('is in the index', () => {
    expect(guides.filter((page) => !readPage('docs/README.md').includes(`](${basename(page)})`))).toEqual([]);
  });

  test('is on the site', () => {
    const { projectDocuments } = JSON.parse(readPage('typedoc.json')) as { projectDocuments: string[] };
    expect(guides.filter((page) => !projectDocuments.includes(page))).toEqual([]);
  });
});

function leadsSomewhere(page: string, link: string): boolean {
  const [file = '', heading] = link.split('#');
  const target = file === '' ? page : join(dirname(page), file);
  if (!existsSync(join(ROOT, target))) return false;
  return heading === undefined || headingsOf(target).includes(heading);
}

/** As the places where Markdown is read make anchors of them. */
function headingsOf(page: string): string[] {
  const headings = [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text);
  return headings.map((text) => text.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}

/** Without code, in which brackets mean other things. */
function proseOf(page: string): string {
  return readPage(page)
    .replace(/^```.*?^```$/gms, '')
    .replace(/`[^`\n]*`/g, (code) => code.replaceAll(']', ' '));
}
