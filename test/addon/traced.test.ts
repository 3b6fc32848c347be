import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { NamespaceProcess } from '../../lib';
import { Arsenal } from '../fixtures/attacks';

/** Resolves when the tracer has traced a process of that name. */
async function seized(tracer: NamespaceProcess, name: string): Promise<void> {
  for await (const chunk of tracer.stdout!.iterator({ destroyOnReturn: false })) {
    if (String(chunk).includes(`seized ${name}`)) return;
  }
}

/** Children of this process that have ended, and that nobody has waited for. */
function zombies(): number {
  const children = readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return children.filter((pid) => {
    try {
      return / \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    } catch {
      return false;
    }
  }).length;
}

describe('a program whose tracer, inside, never waits for it', () => {
  let arsenal: Arsenal;
  beforeAll(() => (arsenal = new Arsenal()));
  afterAll(() => arsenal.remove());

  test('has ended when it has: with its exit code, or its signal', async () => {
    await using box = await arsenal.sandbox();
    const [victim, failing] = await Promise.all([
      box.spawn('sleep', ['1000']),
      box.spawn('sh', ['-c', 'read line; exit 7'], { stdio: ['pipe', 'ignore', 'ignore'] }),
    ]);
    const tracer = await box.spawn(arsenal.seize, [], { stdio: ['ignore', 'pipe', 'inherit'] });
    await seized(tracer, '');
    // Both were there before it looked for the first time, or are found soon.
    await delay(50);
    // Any other signal would stop it, for its tracer to decide.
    victim.kill('SIGKILL');
    expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' });
    failing.stdin!.end('\n');
    expect(await failing.exited).toEqual({ code: 7, signal: null });
    await box.close();
  });

  test('Node does not spin meanwhile, and it is reaped when its tracer is gone', async () => {
    const others = zombies(); // of other test files, in this process
    await using box = await arsenal.sandbox();
    const tracer = await box.spawn(arsenal.seize, [], { stdio: ['ignore', 'pipe', 'inherit'] });
    const victim = await box.spawn('sleep', ['1000']);
    await seized(tracer, 'sleep');
    const call = box
      .execFile('sleep', ['0.3'], { timeout: 1000, killSignal: 'SIGKILL' })
      .catch((error: unknown) => error);
    victim.kill('SIGKILL');
    await Promise.all([victim.exited, call]);
    expect(zombies()).toBeGreaterThan(others);
    // All threads of this process; a loop that spins takes all of the time there is.
    const before = process.cpuUsage();
    await delay(1000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(500);
    tracer.kill('SIGKILL');
    await tracer.exited;
    while (zombies() > others) await delay(20);
    await box.close();
  });
});
