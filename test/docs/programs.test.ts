/**
 * README and guides do what they say: each ts and js block is a program that ends without an error, and prints what its
 * `// → …` say. Each sh block is a script that succeeds. What a fence may say is in blocks.ts.
 */
import { execFile as execFileCallback } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { spawn } from '../../lib';
import { Lab } from '../../lib/lab';
import { CompiledPackage, ROOT } from '../fixtures/child-node';
import { needs } from '../fixtures/optional';
import { ONE_WAIT } from '../fixtures/patience';
import { FENCE_WORDS, type Program, blocksOf, pages, programsOf, readPage } from './blocks';

const execFile = promisify(execFileCallback);

/** A project that has installed the package, to run one program in. */
class Project implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'linux-ns-docs-'));
  readonly env: NodeJS.ProcessEnv;

  constructor(installed: CompiledPackage) {
    chmodSync(this.directory, 0o755);
    const modules = join(this.directory, 'node_modules');
    const commands = join(modules, '.bin');
    mkdirSync(commands, { recursive: true });
    symlinkSync(installed.directory, join(modules, 'linux-ns'));
    symlinkSync(join(ROOT, 'node_modules', 'undici'), join(modules, 'undici'));
    writeFileSync(join(commands, 'linux-ns'), `#!/bin/sh\nexec '${process.execPath}' '${installed.main}' "$@"\n`, { mode: 0o755 });
    const { PATH = '', ...env } = process.env;
    this.env = { ...env, PATH: `${commands}:${PATH}` };
  }

  async run(program: Program): Promise<{ stdout: string; stderr: string }> {
    for (const commands of program.before) await this.#execute('sh', ['-ec', commands]);
    if (program.language === 'sh') return this.#execute('sh', ['-ec', program.code]);
    const file = join(this.directory, fileName(program));
    writeFileSync(file, program.language === 'ts' ? translate(program.code) : program.code);
    if (program.outside) return this.#withOutside(file);
    return program.terminal ? this.#onTerminal(file) : this.#execute(process.execPath, [file]);
  }

  /** There is a web server at an address that the internet has, and the whole program runs on a host beside it. */
  async #withOutside(file: string): Promise<{ stdout: string; stderr: string }> {
    await using lab = await Lab.create();
    const wan = await lab.addNetwork('wan', { subnet: '93.184.216.0/24' });
    const [web, here] = await lab.addHosts(['web', 'here'], { on: wan });
    lab.dns.set('www.example.com', [...web.addresses]);
    await web.listen(createServer((request, response) => response.end('<h1>Example Domain</h1>')), 80);
    const { directory: cwd, env } = this;
    return await here.execFile(process.execPath, [file], { cwd, env, timeout: ONE_WAIT, killSignal: 'SIGKILL' });
  }

  async #execute(file: string, args: string[]): Promise<{ stdout: string; stderr: string }> {
    const { directory: cwd, env } = this;
    const running = execFile(file, args, { cwd, env, timeout: ONE_WAIT, killSignal: 'SIGKILL' });
    running.child.stdin?.end();
    return running;
  }

  /** Whatever asks on it is told to exit. */
  async #onTerminal(file: string): Promise<{ stdout: string; stderr: string }> {
    const { directory: cwd, env } = this;
    await using child = await spawn(process.execPath, [file], { cwd, env, pty: {}, timeout: ONE_WAIT });
    let stdout = '';
    child.pty?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.pty?.write('exit\r');
    const { code, signal } = await child.exited;
    if (code !== 0) throw new Error(`${signal ?? String(code)}: ${stdout}`);
    return { stdout, stderr: '' };
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}

describe('the code in README.md and in guides', () => {
  let installed: CompiledPackage;
  beforeAll(() => (installed = new CompiledPackage()));
  afterAll(() => installed.remove());

  const programs = pages().flatMap((page) => programsOf(page, ['ts', 'js', 'sh']));
  for (const program of programs.filter((each) => !each.check && !isForNpm(each))) {
    const { page, line, language, code, root, user, tools } = program;
    needs({ root, unprivileged: user, tool: tools }).test(
      `${page}:${line}: ${language}`,
      async () => {
        using project = new Project(installed);
        const { stdout, stderr } = await project.run(program);
        expect(stderr).toBe('');
        for (const [, printed = ''] of code.matchAll(/\/\/ → (.*)$/gm)) expect(stdout).toContain(printed);
      },
    );
  }
});

describe.each(pages())('%s', (page) => {
  test('says of its blocks what is understood', () => {
    const known = (word: string): boolean => word.startsWith('needs=') || FENCE_WORDS.some((each) => each === word);
    const unknown = blocksOf(page).flatMap(({ line, words }) =>
      words.filter((word) => !known(word)).map((word) => `${line}: ${word}`),
    );
    expect(unknown).toEqual([]);
  });

  test('has no block in a language that nothing looks at', () => {
    const languages = new Set(blocksOf(page).map(({ language }) => language));
    expect([...languages].filter((language) => !['ts', 'js', 'sh', 'text'].includes(language))).toEqual([]);
  });

  test('names npm scripts that there are', () => {
    const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> };
    const named = [...readPage(page).matchAll(/\bnpm run (?:-s )?([\w:-]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

function fileName({ language, code }: Program): string {
  if (language === 'ts') return 'program.mjs';
  return code.includes('require(') ? 'program.cjs' : 'program.mjs';
}

/** Types are checked elsewhere: types.test.ts. */
function translate(code: string): string {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  return ts.transpileModule(code, { compilerOptions }).outputText;
}

/** It takes a network, or is what is running: its scripts are looked up. */
function isForNpm({ language, code }: Program): boolean {
  return language === 'sh' && code.trim().split('\n').every((line) => /^(#|npm )/.test(line));
}
