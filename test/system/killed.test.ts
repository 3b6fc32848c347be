/** Node killed with SIGKILL at random moments of its launches: nothing is to survive it, wherever it was. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NamespaceSet, unshare } from '../../lib';
import { CompiledPackage } from '../fixtures/child-node';
import { eventually } from '../fixtures/footprint';

const LAUNCHES = 300;
const AT_ONCE = 3;

/** The launches of one Node take about so long; most are killed in the middle. Milliseconds. */
const LONGEST = 6;

/** What a Node starts, or makes. */
const KINDS = {
  program: `linux.spawn('sleep', ['600'])`,
  session: `linux.clone({ file: 'sleep', args: ['600'], stdio: [], detached: true })`,
  init: `linux.spawn('sleep', ['600'], { unshare: ['user', 'pid', 'mnt'] })`,
  process1: `linux.spawn('sleep', ['600'], { unshare: ['user', 'pid'], init: false })`,
  daemons: `linux.spawn('sh', ['-c', '(setsid sleep 600 &); exec sleep 600'], { unshare: ['user', 'pid'] })`,
  terminal: `linux.spawn('sh', ['-i'], { unshare: ['user', 'pid'], pty: {} })`,
  set: `linux.unshare(['user', 'pid', 'net', 'time'])`,
  joined: `linux.unshare(['user', 'pid']).then((set) => set.spawn('sleep', ['600'], { unshare: ['user', 'pid'] }))`,
  entered: `linux.unshare(['user', 'pid']).then((set) => set.spawn('sleep', ['600']))`,
  sandbox: `linux.Sandbox.create()`,
  pool: `linux.Sandbox.pool({}, { size: 2 })`,
  mounts: `linux.unshare(['user', 'pid', 'mnt']).then((set) => set.mount({ type: 'tmpfs', target: '/mnt' }))`,
};

/** By its own hand, for who sends a signal from outside never hits as well. It waits for the moment in one of two ways. */
const NODE = `
  const [kind, wait, milliseconds] = process.env.PLAN.split(' ');
  const kinds = { ${Object.entries(KINDS)
    .map(([name, call]) => `${name}: () => ${call}`)
    .join(', ')} };
  const begun = performance.now();
  const over = () => performance.now() - begun >= Number(milliseconds);
  kinds[kind]().catch(() => undefined);
  if (wait === 'busy') while (!over());
  else while (!over()) await new Promise((resolve) => setImmediate(resolve));
  process.kill(process.pid, 'SIGKILL');
  for (;;);`;

/** The same each time where a failure would have to be found again: in CI. mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

let node: CompiledPackage;
let folder: string;
let set: NamespaceSet;
beforeAll(async () => {
  node = new CompiledPackage();
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-killed-'));
  // Where what is left is seen, and is this test's.
  set = await unshare(['user', 'pid', 'mnt']);
  await set.mount({ source: 'proc', target: '/proc', type: 'proc' });
});
afterAll(async () => {
  await set.close();
  node.remove();
  rmSync(folder, { recursive: true });
});

/** All processes of the set and of what is below it, but for its init and the one that looks. */
async function survivors(): Promise<string[]> {
  const { stdout } = await set.exec(`
    for each in /proc/[0-9]*; do
      case $each in /proc/1 | /proc/$$) ;; *) echo "$each $(tr '\\0' ' ' <$each/cmdline)";; esac
    done`);
  return stdout.split('\n').filter((line) => line !== '');
}

const mounts = (): Promise<string> => set.readFile('/proc/self/mountinfo', 'utf8');

test('who survives is seen', async () => {
  const child = await set.spawn('sleep', ['600'], { unshare: ['pid'] });
  expect(await survivors()).toEqual(expect.arrayContaining([expect.stringMatching(/^\/proc\/\d+ sleep 600 $/)]));
  await child.close();
  expect(await survivors()).toEqual([]);
});

test(`${LAUNCHES} times: no process, no mount, no file`, async () => {
  const seed = process.env.CI === undefined ? Math.floor(Math.random() * 2 ** 31) : 1;
  const random = randomFrom(seed);
  const kinds = Object.keys(KINDS);
  const plans = Array.from({ length: LAUNCHES }, (_, index) => {
    const wait = random() < 0.5 ? 'busy' : 'turning';
    return `${kinds[index % kinds.length]} ${wait} ${(random() * LONGEST).toFixed(3)}`;
  });
  const before = await mounts();
  const one = async (): Promise<void> => {
    for (let plan = plans.pop(); plan !== undefined; plan = plans.pop()) {
      const env = { PATH: process.env.PATH, TMPDIR: folder, PLAN: plan };
      const [file, args] = node.command(NODE);
      const child = await set.spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'], env });
      expect([plan, await child.exited]).toEqual([plan, { code: null, signal: 'SIGKILL' }]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  await eventually(async () => (await survivors()).length === 0).catch(() => undefined);
  expect({ seed, survivors: await survivors(), mounts: await mounts(), files: readdirSync(folder) }).toEqual({
    ...{ seed, survivors: [], mounts: before, files: [] },
  });
});
