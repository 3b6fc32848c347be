/**
 * The repository that a writable directory belongs to: what git has to write outside of it, and the files by which git
 * runs commands. gitrepository-layout(5), git-worktree(1), git-config(1)
 */
import { closeSync, constants, fstatSync, openSync, readSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { exists, ownHome, statusOf } from './places';

export interface Repository {
  /** The directory of git that lies elsewhere, for a worktree or a submodule. */
  readonly write: readonly string[];
  /** With a slash at the end of a directory that is to be one even where it is missing. */
  readonly protect: readonly string[];
}

/** The size of a file of git that is read: a program may have made it large. */
const MOST_BYTES = 256 * 1024;

/** The number of directories that are looked at for submodules. */
const MOST_DIRECTORIES = 1_000;

/**
 * A file `.git` that a program has written is not believed: it may say that the repository is anywhere. A directory
 * elsewhere is writable only if that says itself, in a file of its own, that it belongs to this one.
 */
export function repositoryOf(directory: string): Repository {
  const git = join(directory, '.git');
  const status = statusOf(git);
  if (status === undefined)
    return { write: [], protect: isRepository(directory) ? commandsIn(directory, directory) : [`${git}/`] };
  if (!status.isFile()) return { write: [], protect: commandsIn(git, directory) };
  const elsewhere = elsewhereOf(git, directory);
  if (elsewhere === undefined) return { write: [], protect: [git] };
  return { write: [elsewhere], protect: [git, ...commandsIn(elsewhere, directory)] };
}

/** A directory without a `.git`, in which are the parts of one: a bare repository. */
function isRepository(directory: string): boolean {
  return ['HEAD', 'objects', 'refs'].every((name) => exists(join(directory, name)));
}

/** The directory that a file `.git` leads to, if that leads back. */
function elsewhereOf(git: string, directory: string): string | undefined {
  const leadsTo = /^gitdir: (.+?)\n*$/.exec(textOf(git))?.[1];
  const own = leadsTo === undefined ? undefined : realOf(resolve(directory, leadsTo));
  if (own === undefined) return undefined;
  const common = dirname(dirname(own));
  if (basename(dirname(own)) === 'worktrees' && isRepository(common)) {
    const leadsBack = resolve(own, textOf(join(own, 'gitdir')).trimEnd());
    const isOfCommon = realOf(resolve(own, textOf(join(own, 'commondir')).trimEnd())) === common;
    return isOfCommon && realOf(leadsBack) === git ? common : undefined;
  }
  const worktree = settingsIn(join(own, 'config')).find(({ name }) => name === 'core.worktree')?.value;
  return worktree !== undefined && isRepository(own) && realOf(resolve(own, worktree)) === directory ? own : undefined;
}

/** The paths by which a repository makes git run a command, or read another configuration. */
function commandsIn(git: string, worktree: string): string[] {
  return [
    ...filesIn(git),
    ...configured(git, worktree),
    ...namesIn(join(git, 'worktrees')).flatMap((name) =>
      ['commondir', 'gitdir', 'config.worktree'].map((file) => join(git, 'worktrees', name, file)).filter(exists),
    ),
    ...submodulesIn(join(git, 'modules')),
  ];
}

/** git makes no difference between a missing file and none, but a directory or an empty file in its place is an error. */
function filesIn(git: string): string[] {
  return [
    join(git, 'config'),
    `${join(git, 'hooks')}/`,
    ...['config.worktree', 'commondir'].map((name) => join(git, name)).filter(exists),
  ];
}

/** The directory of hooks, and the files of settings, that the configuration names. A path is relative to the file. */
function configured(git: string, worktree: string): string[] {
  const files = [join(git, 'config'), join(ownHome(), '.gitconfig'), join(ownHome(), '.config/git/config')];
  return files.flatMap((file) =>
    settingsIn(file).flatMap(({ name, value }) => {
      const path = value.startsWith('~/') ? join(ownHome(), value.slice(2)) : value;
      if (name === 'core.hookspath') return [`${resolve(worktree, path)}/`];
      return /^include(if)?\.path$/.test(name) ? [resolve(dirname(file), path)].filter(exists) : [];
    }),
  );
}

/** A submodule is in the directory of its name, which may have slashes, and so may be below others. */
function submodulesIn(modules: string): string[] {
  const found: string[] = [];
  const waiting = [modules];
  for (let count = 0; count < waiting.length; count++) {
    const directory = waiting[count] ?? modules;
    if (count === MOST_DIRECTORIES) return [`${modules}/`]; // none of them changes then
    if (isRepository(directory)) found.push(...filesIn(directory), ...submodulesIn(join(directory, 'modules')));
    else waiting.push(...namesIn(directory).map((name) => join(directory, name)));
  }
  return found;
}

/** Settings by their names in lower case, without the part in quotation marks: `includeif.path`. */
function settingsIn(file: string): { name: string; value: string }[] {
  let section = '';
  return textOf(file)
    .split('\n')
    .flatMap((line) => {
      const header = /^\s*\[\s*([\w.-]+)[^\]]*\]\s*(.*)$/.exec(line);
      if (header !== null) section = header[1]?.toLowerCase() ?? '';
      const [, key, value] = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(header?.[2] ?? line) ?? [];
      if (key === undefined || value === undefined) return [];
      return [{ name: `${section}.${key.toLowerCase()}`, value: value.replace(/^"(.*)"$/, '$1') }];
    });
}

/** The start of a file; empty where there is none. A pipe in its place is not waited for. */
function textOf(path: string): string {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      if (!fstatSync(fd).isFile()) return '';
      const bytes = Buffer.alloc(Math.min(MOST_BYTES, fstatSync(fd).size));
      return bytes.toString('utf8', 0, readSync(fd, bytes));
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
  } catch {
    return [];
  }
}

function realOf(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
