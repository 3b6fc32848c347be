/** Makes the spec of a sandbox from a file and from options. Options add to the file, and have precedence over it. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  CAPABILITIES,
  type Capability,
  type CgroupMax,
  type HostUserlandOptions,
  type MountEntry,
  NAMESPACE_KINDS,
  type ProjectOptions,
  type Rlimits,
  type SandboxSpec,
  type SandboxUser,
  hostUserland,
  hostView,
} from 'linux-ns';
import type { EgressPolicy } from 'linux-ns/network';
import { numberOf, oneOf } from '../arguments';
import { clocksOf } from '../clocks';
import { type Given, UsageError, type Written } from '../command';
import type { Settings } from '../settings/settings';
import { policyOf } from './egress';
import { absolute, isPattern, writableOf } from './settings';
import { bytesOf } from '../quantities';
import { suggestion } from '../suggestion';

/** A spec in JSON. The network is given by a name, and `hostUserland` stands for a call of `hostUserland()`. */
export interface SpecFile extends Omit<SandboxSpec, 'network'> {
  /** `'none'`, `'host'`, a name of `linux-ns netns`, a path, or a policy. */
  network?: string | EgressPolicy;
  hostUserland?: boolean | HostUserlandOptions;
}

const MAX_ID = 2 ** 32 - 2;

const MAPS = ['root', 'current', 'auto'] as const;

/** The period of cpu.max in microseconds. */
const CPU_PERIOD = 100_000;

/** The smallest number of CPUs: the kernel takes no less than a millisecond of the period. */
const LEAST_CPUS = 0.01;

/** The whole spec, from the settings, the file and the options. */
export function specOf(given: Given, settings: Settings): SpecFile {
  const { hostUserland: fromFile, ...spec } = readSpec(given.value('spec'));
  const chosen = given.value('network') ?? spec.network ?? settings.network;
  const network = policyOf(given, chosen) ?? chosen;
  // A policy brings its own resolv.conf, and the host's names for addresses would lead past its names.
  const online = typeof network === 'string' && network !== 'none';
  const view = viewOf(given, settings, { file: fromFile, online });
  const hostname = given.value('hostname') ?? spec.hostname ?? settings.hostname;
  const project = projectOf(given, settings);
  const cwd = directoryOf(given) ?? spec.cwd ?? project?.path ?? view?.cwd;
  const mounts = [
    ...(view?.mounts ?? []),
    ...(spec.mounts ?? []),
    ...mountsOf(given.sequence.filter(isNoRoot)),
    ...pathEntries(settings),
  ];
  return {
    ...(settings.unixSockets === undefined ? {} : { unixSockets: settings.unixSockets }),
    ...(settings.userNamespaces === undefined ? {} : { userNamespaces: settings.userNamespaces }),
    ...(view?.root === undefined ? {} : { root: view.root }),
    ...spec,
    ...(project === undefined ? {} : { project }),
    ...rootOf(given),
    ...(mounts.length === 0 ? {} : { mounts }),
    env: { ...view?.env, ...variablesOf(settings), ...spec.env, ...environmentOf(given.sequence) },
    ...(cwd === undefined ? {} : { cwd }),
    ...(network === undefined ? {} : { network }),
    ...shareOf(given, spec),
    ...userOf(given, spec.user),
    ...(hostname === undefined ? {} : { hostname }),
    ...hostsOf(given, spec),
    ...timeOf(given, spec),
    ...capabilitiesOf(given, spec),
    ...seccompOf(given.value('seccomp')),
    ...cgroupOf(given, spec),
    ...rlimitsOf(given, spec.rlimits),
    ...(given.has('no-unix-sockets') ? { unixSockets: false } : {}),
    ...(given.has('allow-userns') ? { userNamespaces: true } : {}),
    ...(given.has('disable-userns') ? { disableUserNamespaces: true } : {}),
    ...(given.has('auto-proc') ? { proc: 'auto' as const } : {}),
    ...(given.has('no-proc') ? { proc: false } : {}),
    ...(given.has('no-dev') ? { dev: false } : {}),
  };
}

function directoryOf(given: Given): string | undefined {
  const directory = given.value('chdir');
  if (directory === undefined || directory.startsWith('/')) return directory;
  throw new UsageError(`--chdir must be an absolute path, not '${directory}'`);
}

function readSpec(file: string | undefined): SpecFile {
  if (file === undefined) return {};
  const name = file === '-' ? 'standard input' : file;
  const text = readInput('--spec', file);
  try {
    const value: unknown = JSON.parse(text.toString());
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return checked(value);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--spec: ${name} is not valid JSON: ${(error as Error).message.replaceAll('\n', ' ')}`);
  }
  throw new UsageError(`--spec: ${name} must contain an object`);
}

/** Checks the properties that are used here; the library checks the others. */
function checked(spec: SpecFile): SpecFile {
  const { network, hostUserland: userland, mounts, share, capabilities } = spec as Record<string, unknown>;
  if (network !== undefined && typeof network !== 'string' && (typeof network !== 'object' || network === null)) {
    throw new UsageError('--spec: network must be a string or an object');
  }
  if (userland !== undefined && typeof userland !== 'boolean' && (typeof userland !== 'object' || userland === null)) {
    throw new UsageError('--spec: hostUserland must be true, false or an object');
  }
  const slip = Object.keys(spec).find((name) => name !== 'hostUserland' && suggestion(name, ['hostUserland']) !== '');
  if (slip !== undefined) throw new UsageError(`--spec: there is no '${slip}'${suggestion(slip, ['hostUserland'])}`);
  for (const [name, list] of Object.entries({ mounts, share, capabilities })) {
    if (list !== undefined && !Array.isArray(list)) throw new UsageError(`--spec: ${name} must be an array`);
  }
  return spec;
}

/** Reads a file, standard input (`-`), or the descriptor with that number. */
function readInput(option: string, source: string): Buffer {
  try {
    return readFileSync(source === '-' ? 0 : /^\d+$/.test(source) ? Number(source) : source);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new UsageError(`${option}: cannot read ${source}: ${code}`);
  }
}

/** A spec whose mounts are there. */
type View = SandboxSpec & { mounts: MountEntry[] };

/** The part of the spec that shows files of the host. With a network it has the files for name resolution, too. */
function viewOf(
  given: Given,
  settings: Settings,
  { file, online }: { file: SpecFile['hostUserland']; online: boolean },
): View | undefined {
  const { view, readOnly = [], toolchains = true } = settings;
  const { project, overlay = false } = settings;
  const writable = writableOf(overlay ? { ...settings, project: undefined } : settings);
  const asked =
    view !== undefined || project !== undefined || writable.length > 0 || (file !== undefined && file !== false);
  if (!asked) return undefined;
  if (view === 'all') return hostViewOf(settings);
  const { uid, gid } = userOf(given, undefined).user ?? {};
  const more = {
    ...(writable.length > 0 ? { writable } : {}),
    ...(readOnly.length > 0 ? { readable: readOnly.map(absolute) } : {}),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
  try {
    return hostUserland({ resolver: online, toolchains, ...(typeof file === 'object' ? file : {}), ...more });
  } catch (error) {
    throw inSpec(error);
  }
}

/** The project, if programs work on a copy of it. */
function projectOf(
  given: Given,
  { project, overlay = false }: Settings,
): (ProjectOptions & { path: string }) | undefined {
  if (!overlay) return undefined;
  if (project === undefined) {
    throw new UsageError(
      '--overlay needs --project: it works on a copy of that (a copy as the root is --overlay-root)',
    );
  }
  const upper = given.value('upper');
  return { path: absolute(project), mode: 'overlay', ...(upper === undefined ? {} : { upper }) };
}

/**
 * The host as its user sees it. Paths that are hidden and protected by default are so besides what the settings say, which may
 * have patterns. Without a project, programs start where this command does.
 */
function hostViewOf({ project, overlay = false, write = [], toolchains = true, ...paths }: Settings): View {
  const { readOnly, hide, protect } = paths;
  const directory = project === undefined || overlay ? [] : [pathToFileURL(absolute(project))]; // a URL is no pattern
  const view = hostView({ write: [...directory, ...write], readOnly, hide, protect, toolchains });
  if (project !== undefined) return overlay ? { ...view, cwd: absolute(project) } : view;
  const here = process.cwd();
  return isShown(here, view.mounts) ? { ...view, cwd: here } : view;
}

/** True if the host's path is in a view: of the entries for directories above it, the last one counts. */
function isShown(path: string, mounts: readonly MountEntry[]): boolean {
  const above = mounts.filter(
    (entry) =>
      ['bind', 'bindReadOnly', 'tmpfs', 'mask'].includes(entry.type) &&
      !('match' in entry && entry.match !== undefined) &&
      `${path}/`.startsWith(entry.target.replace(/\/?$/, '/')),
  );
  return ['bind', 'bindReadOnly'].includes(above.at(-1)?.type ?? '');
}

/** Paths that are hidden and protected beside a view of the host, which does that itself, and knows patterns. */
function pathEntries({ view, hide = [], protect = [] }: Settings): MountEntry[] {
  if (view === 'all') return [];
  const pattern = [...hide, ...protect].find(isPattern);
  if (pattern !== undefined) throw new UsageError(`'${pattern}' is a pattern, and patterns need --host-view`);
  return [
    ...hide.map((path): MountEntry => ({ type: 'mask', target: absolute(path), optional: true })),
    // A slash at the end says that a directory is made where nothing is.
    ...protect.map((path): MountEntry => ({
      type: 'protect',
      target: absolute(path) + (path.endsWith('/') ? '/' : ''),
    })),
  ];
}

function variablesOf({ env = {} }: Settings): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value ?? undefined]));
}

/**
 * Renames the argument in an error of the library to the property of the spec, which is the name that the user knows.
 */
function inSpec(error: unknown): unknown {
  const { message, code = '' } = error as NodeJS.ErrnoException;
  if (!code.startsWith('ERR_')) return error;
  const ofProperty = message.replace("argument 'options'", "property 'options'");
  const renamed = ofProperty.replace(/(?<=['"])options\b/, 'spec.hostUserland');
  return Object.assign(new TypeError(renamed), { code });
}

/** The options that set the root when their target is `/`, as in bwrap(1): `--ro-bind / /`. */
const ROOT_BINDS: readonly string[] = ['bind', 'ro-bind'];

function isNoRoot({ option, values }: Written): boolean {
  return !(ROOT_BINDS.includes(option) && values[1] === '/');
}

function rootOf(given: Given): Pick<SandboxSpec, 'root'> {
  const lower = given.values('overlay-root');
  const upper = given.has('overlay') ? undefined : given.value('upper');
  const bound = given.sequence.filter((written) => !isNoRoot(written));
  const roots = [
    ...given.values('root').map((path) => ({ path, readOnly: !given.has('writable-root') })),
    ...bound.map(({ option, values: [path = ''] }) => ({ path, readOnly: option === 'ro-bind' })),
  ];
  if (upper !== undefined && lower.length === 0) throw new UsageError('--upper needs --overlay or --overlay-root');
  if (roots.length + Math.min(1, lower.length) > 1) throw new UsageError('only one root can be specified');
  // The last --overlay-root is the uppermost layer, in the same order as mounts.
  if (lower.length > 0) return { root: { lower: [...lower].reverse(), ...(upper === undefined ? {} : { upper }) } };
  const [root] = roots;
  return root === undefined ? {} : { root };
}

/** The values of options that change the next entry, as in bwrap(1). */
interface Pending {
  mode?: number;
  size?: number;
}

/** The types of entries that --perms applies to. */
const MODE_TYPES: readonly (string | undefined)[] = ['tmpfs', 'dir', 'file'];

function mountsOf(sequence: readonly Written[]): MountEntry[] {
  const entries: MountEntry[] = [];
  let pending: Pending = {};
  for (const { option, values } of sequence) {
    const [first = '', second = ''] = values;
    if (option === 'perms') pending.mode = modeOf('--perms', first);
    else if (option === 'size') pending.size = bytesOf('--size', first);
    else {
      const entry = entryOf(option, first, second, pending);
      if (entry === undefined) continue;
      if (!/^\/+[^/]/.test(entry.target)) {
        throw new UsageError(`--${option}: the target must be an absolute path below the root, not '${entry.target}'`);
      }
      refuseUnused(pending, entry);
      entries.push(entry);
      pending = {};
    }
  }
  refuseUnused(pending, undefined);
  return entries;
}

/** Refuses a mode or size that no entry uses, because it would have no effect. */
function refuseUnused({ mode, size }: Pending, entry: MountEntry | undefined): void {
  if (mode !== undefined && !MODE_TYPES.includes(entry?.type))
    throw new UsageError('--perms must be followed by --tmpfs, --dir, --file or --ro-file');
  if (size !== undefined && entry?.type !== 'tmpfs') throw new UsageError('--size must be followed by --tmpfs');
}

function entryOf(option: string, first: string, second: string, { mode, size }: Pending): MountEntry | undefined {
  const permissions = mode === undefined ? {} : { mode };
  switch (option) {
    case 'bind':
    case 'bind-try':
      return { type: 'bind', source: first, target: second, optional: option === 'bind-try' };
    case 'ro-bind':
    case 'ro-bind-try':
      return { type: 'bindReadOnly', source: first, target: second, optional: option === 'ro-bind-try' };
    case 'dev-bind':
    case 'dev-bind-try':
      return { type: 'bindDevices', source: first, target: second, optional: option === 'dev-bind-try' };
    case 'writable':
      return { type: 'bind', source: first, target: resolve(first) };
    case 'readable':
      return { type: 'bindReadOnly', source: first, target: resolve(first) };
    case 'volume':
      return volumeOf(first);
    case 'tmpfs':
      return { type: 'tmpfs', target: first, ...permissions, ...(size === undefined ? {} : { size }) };
    case 'proc':
    case 'dev':
    case 'mqueue':
      return { type: option, target: first };
    case 'dir':
      return { type: 'dir', target: first, ...permissions };
    case 'symlink':
      return { type: 'symlink', to: first, target: second };
    case 'file':
    case 'ro-file':
      return {
        ...{ type: 'file', data: readInput(`--${option}`, first), target: second, ...permissions },
        readOnly: option === 'ro-file',
      };
    case 'remount-ro':
      return { type: 'readOnly', target: first };
    case 'mask':
      return { type: 'mask', target: first };
    case 'chmod':
      return { type: 'chmod', mode: modeOf('--chmod', first), target: second };
    default:
      return undefined;
  }
}

/** Reads the value of --volume, as docker-run(1) has it. */
function volumeOf(text: string): MountEntry {
  const [, source, target, how = 'rw'] = /^([^:]+):([^:]+)(?::(ro|rw))?$/.exec(text) ?? [];
  if (source === undefined || target === undefined) {
    throw new UsageError(`--volume must be SOURCE:TARGET or SOURCE:TARGET:ro, not '${text}'`);
  }
  return { type: how === 'ro' ? 'bindReadOnly' : 'bind', source, target };
}

function environmentOf(sequence: readonly Written[]): Record<string, string | undefined> {
  const variables: Record<string, string | undefined> = {};
  for (const { option, values } of sequence) {
    const [first = '', second = ''] = values;
    if (option === 'setenv') variables[first] = second;
    else if (option === 'unsetenv') variables[first] = undefined;
    else if (option === 'env') Object.assign(variables, variableOf(first));
  }
  return variables;
}

/** Reads a variable: `NAME=VALUE`, or `NAME` for its value in this process. */
function variableOf(text: string): Record<string, string | undefined> {
  const equals = text.indexOf('=');
  if (equals === 0 || text === '') throw new UsageError(`--env must be NAME=VALUE or NAME, not '${text}'`);
  return equals === -1 ? { [text]: process.env[text] } : { [text.slice(0, equals)]: text.slice(equals + 1) };
}

/**
 * Reads the values of --add-host, as docker-run(1) has them. The text after the first colon is the address, which may
 * contain further colons.
 */
function hostsOf(given: Given, spec: SpecFile): Pick<SandboxSpec, 'hosts'> {
  const texts = given.values('add-host');
  if (texts.length === 0) return {};
  const hosts: Record<string, string | readonly string[]> = { ...spec.hosts };
  for (const text of texts) {
    const [, name, address] = /^([^:]+):(.+)$/.exec(text) ?? [];
    if (name === undefined || address === undefined) {
      throw new UsageError(`--add-host must be NAME:ADDRESS, not '${text}'`);
    }
    hosts[name] = [...[hosts[name] ?? []].flat(), address];
  }
  return { hosts };
}

function timeOf(given: Given, { time }: SpecFile): Pick<SandboxSpec, 'time'> {
  const clocks = clocksOf(given);
  return Object.keys(clocks).length === 0 ? {} : { time: { ...time, ...clocks } };
}

function shareOf(given: Given, { share }: SpecFile): Pick<SandboxSpec, 'share'> {
  const kinds = given.values('share').map((kind) => oneOf('--share', kind, NAMESPACE_KINDS));
  return kinds.length === 0 ? {} : { share: [...(share ?? []), ...kinds] };
}

function userOf(given: Given, user: SandboxUser | undefined): Pick<SandboxSpec, 'user'> {
  const uid = given.value('uid');
  const gid = given.value('gid');
  const map = given.value('map');
  if (uid === undefined && gid === undefined && map === undefined) return {};
  return {
    user: {
      ...user,
      ...(uid === undefined ? {} : { uid: numberOf('--uid', uid, MAX_ID) }),
      ...(gid === undefined ? {} : { gid: numberOf('--gid', gid, MAX_ID) }),
      ...(map === undefined ? {} : { map: oneOf('--map', map, MAPS) }),
    },
  };
}

function capabilitiesOf(given: Given, { capabilities }: SpecFile): Pick<SandboxSpec, 'capabilities'> {
  const names = given.values('cap-add');
  if (names.length === 0) return {};
  return { capabilities: [...new Set([...(capabilities ?? []), ...names.flatMap(capabilityCalled)])] };
}

/** The capability with a name, which may be with or without `CAP_` and in upper or lower case; or all, for ALL. */
function capabilityCalled(name: string): readonly Capability[] {
  const word = name.toUpperCase();
  if (word === 'ALL') return CAPABILITIES;
  const full = word.startsWith('CAP_') ? word : `CAP_${word}`;
  const found = CAPABILITIES.find((capability) => capability === full);
  if (found === undefined) throw new UsageError(`--cap-add: unknown capability '${name}'`);
  return [found];
}

/** Reads a filter: a profile in the JSON format of OCI, or a compiled BPF program. */
function seccompOf(what: string | undefined): Pick<SandboxSpec, 'seccomp'> {
  if (what === undefined) return {};
  if (what === 'default' || what === 'none') return { seccomp: what };
  const bytes = readInput('--seccomp', what);
  if (!/^\s*\{/.test(bytes.toString('latin1'))) return { seccomp: new Uint8Array(bytes) };
  try {
    return { seccomp: JSON.parse(bytes.toString()) as NonNullable<SandboxSpec['seccomp']> };
  } catch (error) {
    throw new UsageError(`--seccomp: ${what} is not valid JSON: ${(error as Error).message.replaceAll('\n', ' ')}`);
  }
}

function cgroupOf(given: Given, { cgroup }: SpecFile): Pick<SandboxSpec, 'cgroup'> {
  const memory = given.value('memory');
  const pids = given.value('pids-limit');
  const cpus = given.value('cpus');
  const parent = given.value('cgroup-parent');
  if (memory === undefined && pids === undefined && cpus === undefined && parent === undefined) return {};
  return {
    cgroup: {
      ...cgroup,
      ...(parent === undefined ? {} : { parent }),
      ...(memory === undefined ? {} : { memoryMax: mostOf('--memory', memory, bytesOf) }),
      ...(pids === undefined ? {} : { pidsMax: mostOf('--pids-limit', pids, numberOf) }),
      ...(cpus === undefined ? {} : { cpuMax: mostOf('--cpus', cpus, cpuTimeOf) }),
    },
  };
}

function mostOf(what: string, text: string, valueOf: (what: string, text: string) => number): CgroupMax {
  return text === 'max' ? text : valueOf(what, text);
}

function cpuTimeOf(what: string, text: string): number {
  const processors = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (processors >= LEAST_CPUS) return Math.round(processors * CPU_PERIOD);
  throw new UsageError(`${what} must be a number of processors, such as 1.5, of at least ${LEAST_CPUS}, not '${text}'`);
}

function modeOf(what: string, text: string): number {
  if (/^[0-7]{1,4}$/.test(text)) return parseInt(text, 8);
  throw new UsageError(`${what} must be an octal mode, such as 0755, not '${text}'`);
}

/** Reads limits, as docker-run(1) has them: `nofile=100` or `nofile=100:200`. The library checks the names. */
function rlimitsOf(given: Given, rlimits: Rlimits | undefined): Pick<SandboxSpec, 'rlimits'> {
  const texts = given.values('ulimit');
  if (texts.length === 0) return {};
  const limits = texts.map((text) => {
    const [, name = '', soft, hard = soft] = /^([a-z]+)=(\d+|unlimited)(?::(\d+|unlimited))?$/.exec(text) ?? [];
    if (soft === undefined || hard === undefined) {
      throw new UsageError(`--ulimit must be NAME=SOFT or NAME=SOFT:HARD, not '${text}'`);
    }
    return [name, { soft: limitOf(soft), hard: limitOf(hard) }] as const;
  });
  return { rlimits: { ...rlimits, ...Object.fromEntries(limits) } };
}

function limitOf(text: string): number {
  return text === 'unlimited' ? Infinity : Number(text);
}
