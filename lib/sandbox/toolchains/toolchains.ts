/** Finds the toolchains that a shell has: what PATH leads to, and what the programs there need. */
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { isWithin } from '../below';
import type { MountEntry } from '../sandbox-spec';
import { directoriesOf, linksIn, matches, workingDirectory } from './directories';
import { neededByDirectory, neededByProgram } from './installation';
import { type Link, Links, type Way } from './links';
import { MANAGERS, type Manager, TOOLS, VARIABLES } from './managers';
import { isRefused } from './refused';

/** The toolchains of a shell, as a sandbox gets them. */
export interface Toolchains {
  /** Paths of the host that are shown at the same place, read-only. None of them is, or has, a link on its way. */
  readonly readable: readonly string[];
  /** The links that lead to them. */
  readonly links: readonly Link[];
  /** Files of the home directory, among `readable`, that are to be found in the home directory of the sandbox too. */
  readonly home: readonly HomeFile[];
  /** PATH, and the variables that these programs need. */
  readonly env: Readonly<Record<string, string>>;
}

/** A file, and its path in any home directory. */
export interface HomeFile {
  readonly source: string;
  readonly name: string;
}

/** The paths that a sandbox has already. They are absolute. */
export interface Present {
  /** Paths of the host that it has at the same place. */
  readonly shown?: readonly string[];
  /**
   * Those that its programs can write. What they have put there is not followed: a link would lead to whatever they
   * want to see.
   */
  readonly writable?: readonly string[];
}

/** Places that each sandbox has of its own, or has from the host with its programs. */
const SYSTEM = [
  ...['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'],
  ...['/etc/alternatives', '/etc/ssl', '/etc/pki', '/var/run'],
];

/** Directories that the system's package manager fills, with thousands of programs: of those only TOOLS are looked at. */
const SYSTEM_PROGRAMS = ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/games'];

/** The largest number of directories whose links are followed, so that a search takes milliseconds at most. */
const MOST_DIRECTORIES = 100;

/** The number of paths above which no more is shown for the sake of links. Each is a mount. */
const MOST_SHOWN = 500;

/** Modes of a file: everybody on the host can write it; somebody can run it. inode(7) */
const EVERYBODY_WRITES = 0o002;
const ANYBODY_RUNS = 0o111;

/**
 * Finds what a sandbox needs so that programs inside find the same toolchains as those outside, by PATH and other
 * variables. A sandbox with all of the host needs only `env` of it.
 */
export function toolchainsOf(env: NodeJS.ProcessEnv, present: Present = {}): Toolchains {
  return new Search(env, present).run();
}

/** The entries that show toolchains in a sandbox with this home directory. */
export function toolchainEntries({ readable, links, home: files }: Toolchains, home: string): MountEntry[] {
  return [
    ...readable.map((path): MountEntry => ({ type: 'bindReadOnly', source: path, target: path, optional: true })),
    ...links.map(({ path, to }): MountEntry => ({ type: 'symlink', target: path, to })),
    ...files
      .map(({ source, name }): MountEntry => ({ type: 'symlink', target: join(home, name), to: source }))
      .filter(({ target }) => !readable.some((path) => isWithin(target, path))),
  ];
}

class Search {
  readonly #env: NodeJS.ProcessEnv;
  readonly #files = new Links();
  readonly #home: string;
  /** The paths that are in the sandbox already. */
  readonly #shown: readonly string[];
  readonly #writable: readonly string[];
  /** Each manager that is on this host, with the real path of its root. */
  readonly #managers: readonly (readonly [manager: Manager, root: string])[];
  readonly #used = new Map<Manager, string>();
  readonly #found = new Set<string>();
  readonly #links = new Map<string, string>();
  /** Directories whose links are followed, and those that are in the queue, or are too large to be in it. */
  readonly #queue: string[] = [];
  readonly #queued = new Set<string>(SYSTEM_PROGRAMS);

  constructor(env: NodeJS.ProcessEnv, { shown = [], writable = [] }: Present) {
    const { HOME = homedir() } = env;
    this.#env = env;
    this.#home = this.#files.follow(HOME)?.real ?? HOME;
    this.#shown = [...SYSTEM, ...shown, ...writable];
    // A program in another sandbox may have written in the directory of a project.
    const cwd = workingDirectory();
    this.#writable = cwd === undefined || isWithin(this.#home, cwd) ? writable : [...writable, cwd];
    this.#managers = MANAGERS.flatMap((manager) => {
      const root = manager.root.map((place) => this.#find(this.#expand(place))).find((way) => way !== undefined);
      return root === undefined ? [] : [[manager, root.real] as const];
    });
  }

  run(): Toolchains {
    const path = directoriesOf(this.#env);
    for (const [manager, root] of this.#managers) if (this.#isInUse(manager, path)) this.#use(manager, root);
    const kept = path.filter((directory) => this.#takeDirectory(directory));
    for (const program of [process.execPath, ...TOOLS.map((name) => `/usr/bin/${name}`)]) this.#takeProgram(program);
    for (let next = 0; next < Math.min(this.#queue.length, MOST_DIRECTORIES); next++) {
      for (const link of linksIn(this.#queue[next] ?? '')) this.#takeProgram(link);
    }
    const env = { ...(kept.length === 0 ? {} : { PATH: kept.join(':') }), ...this.#variables() };
    const home = this.#homeFiles();
    return { readable: this.#outermost(), links: this.#missingLinks(), home, env };
  }

  #isInUse({ inPath, unusable }: Manager, path: readonly string[]): boolean {
    if (unusable === true || inPath === undefined) return false;
    if (inPath === 'always') return true;
    const places = inPath.map((place) => this.#expand(place));
    return path.some((directory) => places.some((place) => place !== undefined && isWithin(directory, place)));
  }

  #use(manager: Manager, root: string): void {
    if (this.#used.has(manager)) return;
    this.#used.set(manager, root);
    for (const part of partsOf(manager, root)) this.#show(part);
    if (manager.versionsIn === undefined) return;
    const directories = matches(root, manager.versionsIn).map((name) => join(root, name));
    for (const link of directories.flatMap(linksIn)) this.#takeInstallation(link);
  }

  /** Shows an installation that a manager has a link to. */
  #takeInstallation(link: string): void {
    const way = this.#find(link);
    if (way === undefined || this.#has(way.real)) return;
    this.#keepLinks(way);
    for (const path of neededByDirectory(join(way.real, 'bin'), this.#home)) this.#show(path);
    this.#enqueue(join(way.real, 'bin'));
  }

  /** True for a directory that stays in PATH. What it needs is shown. */
  #takeDirectory(directory: string): boolean {
    if (this.#isWritable(directory)) return true;
    const way = this.#files.follow(directory);
    if (way === undefined) return false;
    if (!this.#isTrusted(way)) {
      this.#keepLinks(way);
      return true;
    }
    const status = this.#files.status(way.real);
    if (status?.isDirectory() !== true || (status.mode & EVERYBODY_WRITES) !== 0) return false;
    if (!this.#take(way, neededByDirectory)) return false;
    this.#enqueue(way.real);
    return true;
  }

  #takeProgram(path: string): void {
    const way = this.#find(path);
    if (way === undefined) return;
    if (this.#has(way.real)) {
      this.#keepLinks(way);
      return;
    }
    const status = this.#found.size < MOST_SHOWN ? this.#files.status(way.real) : undefined;
    if (status?.isFile() !== true || (status.mode & ANYBODY_RUNS) === 0) return;
    if (this.#take(way, neededByProgram) && this.#has(dirname(way.real))) this.#enqueue(dirname(way.real));
  }

  /** Shows what a directory or a program needs: what its manager does, or else what is found around it. */
  #take(way: Way, needed: (path: string, home: string) => string[]): boolean {
    const { real } = way;
    if (!this.#has(real)) {
      const [manager, root] =
        this.#managers.find(([{ inPath }, at]) => inPath === undefined && isWithin(real, at)) ?? [];
      if (manager?.unusable === true) return false;
      if (manager !== undefined && root !== undefined) this.#use(manager, root);
      if (!this.#has(real)) for (const path of needed(real, this.#home)) this.#show(path);
      if (!this.#has(real)) return false;
    }
    this.#keepLinks(way);
    return true;
  }

  #show(path: string): void {
    const way = this.#find(path);
    if (way === undefined || isRefused(way.real, this.#home)) return;
    if (!this.#has(way.real)) this.#found.add(way.real);
    this.#keepLinks(way);
  }

  /** Follows a path, unless a program in a sandbox may have chosen where it leads. */
  #find(path: string | undefined): Way | undefined {
    const way = path === undefined ? undefined : this.#files.follow(path);
    return way !== undefined && this.#isTrusted(way) ? way : undefined;
  }

  #isTrusted({ real, links }: Way): boolean {
    return !this.#isWritable(real) && !links.some(({ path }) => this.#isWritable(path));
  }

  #isWritable(path: string): boolean {
    return this.#writable.some((directory) => isWithin(path, directory));
  }

  #has(path: string): boolean {
    return [...this.#shown, ...this.#found].some((directory) => isWithin(path, directory));
  }

  /** Keeps the links of a way, up to one that a program in a sandbox may have made. */
  #keepLinks({ links }: Way): void {
    for (const { path, to } of links) {
      if (this.#isWritable(path)) return;
      this.#links.set(path, to);
    }
  }

  #enqueue(directory: string): void {
    if (this.#queued.has(directory)) return;
    this.#queued.add(directory);
    this.#queue.push(directory);
  }

  /** The place that a row of the table names; undefined where a variable in it is not set. */
  #expand(place: string): string | undefined {
    const [first = '', ...rest] = place.split('/');
    const start = first === '~' ? this.#home : first.startsWith('$') ? this.#env[first.slice(1)] : '/';
    return start !== undefined && isAbsolute(start) ? join(start, ...rest) : undefined;
  }

  #variables(): Record<string, string> {
    const variables: Record<string, string> = {};
    for (const name of VARIABLES) {
      const value = this.#env[name];
      const way = value !== undefined && isAbsolute(value) ? this.#files.follow(value) : undefined;
      if (value === undefined || way === undefined || !this.#has(way.real)) continue;
      variables[name] = value;
      this.#keepLinks(way);
    }
    for (const [manager, root] of this.#used) {
      const { variable, versions } = manager;
      if (variable !== undefined && partsOf(manager, root).some((part) => this.#has(part))) variables[variable] = root;
      if (versions === undefined) continue;
      for (const [name, value] of Object.entries(this.#env)) {
        if (value !== undefined && versions.test(name)) variables[name] = value;
      }
    }
    return variables;
  }

  #homeFiles(): HomeFile[] {
    const names = [...this.#used.keys()].flatMap(({ home = [] }) => home).flatMap((name) => matches(this.#home, name));
    return [...new Set(names)].flatMap((name) => {
      const source = join(this.#home, name);
      this.#show(source);
      const way = this.#find(source);
      return way !== undefined && this.#has(way.real) ? [{ source, name }] : [];
    });
  }

  #outermost(): string[] {
    const all = [...this.#found];
    return all.filter((path) => !all.some((other) => other !== path && isWithin(path, other)));
  }

  /** The links that are not in a directory that is shown. */
  #missingLinks(): Link[] {
    return [...this.#links].filter(([path]) => !this.#has(path)).map(([path, to]) => ({ path, to }));
  }
}

function partsOf({ parts = [''] }: Manager, root: string): string[] {
  return parts.flatMap((part) => matches(root, part)).map((part) => join(root, part));
}
