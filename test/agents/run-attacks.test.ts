/**
 * Programs that want to get away: from the limits of their run, from the counting, or from the end. Each run settles
 * within a second after its limit of time, and nothing is left.
 */
import { pbkdf2 } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type RunLimits, type RunResult, Sandbox } from '../../lib';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { userland } from '../sandbox/box';

let box: Sandbox;
beforeAll(async () => {
  box = await Sandbox.create(userland());
  await box.run('true'); // opens /dev/null, once for all
});
afterAll(async () => box.close());

function sh(script: string, limits: RunLimits): Promise<RunResult> {
  return box.run('sh', ['-c', script], { limits });
}

function perl(script: string, limits: RunLimits): Promise<RunResult> {
  return box.run('perl', ['-e', script], { limits });
}

const LIMITS: RunLimits = { wall: 2000, cpu: 1000, memory: 256 << 20, output: 10_000, processes: 64 };

/** What each does, and the verdicts that it may come to. */
const ATTACKS: Record<string, [script: string, verdicts: RunResult['verdict'][]]> = {
  'stops itself': ['kill -STOP $$', ['wall']],
  'stops all that it can': ['kill -STOP -1; kill -STOP 1; sleep 600', ['wall']],
  'kills all that it can': ['trap "" TERM; kill -KILL -1; kill -TERM 1; kill -KILL 1; exit 7', ['exit', 'signal']],
  'ignores all signals': ['trap "" TERM HUP INT QUIT USR1 USR2 XCPU PIPE; while :; do :; done', ['cpu', 'wall']],
  'closes all that it has': ['exec <&- >&- 2>&-; while :; do sleep 600; done', ['wall']],
  'floods its output': ['exec yes', ['output']],
  'floods both streams from several processes': ['yes & yes >&2 & yes & wait', ['output']],
  'leaves its output to a daemon': ['(setsid sh -c "sleep 600" &); exit 0', ['ok']],
  'daemonises, and burns': [
    '(setsid sh -c "trap \\"\\" HUP TERM; while :; do :; done" &); (setsid sh -c "while :; do :; done" &); sleep 600',
    ['cpu', 'wall'],
  ],
  'stops its children when it is asked to end': ['trap "kill -STOP 0" TERM HUP; sleep 600 & wait', ['wall']],
  // The shell says of each fork that is refused: "Cannot fork".
  'forks without end': ['f() { f | f & }; f; sleep 600', ['cpu', 'wall', 'signal', 'memory', 'exit', 'output']],
  'is a chain of processes, each of which starts the next and ends': [
    'step() { ( step ) & exit 0; }; step; sleep 600',
    ['ok', 'exit', 'cpu', 'wall', 'memory', 'signal', 'output'],
  ],
};

test.each(Object.entries(ATTACKS))('one that %s', async (_, [script, verdicts]) => {
  const before = footprint();
  const { verdict } = await sh(script, LIMITS);
  expect(verdicts).toContain(verdict);
  await expectNothingLeft(before);
});

test('children that nobody waits for count as long as they are seen', async () => {
  const script = `$SIG{CHLD} = 'IGNORE'; while (1) { my $child = fork() // next; if (!$child) { my $end = times() + 0.3; 1 while times() < $end; exit } select undef, undef, undef, 0.3 }`;
  const { verdict, usage } = await perl(script, { ...LIMITS, wall: 30_000, cpu: 700 });
  expect(verdict).toBe('cpu');
  expect(usage.cpuUser + usage.cpuSystem).toBeGreaterThan(700);
});

test('memory is counted that only children have', async () => {
  const script = `for (1 .. 6) { next if fork(); my $all = 'x' x (60 << 20); sleep 600 } sleep 600`;
  const { verdict } = await perl(script, { ...LIMITS, wall: 30_000, memory: 128 << 20 });
  expect(verdict).toBe('memory');
});

test('a hard limit cannot be raised from inside', async () => {
  const { stdout } = await sh('ulimit -f unlimited 2>/dev/null || echo refused; ulimit -H -f', {
    ...LIMITS,
    fileSize: 512 * 1000,
  });
  expect(stdout).toBe('refused\n1000\n');
});

test('one that has hidden the end of its output in another program of the sandbox does not hold up the result', async () => {
  const fifo = await box.exec('mkfifo /tmp/handed; echo made');
  expect(fifo.stdout).toBe('made\n');
  // The other program opens the descriptor of the run's output through /proc, and keeps it.
  const thief = await box.spawn('sh', ['-c', 'read pid < /tmp/handed; exec 9>/proc/$pid/fd/1; sleep 600'], {
    stdio: 'ignore',
  });
  const { verdict } = await sh('echo $(readlink /proc/self | cut -d/ -f1) > /tmp/handed; exit 0', LIMITS);
  expect(verdict).toBe('ok');
  thief.kill('SIGKILL');
  await thief.exited;
});

test('a neighbour in the sandbox that stops everything does not hold up the result', async () => {
  const running = sh('sleep 600', LIMITS);
  await delay(200);
  const stopper = await box.spawn(
    'perl',
    ['-e', "kill 'STOP', grep { $_ > 1 && $_ != $$ } map { m{(\\d+)$} } glob '/proc/[0-9]*'; sleep 600"],
    {
      stdio: 'ignore',
    },
  );
  expect((await running).verdict).toBe('wall');
  stopper.kill('SIGKILL');
  await stopper.exited;
});

test('a busy thread pool of this process does not hold up the result', async () => {
  const busy = Array.from({ length: 64 }, () => new Promise((done) => pbkdf2('a', 'b', 400_000, 64, 'sha512', done)));
  const { verdict } = await sh('sleep 600', { ...LIMITS, wall: 1000 });
  expect(verdict).toBe('wall');
  await Promise.all(busy);
});
