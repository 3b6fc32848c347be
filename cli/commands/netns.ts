import { Namespace, Network, networkNamespaces } from 'linux-ns';
import { numberOf } from '../arguments';
import { type Command, type Given, UsageError } from '../command';
import { runProgram } from '../program';

/** What follows the word, and the options it takes. */
interface Action {
  readonly operands: string;
  readonly least: number;
  readonly most: number;
  readonly options?: readonly string[];
  run(operands: readonly string[], given: Given): Promise<number>;
}

/** The words of ip-netns(8), in the order in which it tells those apart that are cut short. */
const ACTIONS: Readonly<Record<string, Action>> = {
  list: { operands: '', least: 0, most: 0, options: ['json'], run: (_, given) => list(given) },
  'list-id': { operands: '[nsid NUMBER]', least: 0, most: 2, options: ['json'], run: listIds },
  add: { operands: 'NAME', least: 1, most: 1, run: add },
  set: { operands: 'NAME NUMBER|auto', least: 2, most: 2, run: setId },
  delete: { operands: 'NAME', least: 0, most: 1, options: ['all'], run: remove },
  identify: { operands: '[PID]', least: 0, most: 1, run: identify },
  pids: { operands: 'NAME', least: 1, most: 1, run: pids },
  exec: { operands: 'NAME PROGRAM [ARGUMENT...]', least: 1, most: Infinity, options: ['all'], run: execute },
  attach: { operands: 'NAME PID', least: 2, most: 2, run: attach },
};

const MOST_PID = 2 ** 31 - 1;

export const netnsCommand: Command = {
  name: 'netns',
  summary: 'Network namespaces with a name, which ip netns has as well',
  operands: '[WORD [NAME] ...]',
  words: Object.keys(ACTIONS),
  afterWord: 'network',
  options: [
    { name: 'all', short: 'a', help: 'delete, exec: all there are, and no name' },
    { name: 'json', short: 'j', help: 'list, list-id: print JSON' },
  ],
  runsProgram: 'exec',
  examples: [
    ['netns list', 'the names there are: as without a word'],
    ['netns add blue', 'a new network with a name'],
    ['netns exec blue ip link', 'a program in it'],
    ['netns pids blue', 'the processes in it'],
    ['netns identify 1234', "the name of a process's network"],
    ['netns attach red 1234', 'give it one'],
    ['netns set blue 7', 'its id in this network, or auto'],
    ['netns list-id', 'the ids there are'],
    ['netns delete blue', 'take the name away'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  const [word = 'list', ...operands] = given.operands;
  const [name, action] = actionCalled(word);
  for (const option of ['all', 'json']) {
    if (!given.has(option) || action.options?.includes(option) === true) continue;
    throw new UsageError(`${name} takes no --${option}`);
  }
  if (operands.length < action.least || operands.length > action.most) {
    throw new UsageError(`usage: linux-ns netns ${name}${action.operands === '' ? '' : ` ${action.operands}`}`);
  }
  return action.run(operands, given);
}

/** As iproute2: the first that a word begins. */
function actionCalled(word: string): [name: string, action: Action] {
  const synonym = ['show', 'lst'].includes(word) ? 'list' : word;
  const found = Object.entries(ACTIONS).find(([name]) => word !== '' && name.startsWith(synonym));
  if (found !== undefined) return found;
  throw new UsageError(`there is no '${word}': it can be ${Object.keys(ACTIONS).join(', ')}`);
}

async function list(given: Given): Promise<number> {
  const named = await withIds(await networkNamespaces.list());
  if (given.has('json')) return print([JSON.stringify(named)]);
  return print(named.map(({ name, id }) => (id === undefined ? name : `${name} (id: ${id})`)));
}

async function listIds(operands: readonly string[], given: Given): Promise<number> {
  const wanted = idWanted(operands);
  await using network = await Network.open();
  const ids = (await network.nsid.list()).filter((id) => wanted === undefined || id === wanted);
  if (wanted !== undefined && ids.length === 0) throw new UsageError(`no network has the id ${wanted} here`);
  const named = await withIds(await networkNamespaces.list());
  const found = ids.map((nsid) => {
    const name = named.find(({ id }) => id === nsid)?.name;
    return { nsid, ...(name === undefined ? {} : { name }) };
  });
  if (given.has('json')) return print([JSON.stringify(found)]);
  return print(
    found.map(({ nsid, name }) => `nsid ${nsid}${name === undefined ? '' : ` (iproute2 netns name: ${name})`}`),
  );
}

function idWanted([word, id]: readonly string[]): number | undefined {
  if (word === undefined) return undefined;
  if (word !== 'nsid' || id === undefined) throw new UsageError('usage: linux-ns netns list-id [nsid NUMBER]');
  return numberOf('nsid', id, MOST_PID);
}

/** The numbers that this network has given others: `RTM_GETNSID`, rtnetlink(7). */
async function withIds(names: readonly string[]): Promise<{ name: string; id?: number }[]> {
  if (names.length === 0) return [];
  await using network = await Network.open();
  const all: { name: string; id?: number }[] = [];
  for (const name of names) {
    await using namespace = await networkNamespaces.open(name).catch(() => undefined);
    if (namespace === undefined) continue; // it has just gone
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
  await using namespace = await Namespace.of(pidOf(pid), 'net');
  await networkNamespaces.add(name, { namespace });
  return 0;
}

async function setId([name = '', number = '']: readonly string[]): Promise<number> {
  const id = number === 'auto' ? undefined : numberOf('the id', number, MOST_PID);
  await using namespace = await networkNamespaces.open(name);
  await using network = await Network.open();
  await network.nsid.set(namespace, id);
  return 0;
}

async function remove(operands: readonly string[], given: Given): Promise<number> {
  for (const name of await namesMeant(operands.length > 0 ? operands : undefined, given, 'delete')) {
    await networkNamespaces.remove(name);
  }
  return 0;
}

async function identify([pid]: readonly string[]): Promise<number> {
  return print([(await networkNamespaces.identify(pid === undefined ? 'self' : pidOf(pid))).join('\n')]);
}

async function pids([name = '']: readonly string[]): Promise<number> {
  return print((await networkNamespaces.pids(name)).map(String));
}

/** @returns the program's status; with --all the first that is not 0 */
async function execute(operands: readonly string[], given: Given): Promise<number> {
  const own = given.has('all') ? undefined : operands.slice(0, 1);
  const words = own === undefined ? operands : operands.slice(1);
  const program = words[0] === '--' ? words.slice(1) : words;
  if (program.length === 0) throw new UsageError('exec needs a program: linux-ns netns exec NAME PROGRAM');
  let status = 0;
  for (const name of await namesMeant(own, given, 'exec')) {
    if (given.has('all')) print(['', `netns: ${name}`]);
    await using set = await networkNamespaces.enter(name);
    const code = await runProgram(program, { setns: set }, 'forward');
    status = status === 0 ? code : status;
  }
  return status;
}

async function namesMeant(
  named: readonly string[] | undefined,
  given: Given,
  word: string,
): Promise<readonly string[]> {
  const all = given.has('all');
  if (all && named !== undefined) throw new UsageError(`${word} takes a name, or --all, and not both`);
  if (!all && named === undefined) throw new UsageError(`${word} needs a name, or --all`);
  return named ?? networkNamespaces.list();
}

function pidOf(text: string): number {
  const pid = numberOf('the process', text, MOST_PID);
  if (pid > 0) return pid;
  throw new UsageError('the process must be the number of one, and not 0');
}

function print(lines: readonly string[]): number {
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}
