import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type NamespaceProcess, spawn } from '../../lib';
import {
  DiscoveredNamespace,
  DiscoveredProcess,
  type ProcessTreeNode,
  ProcessForest,
  processTree,
} from '../../lib/discovery';
import { errorWith } from '../fixtures/errors';
import { eventually } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { endAll, firstLine, python } from './fixtures/programs';

/** A shell with two children, one of which has a child, in a user namespace of their own. */
const FAMILY = `(sleep 600 & echo ready; wait) & sleep 601 & wait`;

async function family(): Promise<NamespaceProcess> {
  const child = await spawn('sh', ['-c', FAMILY], { unshare: ['user'], stdio: ['ignore', 'pipe', 'ignore'] });
  await firstLine(child);
  // Until those that were forked have become what they are to be.
  await eventually(async () => (await processes(child)).map(({ name }) => name).join() === 'sh,sh,sleep,sleep');
  return child;
}

async function processes(child: NamespaceProcess): Promise<readonly DiscoveredProcess[]> {
  const { trees } = await processTree({ by: 'user' });
  const namespace = trees.find(({ roots }) => roots.some(({ process }) => process.pid === child.pid))?.namespace;
  return [...(namespace?.processes ?? [])].sort((a, b) => a.name.localeCompare(b.name));
}

test('the processes of each namespace are trees; who has its parent elsewhere begins one', async () => {
  const child = await family();
  const forest = await processTree({ by: 'user' });
  expect(forest.by).toBe('user');
  const tree = [...forest].find(({ roots }) => roots[0]?.process.pid === child.pid)!;
  expect(tree.roots).toHaveLength(1);
  const names = tree.roots[0]!.children.map((node) => [
    node.process.name,
    node.children.map((each) => each.process.name),
  ]);
  expect(names.sort()).toEqual([
    ['sh', ['sleep']],
    ['sleep', []],
  ]);
  const own = forest.trees.find(({ namespace }) => namespace.processes.some(({ pid }) => pid === process.pid))!;
  expect(JSON.stringify(own.roots.map(({ process: { pid } }) => pid))).not.toContain(String(child.pid));
  // By another kind they are all in one tree with us.
  const byNet = (await processTree({ by: 'net' })).toJSON();
  const listed = byNet.flatMap(({ processes }) => processes);
  expect(listed).toContainEqual({ pid: child.pid, name: 'sh', parent: process.pid });
  expect(listed.filter(({ parent }) => parent === child.pid)).not.toEqual([]);
  await endAll(child);
});

needs({ tool: ['pstree'] }).test('it prints as pstree -N does', async () => {
  const child = await family();
  const block = (text: string) =>
    text
      .split(/(?=^\[)/m)
      .find((part) => part.includes(`sh(${child.pid})`))
      ?.trim()
      .split('\n')
      .map((line) => line.trimEnd());
  const run = async (option: string) =>
    (await promisify(execFile)('pstree', [option, '-pTnlN', 'user'], { env: { ...process.env, LC_ALL: 'C.UTF-8' } }))
      .stdout;
  const forest = await processTree({ by: 'user' });
  const [unicode, ascii] = [block(String(forest))!, block(forest.toText({ ascii: true }))!];
  expect(unicode).toEqual(block(await run('-U')));
  expect(ascii).toEqual(block(await run('-A')));
  expect(block(forest.toText())).toHaveLength(3);
  expect(forest.toText({ pids: false })).not.toContain(`(${child.pid})`);
  await endAll(child);
});

test('a chain of processes can be drawn however long it is', () => {
  const chain = (length: number): ProcessTreeNode => {
    let node: ProcessTreeNode | undefined;
    for (let pid = length; pid > 0; pid--) {
      const process = { pid, name: 'p' } as unknown as DiscoveredProcess;
      node = { process, children: node === undefined ? [] : [node] };
    }
    return node!;
  };
  const forest = new ProcessForest('pid', [
    { namespace: { id: 1n } as unknown as DiscoveredNamespace, roots: [chain(20_000)] },
  ]);
  expect(forest.toText().split('───')).toHaveLength(20_000);
});

test('names that would change a terminal are made visible', async () => {
  const rename = "libc.prctl(15, b'\\x1b[31m\\nx')  # PR_SET_NAME";
  const child = await python(rename, { unshare: ['user'] });
  expect(String(await processTree({ by: 'user' }))).toContain(`␛[31m␊x(${child.pid})`);
  await child[Symbol.asyncDispose]();
});

test.each([
  [undefined, 'ERR_INVALID_ARG_TYPE'],
  [{}, 'ERR_INVALID_ARG_VALUE'],
  [{ by: 'mount' }, 'ERR_INVALID_ARG_VALUE'],
  [{ by: 'net', pids: true }, 'ERR_INVALID_ARG_VALUE'],
])('refuses %p', async (options, code) => {
  await expect(processTree(options as { by: 'net' })).rejects.toThrow(errorWith({ code }));
});

test('a chain of processes, however long, can be drawn and is JSON', () => {
  const LENGTH = 50_000;
  const processOf = (pid: number): DiscoveredProcess =>
    Object.assign(Object.create(DiscoveredProcess.prototype) as DiscoveredProcess, { pid, name: 'x' });
  let node: ProcessTreeNode = { process: processOf(LENGTH), children: [] };
  for (let pid = LENGTH - 1; pid > 0; pid--) node = { process: processOf(pid), children: [node] };
  const namespace = Object.assign(Object.create(DiscoveredNamespace.prototype) as DiscoveredNamespace, {
    kind: 'pid',
    id: 7n,
  });
  const forest = new ProcessForest('pid', [{ namespace, roots: [node] }]);
  const [tree] = JSON.parse(JSON.stringify(forest)) as { kind: string; id: number; processes: object[] }[];
  expect(tree).toMatchObject({ kind: 'pid', id: 7 });
  expect(tree!.processes).toHaveLength(LENGTH);
  expect(tree!.processes[0]).toEqual({ pid: 1, name: 'x', parent: null });
  expect(tree!.processes.at(-1)).toEqual({ pid: LENGTH, name: 'x', parent: LENGTH - 1 });
});
