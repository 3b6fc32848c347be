/** "Namespaces in operation, part 3: PID namespaces" and "part 4: more on PID namespaces". */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needs } from '../fixtures/optional';
import { linesOf, runExample, startExample } from './example';

describe('pidns_init_sleep', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'linux-ns-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  test('the child has pid 1 and no parent, as the proc filesystem mounted inside shows', async () => {
    const mountPoint = join(directory, 'proc2');
    const lines = await linesOf('pidns_init_sleep', [mountPoint, '1']);
    expect(lines).toEqual([
      expect.stringMatching(/^PID returned by spawn\(\): [1-9]\d+$/),
      `Mounting procfs at ${mountPoint}`,
      'child: Name = sleep',
      'child: Pid = 1',
      'child: PPid = 0',
      'child has terminated',
    ]);
    expect(readdirSync(mountPoint)).toEqual([]); // no mount is left on the host
  });
});

describe('multi_pidns', () => {
  test('each of five nested namespaces shows its own and those inside it', async () => {
    const lines = await linesOf('multi_pidns');
    const shown = lines.filter((line) => line.includes(' shows ')).map((line) => line.split(' shows ')[1]?.split(' '));
    expect(shown.map((pids) => pids?.length)).toEqual([5, 4, 3, 2, 1]);
    for (const pids of shown) expect(pids?.[0]).toBe('1');
  });

  test('the innermost process has a pid in every one, and outside', async () => {
    const lines = await linesOf('multi_pidns', ['3']);
    const pids = lines.at(-1)?.replace(/.*: /, '').split(' ').map(Number) ?? [];
    expect(pids.length).toBeGreaterThanOrEqual(4);
    expect(pids.at(-1)).toBe(1);
    expect(existsSync(`/proc/${pids[0]!}`)).toBe(false); // it has ended
  });
});

describe('ns_child_exec', () => {
  test('executes a command as process 1 of a new pid namespace', async () => {
    expect(await linesOf('ns_child_exec', ['-p', '-m', 'sh', '-c', 'echo "$$ $PPID"'])).toEqual(['1 0']);
  });

  test('-n: the command sees lo and no other interface', async () => {
    const lines = await linesOf('ns_child_exec', ['-n', 'cat', '/proc/net/dev']);
    expect(lines.slice(2)).toEqual([expect.stringMatching(/^\s*lo:/)]);
  });

  test('-v says what is done; the exit code is the command’s', async () => {
    const { code, stderr } = await runExample('ns_child_exec', ['-v', '-p', 'sh', '-c', 'exit 3']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/PID of child created by spawn\(\) is \d+\n.*terminating\n$/);
  });
});

describe('simple_init', () => {
  test('commands run below an init, in one pid namespace', async () => {
    await using init = startExample('simple_init', ['-v']);
    const outside = await init.printed(/PID 1 inside is PID (\d+) outside/);
    init.write('echo "I am $$"; read -r pid name rest < /proc/1/stat; echo "init is $name"');
    expect(Number(await init.printed(/I am (\d+)/))).toBeGreaterThan(1);
    await init.printed(/init is \(nsinit\)/);
    await init.printed(/terminated, exit code 0/);
    init.write('exit 4');
    await init.printed(/terminated, exit code 4/);
    expect(await init.end()).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(`/proc/${outside}`)).toBe(false);
  });

  test('the init adopts what a command leaves, and waits for it', async () => {
    await using init = startExample('simple_init');
    init.write('(while read -r a b c d e < /proc/self/stat && [ $d = $$ ]; do sleep 0.01; done; echo "$a has $d") &');
    const orphan = await init.printed(/(\d+) has 1\n/);
    // It is gone from /proc when it has been waited for: a zombie is still there.
    init.write(`while [ -e /proc/${orphan} ]; do sleep 0.01; done; echo waited for`);
    await init.printed(/waited for$/m);
    expect(await init.end()).toMatchObject({ code: 0 });
  });

  test('with the init everything ends', async () => {
    await using init = startExample('simple_init', ['-v']);
    init.write('sleep 1000 & echo started');
    await init.printed(/started/);
    const { code, stdout } = await init.end();
    expect(code).toBe(0);
    expect(stdout).toContain('terminating, and with it 1 processes');
  });

  needs({ tool: ['ps'] }).test('ps shows the namespace and nothing of the host', async () => {
    await using init = startExample('simple_init');
    init.write('ps -e -o pid= -o comm=');
    await init.printed(/\d+ ps\n/);
    const { stdout } = await init.end();
    const names = [...stdout.matchAll(/^ *(?:init\$ +)*\d+ (\S+)$/gm)].map(([, name]) => name);
    expect(names).toEqual(['nsinit', 'sh', 'ps']);
  });
});

describe('orphan', () => {
  test('the child of a parent that has ended has init for a parent', async () => {
    const lines = await linesOf('orphan');
    const [, parent, child] = /\(PID=(\d+)\) created child with PID (\d+)/.exec(lines.join('\n')) ?? [];
    expect(lines).toContain(`Parent (PID=${parent ?? ''}; PPID=0) terminating`);
    expect(lines.slice(-2)).toEqual([
      `Child  (PID=${child ?? ''}) now an orphan (parent PID=1)`,
      `Child  (PID=${child ?? ''}) terminating`,
    ]);
  });
});

describe('ns_run', () => {
  test('joins several namespaces of a process, in any order', async () => {
    await using demo = startExample('demo_uts_namespaces', ['bizarro', '1000']);
    const pid = await demo.printed(/PID of child: (\d+)\n/);
    const files = process.geteuid?.() === 0 ? ['uts', 'net'] : ['uts', 'user'];
    const options = files.flatMap((file) => ['-n', `/proc/${pid}/ns/${file}`]);
    expect(await linesOf('ns_run', ['-f', ...options, 'uname', '-n'])).toEqual(['bizarro']);
  });

  test('a process that joins a pid namespace sees it from inside', async () => {
    await using init = startExample('simple_init', ['-v']);
    const pid = await init.printed(/PID 1 inside is PID (\d+) outside/);
    const kinds = process.geteuid?.() === 0 ? ['pid', 'mnt'] : ['pid', 'mnt', 'user'];
    const options = kinds.flatMap((kind) => ['-n', `/proc/${pid}/ns/${kind}`]);
    const [own] = await linesOf('ns_run', ['-f', ...options, 'sh', '-c', 'echo "$$ $(readlink /proc/self)"']);
    expect(Number(own?.split(' ')[0])).toBeLessThan(100);
    await init.end();
  });

  needs({ unprivileged: true }).test(
    'without the user namespace that owns the others it says which that is',
    async () => {
      await using demo = startExample('demo_uts_namespaces', ['bizarro', '1000']);
      const pid = await demo.printed(/PID of child: (\d+)\n/);
      const { code, stderr } = await runExample('ns_run', ['-n', `/proc/${pid}/ns/uts`, 'true']);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^EPERM: .*join uts.*CAP_SYS_ADMIN in user:\[\d+\]/);
    },
  );
});
