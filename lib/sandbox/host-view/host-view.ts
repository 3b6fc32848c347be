/** The host as its user sees it, read-only: a spec that is made of entries which anybody may write. */
import { type Dirent, readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, boolean, list, schema, string } from '../../errors/schema';
import { invalidValue } from '../../errors/validate';
import { isWithin } from '../below';
import type { MountEntry, SandboxSpec } from '../sandbox-spec';
import { workingDirectory } from '../toolchains/directories';
import { toolchainEntries, toolchainsOf } from '../toolchains/toolchains';
import { HIDDEN_BY_DEFAULT, PROTECTED_BY_DEFAULT } from './defaults';
import { type Repository, repositoryOf } from './git';
import { type InForce, type Rule, type Ruled, entriesOf, inForce, ruleFor } from './order';
import { type Place, RealPaths, exists, ownHome, places, statusOf } from './places';
import { variablesOf } from './variables';

/** A path, a pattern, or several. @inline */
export type HostPaths = string | URL | readonly (string | URL)[];

/**
 * Options of {@link hostView}. A path may begin with `~`, the user's home directory; a relative one starts at this
 * process's directory. A text with `*`, `?`, `[` or `{` is a pattern, as {@link BindEntry.match} describes it, unless
 * a backslash is before that character; a URL is always a path. A relative pattern whose first name has such a character,
 * as in `'*.key'`, is for this process's directory and for each directory of `write`.
 *
 * Of several options that concern a path, the one with the longest path counts: `hide: ['~'], write: ['~/project']`
 * shows the project and nothing else of the home directory. For the same path `hide` counts before `readOnly`, and that
 * before `write`; whatever is given counts before what is hidden by default. Patterns come after all paths, in the same
 * order, so that what a pattern hides is hidden. Links are followed: what counts is where a path leads.
 */
export interface HostViewOptions {
  /** Paths that are writable. Programs start in the first one that is a directory. Default: none. */
  write?: HostPaths | undefined;
  /**
   * Paths that are empty: a directory without entries, a file without contents. They are hidden in addition to
   * {@link HIDDEN_BY_DEFAULT}. Default: none.
   */
  hide?: HostPaths | undefined;
  /**
   * Paths that can be read and not written: exceptions in what is hidden, in what is writable, and in directories that a
   * view does not have. Default: none.
   */
  readOnly?: HostPaths | undefined;
  /**
   * Paths below those of `write` that stay as they are, as {@link ProtectEntry} describes it; a path that does not exist
   * and ends in a slash is made as a directory. They are protected in addition to {@link PROTECTED_BY_DEFAULT}.
   * Default: none.
   */
  protect?: HostPaths | undefined;
  /**
   * False hides and protects nothing but what `hide` and `protect` say, and does not look for the repository of a
   * worktree. Default: true.
   */
  defaults?: boolean | undefined;
  /**
   * Names of variables that programs have from this process's environment, in addition to the usual ones; `*` in a name
   * is any text: `['NPM_CONFIG_*', 'GITHUB_TOKEN']`. Default: none.
   */
  env?: readonly string[] | undefined;
  /**
   * True adds the variables of the toolchains that PATH leads to, and what they have outside of the directories of a
   * view, as fnm has in /run: see {@link HostUserlandOptions.toolchains}. Default: false.
   */
  toolchains?: boolean | undefined;
}

/** A {@link SandboxSpec} whose parts are all present, to spread into another. */
export interface HostView extends SandboxSpec {
  /** The entries for the host's directories, and for the paths of the options. */
  mounts: MountEntry[];
  /** The variables of this process that programs have. */
  env: Record<string, string>;
  /** The first directory of `write`; else that of this process, if the view has it. */
  cwd: string;
}

const notRoot: Check<Place[]> = (name, value) => {
  const given = places(name, value);
  if (given.every(({ path, pattern }) => path !== '/' || pattern !== undefined)) return given;
  throw invalidValue(name, value, "cannot have '/', which is the whole host: name the directories in it");
};

const parseOptions = schema<HostViewOptions>()({
  write: notRoot,
  hide: notRoot,
  readOnly: notRoot,
  protect: notRoot,
  defaults: boolean,
  env: list(string),
  toolchains: boolean,
});

/** Directories of `/` that a view does not have: the sandbox has its own, or they are of no use to programs. */
const LEFT_OUT = ['dev', 'lost+found', 'proc', 'run', 'sys', 'tmp'];

/** Empty directories of the sandbox's own. */
const OWN = ['/tmp', '/run'];

/** The same, where the host has them. /var/run is a link to /run on most systems. */
const OWN_IF_THERE = ['/var/tmp', '/var/run'];

/** The parts of /sys that say which processors and how much memory there is: language runtimes ask. sysfs(5) */
const HARDWARE = ['/sys/devices/system', '/sys/kernel/mm'];

/** Links in /run that lead to programs: NixOS has its PATH there. */
const LINKS = ['/run/current-system', '/run/opengl-driver'];

/**
 * The host as this process's user sees it: all directories, read-only, at their places, but for keys, tokens, histories
 * and the like ({@link HIDDEN_BY_DEFAULT}). /tmp, /var/tmp, /run, /dev and /proc are the sandbox's own, and empty; of
 * /sys there is what tells the number of processors. Programs have the variables of this process that have no secrets:
 * PATH, HOME, TERM, LANG, the editor, the colours.
 *
 * It hides paths that are known, and cannot know all: a view is for programs that are to work with the host's tools and
 * files. For programs that are to see nothing there is {@link hostUserland}.
 *
 * It is a list of entries, made when it is called. To add some, put them after its own:
 * `mounts: [...view.mounts, …]`.
 *
 * @throws TypeError, RangeError for bad options
 * @example
 * ```ts
 * const view = hostView({ write: ['.'], hide: ['.env', '~/notes'] });
 * await using sandbox = await Sandbox.create(view);
 * await sandbox.exec('npm test');
 * ```
 */
export function hostView(options: HostViewOptions = {}): HostView {
  const given = parseOptions('options', options);
  const { write = [], readOnly = [], hide = [], protect = [], defaults = true, env = [], toolchains = false } = given;
  const real = new RealPaths();
  const root = readdirSync('/', { withFileTypes: true });
  const projects = realPathsOf(write, real);
  const hidden = defaults ? hiddenByDefault([...projects, ...realPathsOf(readOnly, real)], real) : [];
  const repositories = defaults ? projects.filter(isDirectory).map(repositoryOf) : [];
  const ruled = [
    ...ruledBy([...OWN, ...OWN_IF_THERE.filter(exists)], 'own'),
    ...ruledBy([...root.filter(isShown).map(({ name }) => `/${name}`), ...HARDWARE], 'readOnly'),
    ...hidden.flatMap(({ excepted }) => ruledBy(excepted, 'hide')),
    ...repositories.flatMap((repository) => ruledBy(repository.write, 'write')),
    ...pathsOf(write, 'write'),
    ...pathsOf(readOnly, 'readOnly'),
    ...pathsOf(hide, 'hide'),
  ].map((each) => ({ ...each, path: real.of(each.path) }));
  const rules = withResolver(inForce(ruled), real);
  const seen = rules.filter(({ rule }) => rule === 'readOnly').map(({ path }) => path);
  const found = toolchains ? toolchainsOf(process.env, { shown: seen, writable: projects }) : undefined;
  return {
    mounts: [
      ...[...root.filter(isLink).map(({ name }) => `/${name}`), ...LINKS].flatMap(linkEntry),
      ...entriesOf(rules),
      ...(found === undefined ? [] : toolchainEntries({ ...found, home: [] }, '/')),
      ...hidden.map(({ directory, names }): MountEntry => ({ type: 'mask', target: directory, match: names })),
      ...matchingEntries('bind', write, projects, real),
      ...matchingEntries('bindReadOnly', readOnly, projects, real),
      ...matchingEntries('mask', hide, projects, real),
      ...(defaults ? protectedByDefault(real.of(ownHome()), rules, projects, repositories) : []),
      ...protect.flatMap(protectEntry),
      ...matchingEntries('protect', protect, projects, real),
    ],
    env: { HOME: ownHome(), ...variablesOf(process.env, env), ...found?.env },
    cwd: directoryOf(projects, rules, real),
  };
}

function isShown(entry: Dirent): boolean {
  return entry.isDirectory() && !LEFT_OUT.includes(entry.name);
}

function isLink(entry: Dirent): boolean {
  return entry.isSymbolicLink();
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // creating the sandbox says why
  }
}

function ruledBy(paths: readonly string[], rule: Rule): Ruled[] {
  return paths.map((path) => ({ path, rule, given: false }));
}

function pathsOf(given: readonly Place[], rule: Rule): Ruled[] {
  return given.flatMap(({ path, pattern }) => (pattern === undefined ? [{ path, rule, given: true }] : []));
}

function realPathsOf(given: readonly Place[], real: RealPaths): string[] {
  return given.flatMap(({ path, pattern }) => (pattern === undefined ? [real.of(path)] : []));
}

/** The paths that are hidden by default below a directory. */
interface Hidden {
  readonly directory: string;
  /** Relative to the directory. */
  readonly names: readonly string[];
  /** Paths at or below which something is shown: that is put in its order. */
  readonly excepted: readonly string[];
}

const HIDDEN_AT_HOME = HIDDEN_BY_DEFAULT.filter((path) => path.startsWith('~/')).map((path) => path.slice(2));
const HIDDEN_IN_SYSTEM = HIDDEN_BY_DEFAULT.filter((path) => path.startsWith('/')).map((path) => path.slice(1));

/** For root also in the home directory of root: sudo(8) may leave the variable HOME as it was. */
function hiddenByDefault(shown: readonly string[], real: RealPaths): Hidden[] {
  const homes = new Set([ownHome(), ...(process.geteuid?.() === 0 ? ['/root'] : [])].map((home) => real.of(home)));
  return [...[...homes].map((home) => hiddenIn(home, HIDDEN_AT_HOME, shown)), hiddenIn('/', HIDDEN_IN_SYSTEM, shown)];
}

function hiddenIn(directory: string, all: readonly string[], shown: readonly string[]): Hidden {
  const has = (name: string): boolean => shown.some((path) => isWithin(path, join(directory, name)));
  const near = shown.some((path) => isWithin(path, directory));
  const excepted = near ? all.filter(has) : [];
  const names = excepted.length === 0 ? all : all.filter((name) => !excepted.includes(name));
  return { directory, names, excepted: excepted.map((name) => join(directory, name)) };
}

const PROTECTED_AT_HOME = PROTECTED_BY_DEFAULT.filter((path) => path.startsWith('~/')).map((path) => path.slice(2));
const PROTECTED_IN_PROJECT = PROTECTED_BY_DEFAULT.filter((path) => !path.startsWith('~/'));

/** The paths that are protected by default in writable directories, unless a path that is given makes it, or a part of it, writable. */
function protectedByDefault(
  home: string,
  rules: readonly InForce[],
  projects: readonly string[],
  repositories: readonly Repository[],
): MountEntry[] {
  const paths = new Set([
    ...PROTECTED_AT_HOME.map((name) => `${home}/${name}`),
    ...projects.filter(isDirectory).flatMap((project) => PROTECTED_IN_PROJECT.map((name) => `${project}/${name}`)),
    ...repositories.flatMap((repository) => repository.protect),
  ]);
  const isWritten = (path: string): boolean =>
    rules.some(({ rule, given, path: other }) => rule === 'write' && given && isWithin(other, path));
  return [...paths]
    .filter((path) => ruleFor(path, rules)?.rule === 'write' && !isWritten(path.replace(/\/$/, '')))
    .filter((path) => path.endsWith('/') || exists(path))
    .map((target) => ({ type: 'protect', target }));
}

function protectEntry({ path, pattern, directory }: Place): MountEntry[] {
  return pattern === undefined ? [{ type: 'protect', target: directory ? `${path}/` : path }] : [];
}

/** The file of resolv.conf(5) may lie in /run, and /etc/resolv.conf lead to it. */
function withResolver(rules: InForce[], real: RealPaths): InForce[] {
  const path = real.of('/etc/resolv.conf');
  const rule = ruleFor(path, rules)?.rule;
  return rule === undefined || rule === 'own'
    ? [...rules, { path, rule: 'readOnly', given: false, above: rule }]
    : rules;
}

/** A link becomes a new link in the sandbox, so that it leads to the sandbox's own file. */
function linkEntry(path: string): MountEntry[] {
  if (statusOf(path)?.isSymbolicLink() !== true) return [];
  return [{ type: 'symlink', target: path, to: readlinkSync(path) }];
}

/** The entries for patterns: one for each directory in which some are looked for. */
function matchingEntries(
  type: 'bind' | 'bindReadOnly' | 'mask' | 'protect',
  given: readonly Place[],
  projects: readonly string[],
  real: RealPaths,
): MountEntry[] {
  const byDirectory = new Map<string, string[]>();
  for (const { path, pattern, anywhere } of given) {
    if (pattern === undefined) continue;
    for (const directory of anywhere
      ? searched(
          pattern,
          [path, ...projects].map((each) => real.of(each)),
        )
      : [real.of(path)]) {
      byDirectory.set(directory, [...(byDirectory.get(directory) ?? []), pattern]);
    }
  }
  return [...byDirectory].map(([source, match]): MountEntry => ({ type, source, target: source, match }));
}

/** Leaves out directories that are in others, where a pattern is for all depths. */
function searched(pattern: string, directories: readonly string[]): string[] {
  const unique = [...new Set(directories)];
  if (!pattern.startsWith('**/')) return unique;
  return unique.filter((path) => !unique.some((other) => other !== path && isWithin(path, other)));
}

/** The directory that programs start in: the project's, or that of this process, if the view has it. */
function directoryOf(projects: readonly string[], rules: readonly InForce[], real: RealPaths): string {
  const project = projects.find(isDirectory);
  if (project !== undefined) return project;
  const visible = [workingDirectory() ?? '/', ownHome()]
    .map((path) => real.of(path))
    .find((path) => {
      const rule = ruleFor(path, rules)?.rule;
      return rule === 'write' || rule === 'readOnly';
    });
  return visible ?? '/';
}
