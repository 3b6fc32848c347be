/** "Namespaces in operation, part 5: user namespaces" and "part 6: more on user namespaces". */
import { needs } from '../fixtures/optional';
import { linesOf, runExample, startExample } from './example';

const uid = process.geteuid?.() ?? 0;
const gid = process.getegid?.() ?? 0;

describe('demo_userns', () => {
  test('ids are 65534 until the maps are written, then 0; capabilities come with uid 0', async () => {
    const [outside, none, afterUid, afterGid] = await linesOf('demo_userns');
    expect(outside).toBe(`outside        eUID = ${uid};  eGID = ${gid}`);
    expect(none).toBe('no maps        eUID = 65534;  eGID = 65534;  capabilities: 0000000000000000');
    expect(afterUid).toMatch(/^uid_map {8}eUID = 0; {2}eGID = 65534; {2}capabilities: 0*1f+$/);
    expect(afterGid).toMatch(/^gid_map {8}eUID = 0; {2}eGID = 0; {2}capabilities: 0*1f+$/);
  });
});

describe('userns_child_exec', () => {
  test('-M and -G: the ids inside are those of the maps', async () => {
    const maps = ['-U', '-M', `5 ${uid} 1`, '-G', `7 ${gid} 1`];
    expect(await linesOf('userns_child_exec', [...maps, 'sh', '-c', 'id -u; id -g'])).toEqual(['5', '7']);
  });

  test('-z: the caller is root inside, and process 1 with -p', async () => {
    expect(await linesOf('userns_child_exec', ['-Uzp', 'sh', '-c', 'id -u; id -g; echo $$'])).toEqual(['0', '0', '1']);
  });

  test('-U alone: without maps every id is 65534', async () => {
    expect(await linesOf('userns_child_exec', ['-U', 'id', '-u'])).toEqual(['65534']);
  });

  needs({ tool: ['hostname'] }).test(
    'root inside has power over the other namespaces that are made with it',
    async () => {
      const options = ['-U', '-z', '-u'];
      expect(await linesOf('userns_child_exec', [...options, 'sh', '-c', 'hostname box && uname -n'])).toEqual(['box']);
    },
  );

  test('maps without -U, and maps that are none, are errors', async () => {
    expect(await runExample('userns_child_exec', ['-z', 'true'])).toMatchObject({
      code: 1,
      stderr: '-M, -G and -z are for -U\n',
    });
    const { code, stderr } = await runExample('userns_child_exec', ['-U', '-M', '0 x 1', 'true']);
    expect(code).toBe(1);
    expect(stderr).toContain('uidMap[0].outside');
  });

  needs({ root: true }).test('root maps any range', async () => {
    const maps = ['-U', '-M', '0 100000 1000,1000 0 1', '-G', '0 100000 1000,1000 0 1'];
    const lines = await linesOf('userns_child_exec', [...maps, 'cat', '/proc/self/uid_map']);
    expect(lines.map((line) => line.trim().split(/\s+/).join(' '))).toEqual(['0 100000 1000', '1000 0 1']);
  });

  needs({ unprivileged: true }).test('an ordinary user maps themselves and nobody else', async () => {
    const { code, stderr } = await runExample('userns_child_exec', ['-U', '-M', `0 ${uid + 1} 1`, 'true']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/write uid_map|newuidmap/);
  });
});

describe('userns_setns_test', () => {
  test('the parent may join a user namespace of its own, a child in another one may not', async () => {
    await using target = startExample('unshare', ['-U', 'sh', '-c', 'echo "PID: $$"; exec sleep 1000']);
    const pid = await target.printed(/PID: (\d+)\n/);
    expect(await linesOf('userns_setns_test', [`/proc/${pid}/ns/user`])).toEqual([
      expect.stringMatching(/^child: setns\(\) failed: EPERM: /),
      'parent: setns() succeeded',
    ]);
  });
});
