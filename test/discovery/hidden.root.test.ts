import { type NamespaceSet, unshare } from '../../lib';
import { CompiledPackage } from '../fixtures/child-node';

/** Another user's, with none of our privileges. */
const BY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all', '--'];

const LOOK = `
  const map = await require('linux-ns/discovery').discover();
  const own = map.process(process.pid);
  return { pids: map.processes.length, own: own?.namespaces.net !== undefined, unread: map.unread };`;

let compiled: CompiledPackage;
let set: NamespaceSet;

beforeAll(async () => {
  compiled = new CompiledPackage();
  set = await unshare(['mnt']);
});

afterAll(async () => {
  await set.close();
  compiled.remove();
});

interface Seen {
  pids: number;
  own: boolean;
  unread: { source: string; code: string; count?: number; reason: string }[];
}

async function look(data: string, by: readonly string[]): Promise<Seen> {
  await set.mount({ type: 'proc', target: '/proc', source: 'proc', data });
  const { value, error } = await compiled.runIn(set, LOOK, by);
  await set.umount('/proc');
  if (error !== undefined) throw new Error(error.message);
  return value as Seen;
}

test('where /proc hides processes, an ordinary user is told that there may be more', async () => {
  const seen = await look('hidepid=2', BY);
  expect(seen.own).toBe(true);
  expect(seen.unread[0]).toMatchObject({ source: 'processes', code: 'HIDDEN' });
  expect(seen.unread[0]!.reason).toMatch(/hidepid/);
  expect(seen.unread[0]).not.toHaveProperty('count');
});

test('where /proc shows processes and nothing of them, they are counted', async () => {
  const seen = await look('hidepid=1', BY);
  expect(seen.own).toBe(true);
  expect(seen.unread.map(({ code }) => code)).not.toContain('HIDDEN');
  const [unread] = seen.unread;
  expect(unread).toMatchObject({ source: 'processes', code: 'EPERM' });
  expect(unread!.count).toBeGreaterThan(1);
  expect(unread!.reason).toMatch(/^The namespaces of \d+ processes may not be read.*CAP_SYS_PTRACE/);
});

test('where /proc hides nothing, those that may not be looked into are there, and counted', async () => {
  const seen = await look('hidepid=0', BY);
  expect(seen.pids).toBeGreaterThan(2);
  expect(seen.unread[0]).toMatchObject({ source: 'processes', code: 'EACCES' });
  expect(seen.unread[0]!.count).toBeGreaterThan(1);
});

test('sockets whose namespaces may not be asked for are counted', async () => {
  const seen = await look('hidepid=0', BY);
  expect(seen.unread.find(({ source }) => source === 'sockets')).toMatchObject({ code: 'EPERM' });
});

test('root sees all of it', async () => {
  const seen = await look('hidepid=2', ['env']);
  expect(seen.unread.filter(({ code }) => code === 'HIDDEN')).toEqual([]);
  expect(seen.pids).toBeGreaterThan(2);
});

test('without /proc there is an error that says so', async () => {
  await set.mount({ type: 'tmpfs', target: '/proc' });
  const { error } = await compiled.runIn(set, `return require('linux-ns/discovery').discover();`);
  await set.umount('/proc');
  expect(error).toMatchObject({ name: 'NamespaceError', code: 'ENODEV', path: '/proc', step: 'read /proc' });
  expect(error!.hint).toMatch(/mount -t proc proc/);
});
