import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Namespace, setns } from 'linux-ns';
import { Lab, type LabOptions, type LabPage } from 'linux-ns/lab';
import { numberOf, processId } from '../arguments';
import { type Command, type Given, UsageError } from '../command';
import { findHost, serveControl } from '../lab/control';
import { print } from '../output';
import { runProgram } from '../program';

const MOST_PORT = 65535;

export const labCommand: Command = {
  name: 'lab',
  summary: 'Run a lab: hosts and networks from a file, with a page that shows them',
  operands: 'FILE | exec HOST [--] [PROGRAM [ARGUMENT...]]',
  options: [
    { name: 'port', short: 'p', value: 'PORT', help: 'serve the page on this port of 127.0.0.1' },
    { name: 'no-page', help: 'serve no page' },
    { name: 'seed', value: 'NUMBER', help: 'the number from which all that is random follows' },
    { name: 'lab', value: 'PID', completes: 'process', help: 'with exec: the lab of that process' },
  ],
  words: ['exec'],
  runsProgram: 'exec',
  notes: [
    'FILE is JSON, or a JavaScript module that exports a topology or a function that makes one.',
    'The lab runs until Ctrl-C. In another terminal, exec runs a program on one of its hosts.',
    'Who knows the address of the page can change the lab: it has a token that no other user knows.',
  ],
  examples: [
    ['lab lab.json', 'run the lab of a file, and print the address of its page'],
    ['lab exec a -- sh', 'a shell on its host a'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  const [first, ...rest] = given.operands;
  if (first === 'exec') return exec(given, rest);
  if (first === undefined) throw new UsageError('which file? see linux-ns lab --help');
  if (rest[0] !== undefined) throw new UsageError(`unexpected argument '${rest[0]}'`);
  const port = given.value('port');
  const pagePort = port === undefined ? 0 : numberOf('--port', port, MOST_PORT);
  const stopped = untilStopped();
  await using lab = await labOf(first, given);
  const stopControl = await serveControl(lab);
  try {
    const page = given.has('no-page') ? undefined : await lab.page({ port: pagePort });
    print(introduction(lab, page));
    await stopped;
    return 0;
  } finally {
    await stopControl();
  }
}

function introduction(lab: Lab, page: LabPage | undefined): string[] {
  const [host] = lab.hosts.keys();
  return [
    ...lab.toString().split('\n'),
    '',
    ...(page === undefined ? [] : [`Page:   ${page.url}`]),
    ...(host === undefined ? [] : [`Shell:  linux-ns lab exec ${host}`]),
    'End:    Ctrl-C',
  ];
}

/** Resolves with the first signal that ends this process otherwise. */
function untilStopped(): Promise<void> {
  return new Promise((stop) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop());
  });
}

async function labOf(file: string, given: Given): Promise<Lab> {
  const made = file.endsWith('.json') ? await topologyOf(file) : await exportOf(file);
  if (isLab(made)) return made;
  const seed = given.value('seed');
  if (made === null || typeof made !== 'object') throw new UsageError(`${file}: no topology`);
  // A seed of the command line counts.
  return Lab.create({ ...made, ...(seed === undefined ? {} : { seed: numberOf('--seed', seed, 2 ** 32 - 1) }) });
}

async function topologyOf(file: string): Promise<LabOptions> {
  const text = await readFile(file, 'utf8');
  try {
    return JSON.parse(text) as LabOptions;
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
}

/** The topology of a module, or the lab that its function has made. */
async function exportOf(file: string): Promise<unknown> {
  const module = (await import(pathToFileURL(resolve(file)).href)) as { default?: unknown; topology?: unknown };
  const exported = module.topology ?? module.default; // of CommonJS, the default is all that is exported
  if (exported === undefined) throw new UsageError(`${file}: it exports neither a default nor a topology`);
  return typeof exported === 'function' ? await (exported as (given: object) => unknown)({ Lab }) : exported;
}

function isLab(value: unknown): value is Lab {
  return value !== null && typeof value === 'object' && 'addHost' in value && 'toSVG' in value;
}

async function exec(given: Given, [host, ...words]: readonly string[]): Promise<number> {
  if (host === undefined) throw new UsageError('on which host? see linux-ns lab --help');
  const program = words[0] === '--' ? words.slice(1) : words;
  const pid = given.value('lab');
  const place = await findHost(host, pid === undefined ? undefined : processId('--lab', pid));
  const opened = await Promise.all(place.paths.map((path) => Namespace.open(path)));
  await using set = await setns(opened).finally(() => Promise.all(opened.map((namespace) => namespace.close())));
  if (String(set.net?.id) !== place.net) throw new UsageError(`host ${host} has crashed`);
  return await runProgram(program, { setns: set, dieWithParent: true }, 'forward');
}
