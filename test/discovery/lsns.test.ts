import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NAMESPACE_KINDS, Namespace, type NamespaceKind, type NamespaceProcess, spawn, unshare } from '../../lib';
import { type LsnsRow, lsns } from '../../lib/discovery';
import { using } from '../fixtures/causes';
import { errorWith } from '../fixtures/errors';
import { eventually } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { endAll, firstLine } from './fixtures/programs';

const COLUMNS = [
  'NS',
  'TYPE',
  'PATH',
  'NPROCS',
  'PID',
  'PPID',
  'COMMAND',
  'UID',
  'USER',
  'NETNSID',
  'NSFS',
  'PNS',
  'ONS',
];

/** What lsns(8) says: a list, as it would nest what belongs to the children of a process otherwise. */
async function utilLinux(...args: string[]): Promise<LsnsRow[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      const command = ['-J', '-l', '-o', COLUMNS.join(), ...args];
      const { stdout } = await promisify(execFile)('lsns', command, { maxBuffer: 2 ** 26 });
      // Nothing at all, when there is no row.
      return stdout.trim() === '' ? [] : (JSON.parse(stdout) as { namespaces: LsnsRow[] }).namespaces;
    } catch (error) {
      // Of util-linux 2.38: a process that ends while it looks can be its own end.
      if (attempt === 20) throw error;
    }
  }
}

/** Processes in a few namespaces of each kind. */
async function busy(): Promise<NamespaceProcess[]> {
  const kinds = [['user', 'net', 'pid', 'mnt'], ['user', 'uts', 'ipc', 'cgroup'], ['user']] as const;
  const script = 'sleep 600 & echo ready; exec -a "a  \\"name\\"\t" sleep 600';
  const start = async (unshared: readonly NamespaceKind[]): Promise<NamespaceProcess> => {
    const child = await spawn('bash', ['-c', script], { unshare: [...unshared], stdio: ['ignore', 'pipe', 'ignore'] });
    await firstLine(child);
    return child;
  };
  return Promise.all([...kinds, ...kinds].map(start));
}

const close = (children: readonly NamespaceProcess[]) =>
  Promise.all(children.map((child) => child[Symbol.asyncDispose]()));

/** The namespaces that this process leads. */
function rowsOf(rows: readonly LsnsRow[], leader: NamespaceProcess): LsnsRow[] {
  return rows.filter(({ pid }) => pid === leader.pid);
}

/** The minor version of lsns(8), 2.x. */
async function isAtLeast(minor: number): Promise<boolean> {
  const { stdout } = await promisify(execFile)('lsns', ['--version']);
  return Number(/ 2\.(\d+)/.exec(stdout)?.[1] ?? 0) >= minor;
}

needs({ tool: ['lsns'] }).describe('lsns() says what lsns(8) says', () => {
  test('of namespaces of all kinds, in every column', async () => {
    const children = await busy();
    const ids = new Set<number>();
    for (const { pid } of children) {
      for (const { ns, nprocs } of await lsns({ pid, fds: false })) if (nprocs <= 3) ids.add(ns);
    }
    const pick = (rows: LsnsRow[]) => rows.filter(({ ns }) => ids.has(ns));
    // Until the shells have become what they are to be.
    await eventually(async () => {
      const [ours, theirs] = [pick(await lsns()), pick(await utilLinux())];
      return (
        JSON.stringify(ours) === JSON.stringify(theirs) && ours.some(({ command }) => command === 'a  "name"\t 600')
      );
    });
    expect(pick(await lsns())).toEqual(pick(await utilLinux()));
    expect(ids.size).toBe(2 * (4 + 4 + 1));
    await Promise.all(children.map(endAll));
  });

  test('of the namespaces that this process is in, with many others', async () => {
    const own = new Set((await lsns({ pid: process.pid })).map(({ ns }) => ns));
    // How many they are changes from one look to the next.
    const pick = (rows: LsnsRow[]) => rows.filter(({ ns }) => own.has(ns)).map((row) => ({ ...row, nprocs: 0 }));
    await eventually(async () => {
      const [ours, theirs] = await Promise.all([lsns(), utilLinux()]);
      return JSON.stringify(pick(ours)) === JSON.stringify(pick(theirs));
    });
    expect(own.size).toBe(NAMESPACE_KINDS.length);
  });

  test.each(NAMESPACE_KINDS)('of kind %s alone', async (kind) => {
    const child = await spawn('sleep', ['600'], { unshare: ['user', kind], init: false, stdio: 'ignore' });
    const ours = rowsOf(await lsns({ kinds: [kind] }), child);
    expect(ours).toHaveLength(1);
    expect(ours).toEqual(rowsOf(await utilLinux('-t', kind), child));
    await close([child]);
  });

  test('of one process', async () => {
    const child = await spawn('sleep', ['600'], { unshare: ['user', 'uts'], stdio: 'ignore' });
    const without = (rows: LsnsRow[]) => rows.map(({ ns, type, ons, pns }) => ({ ns, type, ons, pns }));
    const ours = await lsns({ pid: child.pid });
    expect(ours).toHaveLength(NAMESPACE_KINDS.length);
    expect(without(ours)).toEqual(without(await utilLinux('-p', String(child.pid))));
    await close([child]);
  });

  needs({ root: true }).test('of namespaces that are mounted, once and twice, and have no processes', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'linux-ns-lsns-'));
    const set = await unshare(['net', 'uts']);
    const ids = [...set].map(({ id }) => Number(id));
    const kept = [
      await set.net!.persist(join(directory, 'a net')),
      await set.net!.persist(join(directory, 'again')),
      await set.uts!.persist(join(directory, 'uts')),
    ];
    await set.close();
    const pick = (rows: LsnsRow[]) => rows.filter(({ ns }) => ids.includes(ns));
    const ours = pick(await lsns());
    expect(ours).toHaveLength(2);
    // Those without processes it has known since 2.39.
    if (await isAtLeast(39)) expect(ours).toEqual(pick(await utilLinux()));
    expect(ours).toMatchObject(
      [...ids].sort().map((ns) => ({ ns, nprocs: 0, pid: null, path: null, uid: 0, user: 'root' })),
    );
    expect(ours.find(({ type }) => type === 'net')!.nsfs).toBe(`${kept[0]!.path}\n${kept[1]!.path}`);
    expect(pick(await lsns({ persistent: true }))).toEqual(ours);
    for (const each of kept) await each.delete();
    rmSync(directory, { recursive: true });
  });

  needs({ root: true, tool: ['ip'] }).test('of the id of a network namespace', async () => {
    const ip = (...args: string[]) => promisify(execFile)('ip', args);
    const name = `linux-ns-lsns-${process.pid}`;
    await ip('netns', 'add', name);
    const child = await spawn('sleep', ['600'], {
      setns: [await Namespace.open(`/run/netns/${name}`)],
      stdio: 'ignore',
    });
    await ip('netns', 'set', name, String(process.pid));
    const [ours] = rowsOf(await lsns({ kinds: ['net'] }), child);
    expect([ours]).toEqual(rowsOf(await utilLinux('-t', 'net'), child));
    expect(ours).toMatchObject({ netnsid: String(process.pid), nsfs: `/run/netns/${name}` });
    await close([child]);
    await ip('netns', 'delete', name);
  });
});

test('lsns() has those too that only a descriptor keeps, and their owners, unless they are not asked for', async () => {
  await using(unshare(['user', 'net']), async (set) => {
    const ids = [...set].map(({ id }) => Number(id));
    let found: LsnsRow[] = [];
    // What made them may be on its way out still.
    await eventually(async () => {
      found = (await lsns()).filter(({ ns }) => ids.includes(ns));
      return found.every(({ nprocs }) => nprocs === 0);
    });
    expect(found).toMatchObject([
      { type: 'user', nprocs: 0, pid: null, path: null, command: null, uid: process.geteuid!() },
      { type: 'net', nprocs: 0, pid: null, path: null, command: null, uid: 0, ons: ids[1] },
    ]);
    expect((await lsns({ persistent: true })).filter(({ ns }) => ids.includes(ns))).toEqual(found);
    expect((await lsns({ fds: false })).filter(({ ns }) => ids.includes(ns))).toEqual([]);
  });
});

test.each([
  [{ type: 'net' }, 'ERR_INVALID_ARG_VALUE'],
  [{ pid: 0 }, 'ERR_OUT_OF_RANGE'],
  [{ pid: '1' }, 'ERR_INVALID_ARG_TYPE'],
  [{ persistent: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
  [{ fds: 'no' }, 'ERR_INVALID_ARG_TYPE'],
  [{ kinds: ['mount'] }, 'ERR_INVALID_ARG_VALUE'],
])('lsns() refuses %p', async (options, code) => {
  await expect(lsns(options as object)).rejects.toThrow(errorWith({ code }));
});
