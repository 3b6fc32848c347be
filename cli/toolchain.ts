/** Finds the programs that compile the addon, and names those that are missing. */
import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';

/**
 * The tools that are not on PATH, each as a phrase. A program that the environment names is used in place of the usual
 * one, as in node-gyp and `src/nsinit/build.sh`. Without CC node-gyp looks for `gcc`, and the script for `cc`.
 */
export function missingTools(env: NodeJS.ProcessEnv): string[] {
  const { CC, CXX = 'g++', PYTHON, npm_config_python: python = PYTHON } = env;
  const has = (command: string): boolean => findProgram(firstWord(command), env) !== undefined;
  const missing: string[] = [];
  if (!(CC === undefined ? ['gcc', 'cc'] : [CC]).every(has)) missing.push(`a C compiler (${CC ?? 'gcc, cc'})`);
  if (!has(CXX)) missing.push(`a C++ compiler (${CXX})`);
  if (!has('make')) missing.push('make');
  if (!(python === undefined ? ['python3', 'python'] : [python]).some(has))
    missing.push(`Python 3 (${python ?? 'python3'})`);
  return missing;
}

/** The command by which each package manager installs all tools, by the name of its program. */
const INSTALLERS = {
  'apt-get': 'apt-get install g++ make python3',
  apk: 'apk add g++ make python3 linux-headers',
  dnf: 'dnf install gcc-c++ make python3',
  zypper: 'zypper install gcc-c++ make python3',
  pacman: 'pacman -S gcc make python',
};

/** The command that installs the tools here; undefined for an unknown package manager. */
export function installCommand(env: NodeJS.ProcessEnv): string | undefined {
  return Object.entries(INSTALLERS).find(([program]) => findProgram(program, env) !== undefined)?.[1];
}

/**
 * The command line that runs node-gyp: the one of the npm that runs this program, one that is installed above the
 * package, the one inside npm, or one on PATH. The working directory is not searched, because it can belong to anybody.
 */
export function findNodeGyp(folder: string, env: NodeJS.ProcessEnv): string[] | undefined {
  const script = env.npm_config_node_gyp ?? resolvedNodeGyp([folder, ...npmFolders(env)]);
  if (script !== undefined && existsSync(script)) return [process.execPath, script];
  const program = findProgram('node-gyp', env);
  return program === undefined ? undefined : [program];
}

/** The path as require() finds it, but not below the home directory or NODE_PATH: root may have those of somebody else. */
function resolvedNodeGyp(folders: string[]): string | undefined {
  return folders
    .flatMap(withAllAbove)
    .map((folder) => join(folder, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js'))
    .find((file) => existsSync(file));
}

function withAllAbove(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...withAllAbove(above)];
}

/**
 * The folders of the npm that came with this Node, and of the one on PATH, which is a link to `bin/npm-cli.js` in its
 * folder.
 */
function npmFolders(env: NodeJS.ProcessEnv): string[] {
  const npm = findProgram('npm', env);
  const besideNode = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm');
  return [besideNode, ...(npm === undefined ? [] : [join(dirname(realpathSync(npm)), '..')])];
}

/**
 * The prefix below which this Node's header files are, in `include/node`. Node's archives and images have them, and
 * node-gyp need not download them then.
 */
export function headersPrefix(): string | undefined {
  const prefix = join(dirname(process.execPath), '..');
  const needed = ['node_api.h', 'config.gypi'].map((name) => join(prefix, 'include', 'node', name));
  return needed.every((file) => existsSync(file)) ? prefix : undefined;
}

/**
 * Finds a program as exec(3) does: by a path, or by a name on PATH. An empty part of PATH, or a relative one, means the
 * working directory there, and nothing here.
 */
function findProgram(name: string, { PATH = '' }: NodeJS.ProcessEnv): string | undefined {
  const folders = PATH.split(delimiter).filter((folder) => isAbsolute(folder));
  const files = name.includes('/') ? [name] : folders.map((folder) => join(folder, name));
  return files.find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The first word of a command: `CC='ccache gcc'` names a program and its arguments. */
function firstWord(command: string): string {
  return command.trim().split(/\s+/)[0] ?? '';
}
