/** Tells what a sandbox would have, for `linux-ns run --explain`: nothing is started, and no file is changed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LandlockOptions, MountEntry, ProjectOptions, RunLimits, SandboxRoot } from 'linux-ns';
import type { EgressPolicy } from 'linux-ns/network';
import { wrap } from '../wrap';
import { formatLimits } from './limits';
import type { SpecFile } from './sandbox-spec';
import { isPattern } from './settings';

/** A path of the sandbox: what is there, and what is below it. */
interface Place {
  label: string | undefined;
  readonly below: Map<string, Place>;
}

/** Paths beside each other, of which the same is said, are one line from this number on. */
const MANY = 4;

/** The variables that each program has, unless they are taken away. */
const ALWAYS = { PATH: '', HOME: '', TERM: '', LANG: '' };

/** Files and network of a sandbox without namespaces. */
const NO_NAMESPACES = 'The files of the host, as far as Landlock allows';
const ON_HOST = "the host's, as far as Landlock allows";

/** The version of Landlock's interface that brought TCP ports. */
const PORTS_ABI = 4;

/** The names that such a line has. */
const SHOWN = 3;

const LABEL_COLUMN = 34;

const WIDTH = 80;
const NAME_COLUMN = 17;

export interface Explained {
  /** With a network that may be undefined. */
  readonly spec: Omit<SpecFile, 'network'> & { readonly network: SpecFile['network'] | undefined };
  readonly limits: RunLimits | undefined;
  readonly exposed: readonly { readonly inside: number; readonly host: number }[];
  readonly program: readonly string[];
}

/** The tree of files, and a line for each other thing. */
export function explain({ spec, limits, exposed, program }: Explained): string[] {
  const { cwd = '/', env = {}, capabilities = [], seccomp = 'default', landlock, isolation } = spec;
  const { unixSockets = isolation !== 'landlock' } = spec;
  const variables = Object.entries<string | undefined>({ ...ALWAYS, ...env }).flatMap(([name, value]) =>
    value === undefined ? [] : [name],
  );
  const rows = {
    Program: program.join(' '),
    'Starts in': cwd,
    Landlock: landlock === undefined ? '' : landlockWords(landlock),
    Network: isolation === 'landlock' ? ON_HOST : networkWords(spec.network),
    Exposed: exposed.map(({ inside, host }) => `port ${inside} on 127.0.0.1:${host === 0 ? 'any' : host}`).join(', '),
    Limits: formatLimits(limits ?? {})
      .map(([name, text]) => `${name} ${text}`)
      .join(', '),
    Variables: variables.join(' '),
    Capabilities: capabilities.join(', '),
    Seccomp: typeof seccomp === 'string' ? seccomp : 'a filter of its own',
    'Unix sockets': unixSockets ? '' : 'none, but connected pairs',
    'User namespaces': spec.userNamespaces === true ? 'allowed' : '',
    Shared: (spec.share ?? []).join(', '),
  };
  return [
    ...(isolation === 'landlock' ? [NO_NAMESPACES] : treeOf(spec)),
    '',
    ...Object.entries(rows).flatMap(([name, text]) => (text === '' ? [] : columns(name, text))),
  ];
}

function columns(name: string, text: string): string[] {
  return wrap(text, WIDTH - NAME_COLUMN).map((part, at) => (at === 0 ? name : '').padEnd(NAME_COLUMN) + part);
}

/** The words for a ruleset: the paths of each kind of access, then the TCP ports. */
function landlockWords({ rules = [], connectTcp = [], bindTcp = [], ...given }: LandlockOptions): string {
  const { execute = [], read = [], write = [], abi = PORTS_ABI, compatibility } = given;
  const named = Object.entries({ execute, read, write }).map(
    ([access, paths]) => [access, [paths].flat().map(String)] as const,
  );
  const single = rules.map(({ path, access }) => [access.join(', '), [String(path)]] as const);
  const ports = Object.entries({ 'connect to': connectTcp, 'listen on': bindTcp }).map(
    ([what, list]) => `${what} ${list === 'any' ? 'any TCP port' : portWords(list)}`,
  );
  const paths = [...named, ...single].filter(([, list]) => list.length > 0);
  return [
    ...paths.map(([access, list]) => `${access} ${list.join(' ')}`),
    ...(abi < PORTS_ABI ? ['TCP ports are not restricted'] : ports),
    ...(compatibility === 'best-effort' ? ['all of it as far as the kernel can'] : []),
  ].join('; ');
}

function portWords(ports: readonly number[]): string {
  return ports.length === 0 ? 'no TCP port' : `TCP ${ports.join(' ')}`;
}

function networkWords(network: string | EgressPolicy | undefined): string {
  if (network === undefined || network === 'none') return 'none: nothing is reached';
  if (network === 'host') return "the host's: all that the host reaches";
  if (typeof network === 'string') return network;
  const { allow = [], deny = [], via, ask } = network;
  const reached = allow.length === 0 ? 'nothing is reached' : `${allow.map(String).join(', ')}, and nothing else`;
  return [
    reached,
    ...(deny.length === 0 ? [] : [`never ${deny.map(String).join(', ')}`]),
    ...(ask === undefined ? [] : ['others are asked about']),
    ...(via === undefined ? [] : [`through ${String(via).replace(/\/\/.*@/, '//…@')}`]),
  ].join('; ');
}

function treeOf({ root, mounts = [], project, dev, proc }: Explained['spec']): string[] {
  const top: Place = { label: rootWords(root), below: new Map() };
  if (proc !== false) placeOf(top, '/proc').label = 'processes of the sandbox';
  if (dev !== false) placeOf(top, '/dev').label = 'a small /dev';
  for (const entry of mounts) {
    const words = wordsOf(entry);
    if (words === undefined) continue;
    for (const path of pathsOf(entry)) {
      if (words === HIDDEN && NOTHING.includes(labelAbove(top, path))) continue;
      const place = placeOf(top, path);
      place.label = entry.type === 'readOnly' && place.label === WORDS.tmpfs ? EMPTY : words;
    }
  }
  if (project !== undefined) placeOf(top, String(project.path)).label = projectWords(project);
  return [line('/', top.label), ...linesBelow(top, '')];
}

function projectWords({ mode, upper }: ProjectOptions): string {
  if (mode === 'direct') return 'writable';
  return upper === undefined ? 'a copy, whose changes can be applied' : `a copy, kept in ${String(upper)}`;
}

function rootWords(root: SandboxRoot | undefined): string {
  if (typeof root === 'string' || root instanceof URL) return `${String(root)}, read-only`;
  if (root?.path !== undefined) return `${String(root.path)}, ${root.readOnly === false ? 'writable' : 'read-only'}`;
  if (root?.lower !== undefined) return `a copy of ${root.lower.map(String).join(', ')}`;
  return 'empty, in memory';
}

/** The paths that an entry is for. Of those that match, a pattern stands for itself, and a name is there or not. */
function pathsOf(entry: MountEntry): string[] {
  if (!('match' in entry) || entry.match === undefined) return [entry.target];
  return [entry.match]
    .flat()
    .filter((name) => isPattern(name) || existsSync(join(entry.target, name)))
    .map((name) => join(entry.target, name));
}

/** The words for an entry; undefined for one that has no effect here. */
function wordsOf(entry: MountEntry): string | undefined {
  switch (entry.type) {
    case 'bind':
    case 'bindDevices':
    case 'bindReadOnly': {
      const { source, target, optional = false } = entry;
      if (optional && typeof source === 'string' && !existsSync(source)) return undefined;
      const how = entry.type === 'bindReadOnly' ? 'read-only' : 'writable';
      const from =
        String(source) === target ? '' : `, ${typeof source === 'number' ? 'descriptor ' : ''}${String(source)}`;
      return `${how}${entry.type === 'bindDevices' ? ', with devices' : ''}${from}`;
    }
    case 'mask':
      return entry.optional === true && !existsSync(entry.target) ? undefined : HIDDEN;
    case 'symlink':
      return `→ ${entry.to}`;
    case 'overlay':
      return entry.upper === undefined ? 'a copy, discarded at the end' : `a copy, kept in ${String(entry.upper)}`;
    default:
      return WORDS[entry.type];
  }
}

const WORDS: Partial<Record<MountEntry['type'], string>> = {
  tmpfs: 'empty, in memory',
  proc: 'processes of the sandbox',
  dev: 'a small /dev',
  dir: 'a directory',
  file: "a file of the sandbox's own",
  readOnly: 'read-only',
  protect: 'protected: it stays as it is',
  sysfs: 'sysfs',
  cgroup2: 'cgroups',
  mqueue: 'message queues',
};

const HIDDEN = 'hidden';

/** A directory of which nothing is there but what is named below it. */
const EMPTY = 'empty, read-only';

/** Below these nothing of the host is left to be hidden. */
const NOTHING: readonly (string | undefined)[] = [HIDDEN, EMPTY, WORDS.tmpfs];

/** What is said of the nearest directory above a path. */
function labelAbove(top: Place, path: string): string | undefined {
  let [at, label]: [Place | undefined, string | undefined] = [top, undefined];
  for (const name of path.split('/').slice(1, -1)) {
    at = at.below.get(name);
    if (at === undefined) break;
    label = at.label ?? label;
  }
  return label;
}

function placeOf(top: Place, path: string): Place {
  return path
    .split('/')
    .filter((name) => name !== '')
    .reduce((at, name) => {
      const below = at.below.get(name) ?? { label: undefined, below: new Map<string, Place>() };
      at.below.set(name, below);
      return below;
    }, top);
}

function linesBelow(place: Place, indent: string): string[] {
  const rows = rowsOf(place);
  return rows.flatMap(([name, each], index) => {
    const isLast = index === rows.length - 1;
    return [
      line(`${indent}${isLast ? '└─' : '├─'} ${name}`, each.label),
      ...linesBelow(each, `${indent}${isLast ? '   ' : '│  '}`),
    ];
  });
}

/** The places below one: a chain of directories is one name, and so are many places of which the same is said. */
function rowsOf({ below }: Place): [string, Place][] {
  const single = [...below].map(([name, place]) => joined(name, place)).sort(([a], [b]) => (a < b ? -1 : 1));
  const labels = single.map(([, { label, below: deeper }]) => (deeper.size === 0 ? label : undefined));
  return single.flatMap((row, at): [string, Place][] => {
    const label = labels[at];
    if (label === undefined) return [row];
    const alike = single.filter((_, each) => labels[each] === label);
    if (alike.length < MANY) return [row];
    if (alike[0] !== row) return []; // it is in the line of the first
    const names = alike.slice(0, SHOWN).map(([name]) => name);
    return [[`${names.join(', ')}, and ${alike.length - SHOWN} more`, row[1]]];
  });
}

function joined(name: string, place: Place): [string, Place] {
  const [only] = place.below;
  if (place.label !== undefined || place.below.size !== 1 || only === undefined) return [name, place];
  const [rest, end] = joined(...only);
  return [`${name}/${rest}`, end];
}

function line(name: string, label: string | undefined): string {
  return label === undefined ? name : `${name.padEnd(LABEL_COLUMN)} ${label}`;
}
