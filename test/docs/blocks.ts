/** The code of the README and the guides: what stands between fences, and what the fence says of it. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../fixtures/child-node';

/** Words after the language, as in ```ts root needs=ping. A block without any is a program that runs as anyone. */
export const FENCE_WORDS = ['continues', 'root', 'user', 'terminal', 'outside', 'check'] as const;


export interface Block {
  page: string;
  /** Of its first line of code in the page, from 1. */
  line: number;
  language: string;
  words: string[];
  code: string;
  /** Shell commands that make what it finds, from a comment right above: `<!-- before: mkdir project -->`. */
  before: string;
}

/** One block, with the blocks that continue it. */
export interface Program {
  page: string;
  line: number;
  language: string;
  /** The code, each line where it is in the page. */
  code: string;
  before: string[];
  /** Is run as root only. */
  root: boolean;
  /** Is run as an ordinary user only. */
  user: boolean;
  /** Is run on a terminal of its own, on which `exit` is typed. */
  terminal: boolean;
  /** Is run where http://www.example.com/ can be reached, which is on a host of a lab. */
  outside: boolean;
  /** Is not run: types are checked, that is all. */
  check: boolean;
  /** Programs it takes: `needs=ping,ip`. */
  tools: string[];
}

const FENCE = /^(?:<!-- before: (?<before>[^\n]*) -->\n)?```(?<language>[a-z]+)(?<info>[^\n]*)\n(?<code>.*?)^```$/gms;

/** README.md and docs/*.md. */
export function pages(): string[] {
  const guides = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...guides.sort().map((name) => join('docs', name))];
}

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

export function blocksOf(page: string): Block[] {
  const text = readPage(page);
  return [...text.matchAll(FENCE)].map(({ index, 0: all, groups = {} }) => {
    const code = groups.code ?? '';
    const start = index + all.length - '```'.length - code.length;
    return {
      page,
      line: text.slice(0, start).split('\n').length,
      language: groups.language ?? '',
      words: (groups.info ?? '').split(' ').filter((word) => word !== ''),
      code,
      before: groups.before ?? '',
    };
  });
}

/** The programs of a page in these languages. */
export function programsOf(page: string, languages: readonly string[]): Program[] {
  const programs: Block[][] = [];
  for (const block of blocksOf(page).filter(({ language }) => languages.includes(language))) {
    const last = programs.at(-1);
    if (!block.words.includes('continues')) programs.push([block]);
    else if (last === undefined) throw new Error(`${page}:${block.line}: continues what?`);
    else last.push(block);
  }
  return programs.map(programOf);
}

function programOf(blocks: Block[]): Program {
  const [{ page, line, language }] = blocks as [Block];
  const words = blocks.flatMap((block) => block.words);
  let code = '';
  for (const block of blocks) {
    code += '\n'.repeat(block.line - code.split('\n').length) + block.code;
  }
  return {
    page,
    line,
    language,
    code,
    before: blocks.map(({ before }) => before).filter((commands) => commands !== ''),
    root: words.includes('root'),
    user: words.includes('user'),
    terminal: words.includes('terminal'),
    outside: words.includes('outside'),
    check: words.includes('check'),
    tools: words.flatMap((word) => (word.startsWith('needs=') ? word.slice('needs='.length).split(',') : [])),
  };
}
