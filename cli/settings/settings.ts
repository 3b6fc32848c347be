/** The settings of `linux-ns run`: those of files and profiles, added up. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../command';
import { packageFolder } from '../package-folder';
import type { WrittenLimits } from '../run/limits';
import { readJsonc } from './jsonc';
import { fromSandboxRuntime, isForSandboxRuntime } from './sandbox-runtime';
import { type Schema, SchemaCheck } from './schema';

/** The settings that settings/schema.json of this package describes. */
export interface Settings {
  readonly $schema?: string;
  readonly profile?: string;
  readonly view?: 'programs' | 'all';
  readonly project?: string | undefined;
  readonly overlay?: boolean;
  readonly write?: readonly string[];
  readonly readOnly?: readonly string[];
  readonly hide?: readonly string[];
  readonly protect?: readonly string[];
  readonly toolchains?: boolean;
  readonly env?: Readonly<Record<string, string | null>>;
  readonly hostname?: string;
  readonly network?: string | WrittenPolicy;
  readonly limits?: WrittenLimits;
  readonly unixSockets?: boolean;
  readonly userNamespaces?: boolean;
}

export interface WrittenPolicy {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly via?: string;
}

/** Settings, and what is to be told about them. */
export interface ReadSettings {
  readonly settings: Settings;
  readonly differences: readonly string[];
}

/** The folder of the schema and of the profiles, in this package. */
const FOLDER = join(packageFolder(), 'settings');

/** The words of --profile. */
export const PROFILES = ['agent', 'build', 'judge'] as const;

/** @throws UsageError for a file that cannot be read, or has what is no setting: with its name and the line */
export function readSettings(file: string): ReadSettings {
  const text = textOf(file);
  const { value, lines } = readJsonc(file, text);
  if (isForSandboxRuntime(value)) return ofSandboxRuntime(file, value);
  new SchemaCheck(schema(), file, lines).check(value);
  const { $schema: _, ...settings } = value as Settings;
  return { settings, differences: [] };
}

/** Settings, added to those of the profile that they name. The paths that a profile protects are in the project. */
export function withProfile({ profile, ...own }: Settings): Settings {
  if (profile === undefined) return own;
  const start = profileOf(profile);
  const { project } = merged(start, own);
  const protect = start.protect?.map((path) => join(project ?? '.', path));
  return merged({ ...start, ...(protect === undefined ? {} : { protect }) }, own);
}

/** The differences from sandbox-runtime, whatever the file says. */
const ALWAYS_DIFFERENT = [
  'filesystem: keys, tokens and the like are hidden (HIDDEN_BY_DEFAULT), unless allowRead names them; /tmp and /run are empty',
  'mandatoryDenySearchDepth: shell and editor settings, and git hooks, are protected at the top of each writable directory',
];

/** A file of sandbox-runtime. There a program reads all that is not denied. */
function ofSandboxRuntime(file: string, value: unknown): ReadSettings {
  const { policy, env, withheld, differences, ...same } = fromSandboxRuntime(file, value);
  const without = Object.fromEntries(withheld.map((name) => [name, null]));
  return {
    settings: { view: 'all', ...same, env: { ...env, ...without }, network: policy },
    differences: [...ALWAYS_DIFFERENT, ...differences],
  };
}

export function profileOf(name: string): Settings {
  return readSettings(join(FOLDER, `${name}.json`)).settings;
}

/** Lists are added up, as are the properties of objects. Of other values the later one counts. */
export function merged(first: Settings, second: Settings): Settings {
  const keys = [...new Set([...Object.keys(first), ...Object.keys(second)])] as (keyof Settings)[];
  return Object.fromEntries(keys.map((key) => [key, both(first[key], second[key])]));
}

function both(first: unknown, second: unknown): unknown {
  if (second === undefined) return first;
  if (Array.isArray(first) && Array.isArray(second))
    return [...new Set([...(first as unknown[]), ...(second as unknown[])])];
  if (!isObject(first) || !isObject(second)) return second;
  const keys = [...new Set([...Object.keys(first), ...Object.keys(second)])];
  return Object.fromEntries(keys.map((key) => [key, both(first[key], second[key])]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function schema(): Schema {
  return JSON.parse(readFileSync(join(FOLDER, 'schema.json'), 'utf8')) as Schema;
}

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UsageError(`--settings: cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? ''}`);
  }
}
