/** The ts blocks of README and guides under the compiler, against lib/. */
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from '../fixtures/child-node';
import { type Program, pages, programsOf } from './blocks';

/** By the name of a file that is nowhere, but where the packages of this one are found. */
const programs = new Map(
  pages()
    .flatMap((page) => programsOf(page, ['ts']))
    .map((program) => [fileOf(program), program]),
);

let errors: string[];

// One compilation for all: that of lib/ takes longest.
beforeAll(() => (errors = errorsOf(programs)));

test('there are programs', () => expect(programs.size).toBeGreaterThan(40));

test.each([...new Set([...programs.values()].map(({ page }) => page))])('%s', (page) => {
  expect(errors.filter((error) => error.startsWith(`${page}:`))).toEqual([]);
});

test('nothing else is wrong', () => {
  expect(errors.filter((error) => !/^(README|docs\/[\w-]+)\.md:/.test(error))).toEqual([]);
});

function fileOf({ page, line }: Program): string {
  return join(ROOT, 'docs', `${page.replace('/', '-')}-${line}.mts`);
}

function errorsOf(files: ReadonlyMap<string, Program>): string[] {
  const options = compilerOptions();
  const host = ts.createCompilerHost(options);
  host.fileExists = (file) => files.has(file) || ts.sys.fileExists(file);
  host.readFile = (file) => files.get(file)?.code ?? ts.sys.readFile(file);
  const program = ts.createProgram([...files.keys()], options, host);
  const sources = [...files.keys()].map((file) => program.getSourceFile(file));
  const diagnostics = sources.flatMap((source) => [
    ...program.getSyntacticDiagnostics(source),
    ...program.getSemanticDiagnostics(source),
  ]);
  return [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...diagnostics].map(describeError);

  function describeError({ file, start = 0, messageText }: ts.Diagnostic): string {
    const where = file && files.get(file.fileName);
    const at = where ? `${where.page}:${file.getLineAndCharacterOfPosition(start).line + 1}` : file?.fileName;
    return `${at ?? 'options'}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  }
}

/** Those of this project, which are strict; what a block does not use is its reader's. */
function compilerOptions(): ts.CompilerOptions {
  const path = join(ROOT, 'tsconfig.base.json');
  const { config } = ts.readConfigFile(path, (file) => ts.sys.readFile(file)) as { config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const paths = { 'linux-ns': [join(ROOT, 'lib', 'index.ts')], 'linux-ns/*': [join(ROOT, 'lib', '*', 'index.ts')] };
  return { ...options, noEmit: true, paths };
}
