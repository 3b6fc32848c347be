/** Reads the settings of sandbox-runtime: what they are here, and what is different. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { UsageError } from '../command';
import { suggestion } from '../suggestion';
import { SETTINGS, type Setting } from './sandbox-runtime-table';

/** The same in words of this package. Paths are as `hostView()` takes them. */
export interface FromSandboxRuntime {
  readonly write: string[];
  readonly protect: string[];
  readonly hide: string[];
  readonly readOnly: string[];
  readonly policy: { readonly allow: string[]; readonly deny: string[]; readonly via?: string };
  readonly unixSockets: boolean;
  readonly userNamespaces: boolean;
  /** Variables that programs have, and those that they do not have. */
  readonly env: Record<string, string>;
  readonly withheld: string[];
  /** A sentence for each setting that means something else here. */
  readonly differences: string[];
}

type Values = Readonly<Record<string, unknown>>;

/** The settings without which sandbox-runtime takes no file. */
const ITS_OWN = ['network.allowedDomains', 'filesystem.allowWrite', 'filesystem.denyRead', 'filesystem.denyWrite'];

/** The names that sandbox-runtime protects in each directory that can be written, whatever a file says. */
const ALWAYS_PROTECTED = [
  ...['.bashrc', '.bash_profile', '.zshrc', '.zprofile', '.profile', '.gitconfig', '.gitmodules', '.ripgreprc'],
  ...['.mcp.json', '.vscode/', '.idea/', '.claude/commands/', '.claude/agents/', '.git/hooks/', '.git/config'],
];

const PATTERN = /[*?[{]/;

/** True for what only sandbox-runtime would read. */
export function isForSandboxRuntime(value: unknown): boolean {
  return ITS_OWN.some(
    (key) => key.split('.').reduce((at, name) => (isObject(at) ? at[name] : undefined), value) !== undefined,
  );
}

/**
 * @param file - the name of the file, for messages
 * @throws UsageError for what is no setting, and for one without which a program would get more than it says
 */
export function fromSandboxRuntime(file: string, value: unknown): FromSandboxRuntime {
  const settings = new Settings(file, value);
  const denied = settings.paths('filesystem.denyWrite');
  const closed = denied.map(realPath);
  const [hidden, withheld] = ['credentials.files', 'credentials.envVars'].map((key) => settings.objects(key));
  const http = settings.text('network.parentProxy.http') ?? settings.text('network.parentProxy.https');
  const via =
    settings.proxy('http', 'network.httpProxyPort') ?? settings.proxy('socks5', 'network.socksProxyPort') ?? http;
  // There what is denied counts first, here the longest path does.
  const write = settings
    .paths('filesystem.allowWrite')
    .filter((path) => !isPattern(path) && existsSync(expanded(path)))
    .filter((path) => !closed.some((each) => isWithin(realPath(path), each)));
  const open = write.map(realPath);
  const unread = settings.paths('filesystem.denyRead');
  const read = settings.paths('filesystem.allowRead').filter((path) => isPattern(path) || existsSync(expanded(path)));
  return {
    write,
    // Elsewhere nothing can be written.
    protect: [
      ...denied.filter((path) => isPattern(path) || open.some((each) => isWithin(realPath(path), each))),
      ...open.filter(isDirectory).flatMap((each) => ALWAYS_PROTECTED.map((name) => escaped(join(each, name)))),
    ],
    hide: [...unread.filter((path) => !read.includes(path)), ...(hidden ?? []).map(({ path }) => String(path))],
    readOnly: read.filter((path) => !isWritten(realPath(path), open, unread.map(realPath))),
    policy: {
      allow: settings.texts('network.allowedDomains'),
      deny: [...settings.texts('network.deniedDomains'), ...settings.texts('network.deniedResolvedAddresses')],
      ...(via === undefined ? {} : { via }),
    },
    unixSockets: settings.isTrue('network.allowAllUnixSockets'),
    userNamespaces: settings.isTrue('allowNestedUserNamespaces'),
    env: safeDirectories(settings.texts('git.safeDirectories')),
    withheld: (withheld ?? []).map(({ name }) => String(name)),
    differences: settings.differences,
  };
}

/** True if what can be written is more than what can be read: nothing between the two is hidden. */
function isWritten(path: string, open: readonly string[], unread: readonly string[]): boolean {
  return open.some(
    (each) => isWithin(path, each) && !unread.some((hidden) => isWithin(path, hidden) && isWithin(hidden, each)),
  );
}

class Settings {
  readonly #file: string;
  readonly #values = new Map<string, unknown>();
  readonly differences: string[] = [];

  constructor(file: string, value: unknown) {
    this.#file = file;
    if (!isObject(value)) throw new UsageError(`${file} must have an object`);
    this.#read(value, '');
  }

  texts(key: string): string[] {
    return this.#list(key).map((each) => this.#expect(key, each, typeof each === 'string') as string);
  }

  objects(key: string): Values[] {
    return this.#list(key).map((each) => this.#expect(key, each, isObject(each)) as Values);
  }

  /** Paths, as `hostView()` takes them: `{ path, literal: true }` is no pattern. */
  paths(key: string): string[] {
    return this.#list(key).flatMap((each) => {
      if (isObject(each) && typeof each.path === 'string') return [escaped(each.path)];
      const text = (this.#expect(key, each, typeof each === 'string') as string).replace(/\/\*\*$/, '');
      if (!isPattern(text)) return [text];
      // A pattern that is also the name of something is both.
      return existsSync(expanded(text)) ? [text, escaped(text)] : [text];
    });
  }

  text(key: string): string | undefined {
    const value = this.#values.get(key);
    return value === undefined ? undefined : (this.#expect(key, value, typeof value === 'string') as string);
  }

  isTrue(key: string): boolean {
    return this.#values.get(key) === true;
  }

  proxy(protocol: string, key: string): string | undefined {
    const port = this.#values.get(key);
    if (port === undefined) return undefined;
    return `${protocol}://127.0.0.1:${this.#expect(key, port, typeof port === 'number') as number}`;
  }

  #list(key: string): unknown[] {
    const value = this.#values.get(key) ?? [];
    return this.#expect(key, value, Array.isArray(value)) as unknown[];
  }

  #expect(key: string, value: unknown, isRight: boolean): unknown {
    if (isRight) return value;
    throw new UsageError(`${this.#file}: ${key} cannot have ${JSON.stringify(value)}`);
  }

  #read(values: Values, above: string): void {
    for (const [name, value] of Object.entries(values)) {
      const key = `${above}${name}`;
      const setting = SETTINGS.find((each) => each.key === key);
      if (setting !== undefined) this.#take(setting, value);
      else if (isObject(value) && SETTINGS.some((each) => each.key.startsWith(`${key}.`))) this.#read(value, `${key}.`);
      else throw new UsageError(`${this.#file}: sandbox-runtime has no '${key}'${suggestion(key, KEYS)}`);
    }
  }

  #take({ key, use, here }: Setting, value: unknown): void {
    if (isUnset(value)) return;
    const told = `${key}: ${here.replaceAll('`', '')}`;
    if (use === 'refused') throw new UsageError(`${this.#file}: ${told}`);
    if (use === 'differs') this.differences.push(told);
    this.#values.set(key, value);
  }
}

const KEYS = SETTINGS.map(({ key }) => key);

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value is what the setting is without it. */
function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === false || (Array.isArray(value) && value.length === 0);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isPattern(path: string): boolean {
  return PATTERN.test(path.replace(/\\./g, ''));
}

function escaped(path: string): string {
  return path.replace(/[\\*?[{]/g, '\\$&');
}

/** An absolute path without the backslashes of {@link escaped}. */
function expanded(path: string): string {
  return resolve(path.replace(/^~(?=\/|$)/, homedir()).replace(/\\(.)/g, '$1'));
}

/** The path without links; the last names of it need not be there. */
function realPath(path: string): string {
  const names: string[] = [];
  for (let at = expanded(path); ; at = resolve(at, '..')) {
    try {
      return join(realpathSync(at), ...names);
    } catch {
      names.unshift(at.slice(at.lastIndexOf('/') + 1));
    }
  }
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** git-config(1), GIT_CONFIG_COUNT */
function safeDirectories(paths: readonly string[]): Record<string, string> {
  if (paths.length === 0) return {};
  const pairs = paths.flatMap((path, at) => [
    [`GIT_CONFIG_KEY_${at}`, 'safe.directory'],
    [`GIT_CONFIG_VALUE_${at}`, path],
  ]);
  return Object.fromEntries([['GIT_CONFIG_COUNT', String(paths.length)], ...pairs]) as Record<string, string>;
}
