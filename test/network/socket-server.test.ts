import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type NamespaceSet, unshare } from '../../lib';
import { runBody } from '../../lib/launch/launch';
import { native } from '../../lib/native';
import { SocketServer } from '../../lib/network/socket-server';
import { type Footprint, eventually, expectNothingLeft, footprint, isAlive } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { nodeArguments, resultOf } from '../fixtures/scenario';

const TCP = [2, 1, 0] as const;

let set: NamespaceSet;
let before: Footprint;
let server: SocketServer;
let starts: number;

beforeAll(async () => {
  await eventually(() => footprint().children.length === 0); // Jest itself starts programs to find its files
  set = await unshare(['user', 'net']);
});

beforeEach(() => {
  before = footprint();
  starts = 0;
  server = new SocketServer((steps, answers) => {
    starts++;
    return runBody({ join: [set.user!, set.net!] }, { steps, ids: 'default', answers });
  });
});

afterEach(async () => {
  await server.close();
  await expectNothingLeft(before);
});

afterAll(() => set.close());

/** The pids of the tasks that make sockets. */
const tasks = (): number[] =>
  footprint()
    .children.filter((pid) => !before.children.includes(pid))
    .map(Number);

const close = (fd: number): void => native().closeNow(fd);

test('one task makes what is asked for one after another, and what is asked for at once', async () => {
  for (let count = 0; count < 5; count++) close(await server.make(TCP));
  const fds = await Promise.all(Array.from({ length: 300 }, () => server.make(TCP)));
  expect(fds.every((fd) => fstatSync(fd).isSocket())).toBe(true);
  expect(new Set(fds).size).toBe(300);
  fds.forEach(close);
  expect(starts).toBe(1);
});

test('a socket that there cannot be is the error of who has asked for it, and of nobody else', async () => {
  const asked = [server.make(TCP), server.make([9999, 1, 0]), server.make(TCP)] as const;
  await expect(asked[1]).rejects.toMatchObject({
    code: 'EAFNOSUPPORT',
    syscall: 'socket',
    step: 'create socket',
    kind: 'net',
  });
  close(await asked[0]);
  close(await asked[2]);
  expect(starts).toBe(1);
});

test('the task ends when nobody has asked for a second, and the next request starts another', async () => {
  close(await server.make(TCP));
  expect(tasks()).toHaveLength(1);
  await eventually(() => tasks().length === 0);
  close(await server.make(TCP));
  expect(starts).toBe(2);
});

test('who waits is told when somebody ends the task, and the next request starts another', async () => {
  close(await server.make(TCP));
  const [pid = 0] = tasks();
  process.kill(pid, 'SIGSTOP');
  const waiting = server.make(TCP);
  process.kill(pid, 'SIGKILL');
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_LINUX_NS_KILLED' });
  close(await server.make(TCP));
});

test('who waits is told when somebody stops the task', async () => {
  close(await server.make(TCP));
  process.kill(tasks()[0] ?? 0, 'SIGSTOP');
  await expect(server.make(TCP)).rejects.toMatchObject({
    code: 'ERR_LINUX_NS_KILLED',
    message: expect.stringMatching(/stopped/) as string,
  });
});

test('an aborted request is an AbortError, and its socket is closed', async () => {
  const controller = new AbortController();
  const aborted = server.make(TCP, controller.signal);
  controller.abort();
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  await expect(server.make(TCP, controller.signal)).rejects.toMatchObject({ name: 'AbortError' });
  close(await server.make(TCP));
});

test('closing it answers what was asked, and refuses the rest', async () => {
  const asked = server.make(TCP);
  const closed = server.close();
  close(await asked);
  await closed;
  expect(tasks()).toEqual([]);
  await expect(server.make(TCP)).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
});

test('the event loop goes on until it is closed', async () => {
  expect(await resultOf(require.resolve('./scenarios'), 'closedSocketServer')).toBe('closed');
});

test('namespaces that cannot be joined are the error of all who wait', async () => {
  const failing = new SocketServer((steps, answers) => {
    starts++;
    return runBody(
      { join: [set.net!], unshare: { user: true } },
      { steps: [['chdir', '/nosuch', 0], ...steps], ids: 'default', answers },
    );
  });
  const asked = [failing.make(TCP), failing.make(TCP)];
  for (const each of asked) await expect(each).rejects.toMatchObject({ name: 'NamespaceError' });
  expect(starts).toBe(1);
  await failing.close();
});

test('programs inside cannot see the task: it is in no pid namespace of theirs', async () => {
  await using own = await unshare(['user', 'pid', 'mnt', 'net']);
  const there = new SocketServer((steps, answers) =>
    runBody({ join: [own.user!, own.net!] }, { steps, ids: 'default', answers }),
  );
  close(await there.make(TCP));
  const [pid] = tasks().filter((each) => each !== own.init);
  expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^NSpid:\t\d+$/m);
  await there.close();
});

needs({ unprivileged: true }).test('the task is not dumpable: no other process of the user looks into it', async () => {
  close(await server.make(TCP));
  expect(() => readdirSync(`/proc/${tasks()[0]}/fd`)).toThrow('EACCES');
});

test('the task ends with a process that is killed', async () => {
  const other = spawn(process.execPath, nodeArguments(require.resolve('./scenarios'), 'socketServer'), {
    cwd: join(__dirname, '..', '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(other.stdout, 'data')) as [Buffer];
  const pid = Number(String(said));
  expect(isAlive(pid)).toBe(true);
  other.kill('SIGKILL');
  await eventually(() => !isAlive(pid));
});
