import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { hasEnded, ownMark } from '../../lib/handle/maker';
import { eventually } from '../fixtures/footprint';
import { anotherHost } from '../fixtures/another-host';

const namespace = '-> pid:[4026531836]';

/** proc_pid_stat(5) of a thread whose name is as misleading as can be. */
const stat = (id: number, start: number): string => `${id} (a) 9 9 (b) S 1 ${'0 '.repeat(17)}${start} 0 0\n`;

test('a thread has one mark, which is its own and no other process has', () => {
  expect(ownMark()).toMatch(new RegExp(`^\\d+-\\d+-\\d+$`));
  expect(ownMark()).toBe(ownMark());
  expect(hasEnded(ownMark())).toBe(false);
});

test('the mark is read from /proc, whatever the thread is called', () => {
  const host = anotherHost({ 'proc/thread-self/stat': stat(42, 777), 'proc/self/ns/pid': namespace });
  expect(ownMark(host)).toBe('4026531836-42-777');
});

test('who has the number of one that ended is told from it', () => {
  const host = anotherHost({ 'proc/42/stat': stat(42, 777), 'proc/self/ns/pid': namespace });
  expect(hasEnded('4026531836-42-777', host)).toBe(false);
  expect(hasEnded('4026531836-42-778', host)).toBe(true);
  expect(hasEnded('4026531836-43-777', host)).toBe(true);
});

test('of a thread in another pid namespace, and of what is no mark, nothing is said', () => {
  const host = anotherHost({ 'proc/self/ns/pid': namespace });
  for (const mark of ['4026531999-42-777', '', 'x', '4026531836-42', '4026531836-42-777-1', '4026531836-4/2-7']) {
    expect(hasEnded(mark, host)).toBe(false);
  }
});

/** Runs in another thread or process, with the module loaded as `owner`. */
const body = `require(${JSON.stringify(require.resolve('tsx/cjs'))});
  const owner = require(${JSON.stringify(require.resolve('../../lib/handle/maker'))});`;

test('a process that was killed has ended', async () => {
  const other = spawn(process.execPath, ['-e', `${body} console.log(owner.ownMark()); setInterval(() => {}, 1000);`]);
  const [text] = (await once(other.stdout, 'data')) as [Buffer];
  const mark = text.toString().trim();
  expect(hasEnded(mark)).toBe(false);
  other.kill('SIGKILL');
  await once(other, 'exit');
  await eventually(() => hasEnded(mark));
});

test('a Worker that was terminated has ended, though its process goes on', async () => {
  const worker = new Worker(`${body} require('worker_threads').parentPort.postMessage(owner.ownMark());`, {
    eval: true,
  });
  const [mark] = (await once(worker, 'message')) as [string];
  expect(mark).not.toBe(ownMark());
  await worker.terminate();
  await eventually(() => hasEnded(mark));
});
