import { type FSWatcher, existsSync, mkdirSync, readdirSync, watch } from 'node:fs';
import { Namespace, type NamespaceKind } from 'linux-ns';
import { Network, type NetworkName, networkNamespaces } from 'linux-ns/network';
import { numberOf, processId } from '../arguments';
import { type Command, type Given, UsageError } from '../command';
import { print, printJson } from '../output';
import { runProgram } from '../program';

/** A subcommand. */
interface Action {
  readonly operands: string;
  readonly least: number;
  readonly most: number;
  readonly options?: readonly string[];
  run(operands: readonly string[], given: Given): Promise<number>;
}

/** The subcommands of ip-netns(8), in the order in which it matches abbreviations. */
const ACTIONS: Readonly<Record<string, Action>> = {
  list: { operands: '', least: 0, most: 0, options: ['json'], run: (_, given) => list(given) },
  'list-id': { operands: '[target-nsid NUMBER] [nsid NUMBER]', least: 0, most: 4, options: ['json'], run: listIds },
  add: { operands: 'NAME', least: 1, most: 1, run: add },
  set: { operands: 'NAME NUMBER|auto', least: 2, most: 2, run: setId },
  delete: { operands: 'NAME', least: 0, most: 1, options: ['all'], run: remove },
  identify: { operands: '[PID]', least: 0, most: 1, run: identify },
  pids: { operands: 'NAME', least: 1, most: 1, run: pids },
  exec: { operands: 'NAME PROGRAM [ARGUMENT...]', least: 1, most: Infinity, options: ['all'], run: execute },
  attach: { operands: 'NAME PID', least: 2, most: 2, run: attach },
  monitor: { operands: '', least: 0, most: 0, run: monitor },
  help: { operands: '', least: 0, most: 0, run: help },
};

/** The other names that iproute2 has for a subcommand. `ls` is an abbreviation of `lst`. */
const SYNONYMS: Readonly<Record<string, string>> = { show: 'list', lst: 'list' };

const MOST_ID = 2 ** 31 - 1;

export const netnsCommand: Command = {
  name: 'netns',
  summary: 'Manage named network namespaces, shared with ip netns',
  operands: '[SUBCOMMAND [NAME] ...]',
  words: Object.keys(ACTIONS),
  afterWord: 'network',
  options: [
    { name: 'all', short: 'a', help: 'delete, exec: apply to all names' },
    { name: 'json', short: 'j', help: 'list, list-id: print JSON' },
  ],
  runsProgram: 'exec',
  oneDash: true,
  examples: [
    ['netns list', 'list the names (the default)'],
    ['netns add blue', 'create a network namespace'],
    ['netns exec blue ip link', 'run a program in it'],
    ['netns pids blue', 'list its processes'],
    ['netns identify 1234', 'print the name for a process'],
    ['netns attach red 1234', "name a process's namespace"],
    ['netns set blue 7', 'set its id here, or auto'],
    ['netns list-id', 'list the ids'],
    ['netns monitor', 'print names as they come and go'],
    ['netns delete blue', 'remove the name'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  const [word = 'list', ...operands] = given.operands;
  const [name, action] = actionCalled(word);
  for (const option of ['all', 'json']) {
    if (!given.has(option) || action.options?.includes(option) === true) continue;
    throw new UsageError(`${name} does not accept --${option}`);
  }
  if (operands.length < action.least || operands.length > action.most) {
    throw new UsageError(`usage: linux-ns netns ${name}${action.operands === '' ? '' : ` ${action.operands}`}`);
  }
  return action.run(operands, given);
}

/** The action of a word, as in iproute2: the first action that the word is a prefix of. */
function actionCalled(word: string): [name: string, action: Action] {
  const names = ['list', ...Object.keys(SYNONYMS), ...Object.keys(ACTIONS)];
  const found = names.find((name) => word !== '' && name.startsWith(word));
  const name = found === undefined ? '' : (SYNONYMS[found] ?? found);
  const action = ACTIONS[name];
  if (action !== undefined) return [name, action];
  throw new UsageError(`unknown subcommand '${word}': it must be one of ${Object.keys(ACTIONS).join(', ')}`);
}

async function list(given: Given): Promise<number> {
  const entries = await networkNamespaces.entries();
  if (entries.length === 0) return given.has('json') ? shownJson([]) : 0;
  await using network = await Network.open();
  const named = await withIds(entries, network);
  if (given.has('json')) return shownJson(named);
  return shown(named.map((row) => row.name + remarkOn(row)));
}

function remarkOn({ id, kind }: Listed): string {
  if (kind === null) return ' (no network namespace)';
  if (kind !== undefined) return ` (no network namespace: ${kind})`;
  return id === undefined ? '' : ` (id: ${id})`;
}

async function listIds(operands: readonly string[], given: Given): Promise<number> {
  const { nsid: wanted, 'target-nsid': target } = idsWanted(operands);
  await using here = await Network.open();
  await using there = target === undefined ? undefined : await networkOf(here, target);
  const ids = (await (there ?? here).nsid.list()).filter((id) => wanted === undefined || id === wanted);
  if (wanted !== undefined && ids.length === 0) throw new UsageError(`no network namespace has the id ${wanted}`);
  const named = await withIds(await networkNamespaces.entries(), there ?? here);
  const found: ListedId[] = [];
  for (const nsid of ids) {
    const name = named.find(({ id }) => id === nsid)?.name;
    found.push({
      nsid,
      ...(there === undefined ? {} : { 'current-nsid': await idHere(here, there, nsid) }),
      ...(name === undefined ? {} : { name }),
    });
  }
  if (given.has('json')) return shownJson(found);
  return shown(found.map(lineOfId));
}

/** A row of list-id, with the keys of iproute2's JSON. */
interface ListedId {
  nsid: number;
  /** The id that this network namespace has for it, where `nsid` is that of another; null where it has none. */
  'current-nsid'?: number | null;
  name?: string;
}

function lineOfId({ nsid, 'current-nsid': current, name }: ListedId): string {
  const here = current === undefined ? '' : ` current-nsid ${current ?? 'unassigned'}`;
  return `nsid ${nsid}${here}${name === undefined ? '' : ` (iproute2 netns name: ${name})`}`;
}

/** The network namespace that has an id here. */
async function networkOf(here: Network, id: number): Promise<Network> {
  await using namespace = await here.nsid.find(id);
  if (namespace === undefined) throw new UsageError(`no network namespace that can be seen has the id ${id}`);
  return await Network.open(namespace);
}

/** The id that one network namespace has for what another calls `nsid`; null where it has none. */
async function idHere(here: Network, there: Network, nsid: number): Promise<number | null> {
  await using namespace = await there.nsid.find(nsid);
  return namespace === undefined ? null : ((await here.nsid.get(namespace)) ?? null);
}

function idsWanted(operands: readonly string[]): { nsid?: number; 'target-nsid'?: number } {
  const wanted: { nsid?: number; 'target-nsid'?: number } = {};
  for (let at = 0; at < operands.length; at += 2) {
    const [word, id] = operands.slice(at, at + 2);
    if ((word !== 'nsid' && word !== 'target-nsid') || id === undefined) {
      throw new UsageError('usage: linux-ns netns list-id [target-nsid NUMBER] [nsid NUMBER]');
    }
    wanted[word] = numberOf(word, id, MOST_ID);
  }
  return wanted;
}

/** A file of /run/netns in the output. */
interface Listed {
  name: string;
  id?: number;
  /** The kind of a namespace that is no network namespace; null where the file has no namespace. */
  kind?: NamespaceKind | null;
}

/** Adds the id that a network namespace has assigned to each: `RTM_GETNSID`, rtnetlink(7). */
async function withIds(entries: readonly NetworkName[], network: Network): Promise<Listed[]> {
  const all: Listed[] = [];
  for (const { name, kind } of entries) {
    if (kind !== 'net') {
      all.push({ name, kind: kind ?? null });
      continue;
    }
    await using namespace = await networkNamespaces.open(name).catch(() => undefined);
    if (namespace === undefined) continue; // deleted in the meantime
    const id = await network.nsid.get(namespace);
    all.push({ name, ...(id === undefined ? {} : { id }) });
  }
  return all;
}

async function add([name = '']: readonly string[]): Promise<number> {
  await networkNamespaces.add(name, { loopback: false });
  return 0;
}

async function attach([name = '', pid = '']: readonly string[]): Promise<number> {
  await using namespace = await Namespace.of(processId('PID', pid), 'net');
  await networkNamespaces.add(name, { namespace });
  return 0;
}

async function setId([name = '', number = '']: readonly string[]): Promise<number> {
  const id = number === 'auto' ? undefined : numberOf('the id', number, MOST_ID);
  await using namespace = await networkNamespaces.open(name);
  await using network = await Network.open();
  await network.nsid.set(namespace, id);
  return 0;
}

async function remove(operands: readonly string[], given: Given): Promise<number> {
  for (const name of await namesMeant(operands.length > 0 ? operands : undefined, given, 'delete')) {
    await networkNamespaces.delete(name);
  }
  return 0;
}

async function identify([pid]: readonly string[]): Promise<number> {
  const names = await networkNamespaces.identify(pid === undefined ? 'self' : processId('PID', pid));
  return shown(names.length > 0 ? names : ['']);
}

async function pids([name = '']: readonly string[]): Promise<number> {
  return shown((await networkNamespaces.pids(name)).map(String));
}

/**
 * Runs a program in one or all namespaces. @returns the exit status of the program; with --all, the first one that is
 * not 0
 */
async function execute(operands: readonly string[], given: Given): Promise<number> {
  const own = given.has('all') ? undefined : operands.slice(0, 1);
  const words = own === undefined ? operands : operands.slice(1);
  const program = words[0] === '--' ? words.slice(1) : words;
  if (program.length === 0)
    throw new UsageError('exec needs a program: linux-ns netns exec NAME PROGRAM [ARGUMENT...]');
  let status = 0;
  for (const name of await namesMeant(own, given, 'exec')) {
    if (given.has('all')) print(['', `netns: ${name}`]);
    await using set = await networkNamespaces.enter(name);
    const code = await runProgram(program, { setns: set }, 'forward');
    status = status === 0 ? code : status;
  }
  return status;
}

const RUN_DIRECTORY = '/run/netns';

/**
 * Prints each name that is added or deleted, until a signal ends this process. inotify(7) tells that a name has changed,
 * and the directory says how.
 */
async function monitor(): Promise<number> {
  // As ip netns monitor does: without the directory there would be nothing to watch.
  mkdirSync(RUN_DIRECTORY, { recursive: true, mode: 0o755 });
  const watcher = watch(RUN_DIRECTORY);
  const known = new Set(readdirSync(RUN_DIRECTORY));
  watcher.on('change', (_event, file) => print(changesOf(String(file), known)));
  await ended(watcher);
  return 0;
}

/** The change of a name since it was last looked at; none for one that came and went in between. */
function changesOf(name: string, known: Set<string>): string[] {
  if (existsSync(`${RUN_DIRECTORY}/${name}`)) {
    if (known.has(name)) return [];
    known.add(name);
    return [`add ${name}`];
  }
  return known.delete(name) ? [`delete ${name}`] : [];
}

function ended(watcher: FSWatcher): Promise<void> {
  return new Promise((resolve, reject) => {
    watcher.once('error', reject);
    watcher.once('close', resolve);
  });
}

function help(): Promise<number> {
  const usage = ([name, { operands }]: [string, Action]): string => `linux-ns netns ${name} ${operands}`.trim();
  return Promise.resolve(shown(Object.entries(ACTIONS).map(usage)));
}

async function namesMeant(
  named: readonly string[] | undefined,
  given: Given,
  word: string,
): Promise<readonly string[]> {
  const all = given.has('all');
  if (all && named !== undefined) throw new UsageError(`${word} takes either a name or --all`);
  if (!all && named === undefined) throw new UsageError(`${word} needs a name or --all`);
  return named ?? networkNamespaces.list();
}

function shown(lines: readonly string[]): number {
  print(lines);
  return 0;
}

function shownJson(value: unknown): number {
  printJson(value);
  return 0;
}
