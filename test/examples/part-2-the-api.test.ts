/** "Namespaces in operation, part 2: the namespaces API". */
import { hostname } from 'node:os';
import { needs } from '../fixtures/optional';
import { linesOf, runExample, startExample } from './example';
import { eventually } from '../fixtures/footprint';

describe('demo_uts_namespaces', () => {
  test('the child has the hostname given, the parent its own', async () => {
    const lines = await linesOf('demo_uts_namespaces', ['bizarro', '0']);
    expect(lines).toContain('uts.nodename in child:  bizarro');
    expect(lines).toContain(`uts.nodename in parent: ${hostname()}`);
    expect(lines.at(-1)).toBe('child has terminated');
  });

  test('without a hostname it says how it is used', async () => {
    expect(await runExample('demo_uts_namespaces')).toMatchObject({
      code: 1,
      stderr: 'Usage: demo_uts_namespaces <child-hostname> [seconds]\n',
    });
  });

  test('the child ends with the parent, however that ends', async () => {
    let pid: number;
    {
      await using parent = startExample('demo_uts_namespaces', ['bizarro', '1000']);
      pid = Number(await parent.printed(/PID of child: (\d+)\n/));
      expect(() => process.kill(pid, 0)).not.toThrow();
    }
    // The kernel sends the signal while it ends the parent: what is left to wait for is the child's own end.
    await eventually(() => !exists(pid));
  });
});

describe('ns_exec', () => {
  test('joins the UTS namespace of demo_uts_namespaces by its file', async () => {
    await using demo = startExample('demo_uts_namespaces', ['bizarro', '1000']);
    const pid = await demo.printed(/PID of child: (\d+)\n/);
    expect(await linesOf('ns_exec', [`/proc/${pid}/ns/uts`, 'uname', '-n'])).toEqual(['bizarro']);
  });

  test('ends as the command ends', async () => {
    expect(await runExample('ns_exec', ['/proc/self/ns/user', 'sh', '-c', 'exit 7'])).toMatchObject({ code: 7 });
  });

  test('says of a file that it is no namespace', async () => {
    const { code, stderr } = await runExample('ns_exec', ['/proc/self/status', 'true']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^EINVAL: .*\/proc\/self\/status/);
  });
});

describe('unshare', () => {
  const LINKS = 'for kind in ipc mnt net pid user uts; do readlink /proc/self/ns/$kind; done';

  test('makes what the letters say, and nothing else', async () => {
    const before = await linesOf('unshare', ['sh', '-c', LINKS]);
    const after = await linesOf('unshare', ['-u', '-i', 'sh', '-c', LINKS]);
    const changed = before.filter((line) => !after.includes(line)).map((line) => line.replace(/:.*/, ''));
    expect(changed.filter((kind) => kind !== 'user')).toEqual(['ipc', 'uts']);
  });

  test('-p: the program is process 1', async () => {
    expect(await linesOf('unshare', ['-p', 'sh', '-c', 'echo $$'])).toEqual(['1']);
  });

  test('-U: without maps every id is 65534', async () => {
    expect(await linesOf('unshare', ['-U', 'sh', '-c', 'id -u; id -g'])).toEqual(['65534', '65534']);
  });

  test('what follows the program are its own options', async () => {
    expect(await linesOf('unshare', ['-n', 'printf', '%s\n', '-i', '--', '-x'])).toEqual(['-i', '--', '-x']);
  });

  test('an option it does not know is an error', async () => {
    expect(await runExample('unshare', ['-x', 'true'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining("'-x'") as string,
    });
  });

  needs({ unprivileged: true }).test('an ordinary user is root inside', async () => {
    expect(await linesOf('unshare', ['-n', 'id', '-u'])).toEqual(['0']);
  });
});

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
