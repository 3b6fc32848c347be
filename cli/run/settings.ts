/** The settings of a command line: those of --profile and --settings, and the options that are the same as one of them. */
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { oneOf } from '../arguments';
import type { Given, Option } from '../command';
import { PROFILES, type ReadSettings, type Settings, merged, readSettings, withProfile } from '../settings/settings';
import { limitsWritten } from './limits';

export const SETTINGS_OPTIONS: readonly Option[] = [
  { name: 'hide', value: 'PATH', completes: 'file', help: 'hide PATH of the host; may be repeated' },
  { name: 'protect', value: 'PATH', completes: 'file', help: 'let nobody change, replace or make PATH' },
  { name: 'profile', value: 'NAME', completes: PROFILES, help: 'start from settings for: agent, build, judge' },
  { name: 'settings', value: 'FILE', completes: 'file', help: 'read settings: JSON with comments' },
];

/** Options add to files, and files to the profile. */
export function settingsOf(given: Given): ReadSettings {
  const files = given.values('settings').map(readSettings);
  return {
    settings: withProfile([...files.map(({ settings }) => settings), ofOptions(given)].reduce(merged, {})),
    differences: files.flatMap(({ differences }) => differences),
  };
}

function ofOptions(given: Given): Settings {
  const [project, ...write] = given.values('project');
  const profile = given.value('profile');
  const view = given.has('host-view') ? 'all' : given.has('host-userland') ? 'programs' : undefined;
  return {
    ...(profile === undefined ? {} : { profile: oneOf('--profile', profile, PROFILES) }),
    ...(view === undefined ? {} : { view }),
    ...(project === undefined ? {} : { project }),
    ...(given.has('overlay') ? { overlay: true } : {}),
    ...(given.has('no-toolchains') ? { toolchains: false } : {}),
    ...(given.has('no-unix-sockets') ? { unixSockets: false } : {}),
    ...(given.has('allow-userns') ? { userNamespaces: true } : {}),
    ...present({ write, hide: given.values('hide'), protect: given.values('protect'), limits: limitsWritten(given) }),
  };
}

/** The settings that have something in them. */
function present(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => Object.keys(value as object).length > 0));
}

/** The absolute path of one that may begin with `~`. */
export function absolute(path: string): string {
  return resolve(path.replace(/^~(?=\/|$)/, homedir()));
}

/** The paths that are writable, the project first. */
export function writableOf({ project, write = [] }: Settings): string[] {
  return [...(project === undefined ? [] : [project]), ...write].map(absolute);
}

/** True for a path that stands for others: `*.pem`, `~/.env.{a,b}`. */
export function isPattern(path: string): boolean {
  return /[*?[{]/.test(path);
}
