import { constants } from 'node:os';
import { readFileSync } from 'node:fs';
import { type NamespaceProcess, spawn, unshare } from '../../lib';
import { signalAll } from '../../lib/lab/stopping';
import { run } from '../../lib/launch/launch';
import { makeStep } from '../../lib/plan/step';
import { eventually } from '../fixtures/footprint';

/** The state of a process, as proc_pid_stat(5) has it. */
function stateOf(pid: number): string | undefined {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0];
}

test('stops a whole pid namespace at once, programs that start others included, and nothing else', async () => {
  await using set = await unshare(['user', 'pid']);
  await using outside = await spawn('sleep', ['1000']);
  const inside: NamespaceProcess[] = [
    await set.spawn('sleep', ['1000']),
    await set.spawn('sh', ['-c', 'while :; do (true); done']),
  ];
  await signalAll(set, 'SIGSTOP');
  for (const { pid } of inside) await eventually(() => stateOf(pid) === 'T');
  const all = (await set.pid!.processes()).filter((pid) => pid !== set.init);
  await eventually(() => all.every((pid) => ['T', 'Z'].includes(stateOf(pid) ?? 'Z')));
  expect(stateOf(outside.pid)).toBe('S');
  await signalAll(set, 'SIGCONT');
  for (const { pid } of inside) await eventually(() => stateOf(pid) !== 'T');
});

test('a pid namespace in which nothing runs has nothing to stop', async () => {
  await using set = await unshare(['user', 'pid']);
  await signalAll(set, 'SIGSTOP');
  expect((await set.execFile('echo', ['goes on'])).stdout).toBe('goes on\n');
});

test('outside of a joined pid namespace no signal is sent', async () => {
  const step = makeStep('signal_all', { signal: constants.signals.SIGCONT });
  for (const target of [{}, { unshare: { user: true } as const }]) {
    await expect(run(target, [step])).rejects.toMatchObject({ code: 'EPERM', syscall: 'kill' });
  }
});
