import { spawn } from 'node:child_process';
import { accessSync, constants, copyFileSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, type Given, UsageError } from '../command';
import { print, printMessages } from '../output';
import { packageFolder } from '../package-folder';
import { findNodeGyp, headersPrefix, installCommand, missingTools } from '../toolchain';

export const compileCommand: Command = {
  name: 'compile',
  summary: 'Compile the addon of this package, where no binary of it fits',
  operands: '',
  options: [],
  notes: ['It needs a C and a C++ compiler, make, Python 3 and node-gyp, which npm brings.'],
  examples: [
    ['compile', 'in the folder of the package, as the user who owns it'],
    ['compile && linux-ns doctor', 'and report what this host allows'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  const [operand] = given.operands;
  if (operand !== undefined) throw new UsageError(`unexpected argument '${operand}'`);
  const folder = packageFolder();
  const nodeGyp = findNodeGyp(folder, process.env);
  const missing = whatIsMissing(folder, nodeGyp !== undefined);
  if (nodeGyp === undefined || missing.length > 0) return fail(missing);
  putBinding(folder);
  const compiled = await runs([...nodeGyp, 'rebuild', '--jobs=max', ...headers()], folder);
  if (!compiled) return fail(AFTER_FAILURE);
  const binary = join(folder, 'build', 'Release', 'linux_ns.node');
  if (!(await loads(binary))) return fail([`the addon was compiled and does not load: ${binary}`]);
  print([`compiled: ${binary}`]);
  return 0;
}

/**
 * The published package has its binding.gyp in src/: where it finds one at the top, pnpm takes it for an install script,
 * and warns.
 */
function putBinding(folder: string): void {
  const [published, used] = [join(folder, 'src', 'binding.gyp'), join(folder, 'binding.gyp')];
  if (!existsSync(used)) copyFileSync(published, used);
}

/** All problems, one in each line, so that nobody has to run this twice to learn of the second one. */
function whatIsMissing(folder: string, hasNodeGyp: boolean): string[] {
  if (process.platform !== 'linux') return [`there is nothing to compile on ${process.platform}`];
  if (!['x64', 'arm64'].includes(process.arch)) return [`there is nothing to compile for ${process.arch}`];
  const tools = missingTools(process.env);
  const install = installCommand(process.env);
  return [
    ...tools.map((tool) => `missing: ${tool}`),
    ...(tools.length > 0 && install !== undefined ? [`to install them: ${install}`] : []),
    ...(hasNodeGyp ? [] : ['missing: node-gyp, which is part of npm', 'to install it: npm install --global node-gyp']),
    ...notWritable(folder),
  ];
}

function notWritable(folder: string): string[] {
  try {
    accessSync(folder, constants.W_OK);
    return [];
  } catch {
    return [`cannot write in ${folder}, which belongs to uid ${statSync(folder).uid}: run this as that user`];
  }
}

/**
 * The text after a failure. node-gyp has printed the error; the text names needs of node-gyp that cannot be checked
 * before.
 */
const AFTER_FAILURE: readonly string[] = [
  'the addon did not compile: the messages above say why',
  "it needs the header files of the C library and of Linux (Alpine: musl-dev, linux-headers), and Node's own,",
  'which node-gyp downloads; npm_config_nodedir names a folder that has them in include/node',
];

/**
 * The option of node-gyp for a folder with header files. It is left out where the user has named such a folder, or an
 * address to download them from.
 */
function headers(): string[] {
  const { npm_config_nodedir: folder, npm_config_disturl: address } = process.env;
  const prefix = folder === undefined && address === undefined ? headersPrefix() : undefined;
  return prefix === undefined ? [] : [`--nodedir=${prefix}`];
}

/**
 * True where a process can load the binary. It is a process of its own, because a broken binary may do worse than
 * throw.
 */
function loads(binary: string): Promise<boolean> {
  return runs([process.execPath, '-e', 'require(process.argv[1])', binary], '/');
}

/** Resolves with true where a command succeeded. Its output is for people, so it goes to standard error. */
function runs([file = '', ...args]: readonly string[], cwd: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, stdio: ['ignore', 2, 2] });
    child.once('error', reject);
    child.once('close', (code) => resolve(code === 0));
  });
}

function fail(lines: readonly string[]): number {
  printMessages(lines.map((line) => `linux-ns: compile: ${line}`));
  return 1;
}
