/** What a program has used is told with its end, of every program, however it was started and however it ends. */
import { type Exit, clone, spawn } from '../../lib';

/** Uses the processor for a given time, which it measures itself: the clock of the process's own CPU time. */
const BURN = `
  const until = (ms) => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 >= ms; };
  const burn = (ms) => { while (!until(ms)); };`;
const unshare = ['user', 'pid'] as const;

async function node(script: string, options = {}): Promise<Exit> {
  const child = await spawn(process.execPath, ['-e', `${BURN} ${script}`], { stdio: 'ignore', ...options });
  return child.exited;
}

test('the CPU time, the time and the memory of a program are on exited, and on the process', async () => {
  const child = await spawn(process.execPath, ['-e', `${BURN} burn(200)`], { stdio: 'ignore' });
  expect(child.usage).toBeNull();
  const exit = await child.exited;
  expect(child.usage).toBe(exit.usage);
  const { cpuUser, cpuSystem, wall, maxRss, minorFaults } = exit.usage;
  expect(cpuUser + cpuSystem).toBeGreaterThanOrEqual(200);
  expect(wall).toBeGreaterThan(0);
  expect(maxRss).toBeGreaterThan(20 << 20);
  expect(minorFaults).toBeGreaterThan(0);
});

test('an exit is printed, and compared, as its code and its signal', async () => {
  const { exited } = await spawn('sh', ['-c', 'exit 3']);
  const exit = await exited;
  expect(Object.keys(exit)).toEqual(['code', 'signal']);
  expect(exit.usage.majorFaults).toBeGreaterThanOrEqual(0);
});

test('clone() tells it as well', async () => {
  const child = await clone({ file: process.execPath, args: ['-e', `${BURN} burn(100)`] });
  const { usage } = await child.wait();
  expect(usage.cpuUser + usage.cpuSystem).toBeGreaterThanOrEqual(100);
});

test('a program that a signal ends has used what it has used', async () => {
  const { signal, usage } = await node("burn(150); process.kill(process.pid, 'SIGKILL')");
  expect(signal).toBe('SIGKILL');
  expect(usage.cpuUser + usage.cpuSystem).toBeGreaterThanOrEqual(150);
});

const CHILD = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(BURN)} + 'burn(300); process.send(0); setInterval(() => 0, 1000)'], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], detached: true })`;

test('with an init the processes count that the program has not waited for, daemons among them', async () => {
  const left = await node(`${CHILD}.on('message', () => process.exit())`, { unshare });
  expect(left.code).toBe(0);
  expect(left.usage.cpuUser + left.usage.cpuSystem).toBeGreaterThanOrEqual(300);
});

test('the memory of a program behind an init that was forked is its own, and not that of this process', async () => {
  const ballast = Buffer.alloc(200 << 20, 1);
  await using outer = await spawn('sleep', ['600'], { unshare });
  const inside = await spawn('true', { setns: await outer.namespaces() });
  const { usage } = await inside.exited;
  expect(usage.maxRss).toBeLessThan(ballast.length);
});
