import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from '../../lib';
import { CompiledPackage, type Outcome } from '../fixtures/child-node';
import { needs } from '../fixtures/optional';

/** An ordinary user whom only the files of a test know. */
const [UID, GID] = [7001, 7002];

let compiled: CompiledPackage;
let directory: string;

beforeAll(() => {
  compiled = new CompiledPackage();
  directory = mkdtempSync(join(tmpdir(), 'linux-ns-grants-'));
  chmodSync(directory, 0o755);
});

afterAll(() => {
  compiled.remove();
  rmSync(directory, { recursive: true });
});

/** Runs a script as that user, on a host whose /etc/subuid, /etc/subgid and /etc/passwd say this. */
async function onHost(
  grants: string,
  body: string,
  { passwd = `tester:x:${UID}:${GID}::/tmp:/bin/sh`, gid = GID }: { passwd?: string; gid?: number } = {},
): Promise<Outcome> {
  const files = { subuid: grants, subgid: grants, passwd: `root:x:0:0::/root:/bin/sh\n${passwd}\n` };
  const mounts = Object.entries(files).map(([name, text]) => {
    const source = join(directory, name);
    writeFileSync(source, text);
    return { bind: true, source, target: `/etc/${name}` } as const;
  });
  const [node, args] = compiled.command(body);
  const { stdout } = await execFile(node, args, { unshare: ['mnt'], mounts, uid: UID, gid, groups: [] });
  return JSON.parse(stdout) as Outcome;
}

const AUTO = `
  const set = await linux.unshare({ user: { uidMap: 'auto', gidMap: 'auto' } });
  const lines = async (file) => (await set.readFile('/proc/self/' + file, 'utf8')).trim().split('\\n').map((line) => line.trim().split(/\\s+/).map(Number));
  const maps = [await lines('uid_map'), await lines('gid_map')];
  await set.close();
  return maps;`;

const AUTO_ERROR = `return linux.unshare({ user: { uidMap: 'auto', gidMap: 'auto' } }).then(() => 'ok', ({ message, hint }) => ({ message, hint }));`;

needs({ tool: ['newuidmap', 'newgidmap'] }).describe("'auto' maps what is granted", () => {
  test.each([
    ['a range', 'tester:100000:10', [[1, 100000, 10]]],
    ['a range twice', 'tester:100000:10\ntester:100000:10', [[1, 100000, 10]]],
    ['by name and by uid', `tester:100000:10\n${UID}:100000:10`, [[1, 100000, 10]]],
    [
      'overlapping ranges',
      'tester:100000:10\ntester:100005:10\ntester:99995:10\ntester:99990:40',
      [
        [1, 100000, 15],
        [16, 99995, 5],
        [21, 99990, 5],
        [26, 100015, 15],
      ],
    ],
    ['ranges that touch', 'tester:100000:10\ntester:100010:5', [[1, 100000, 15]]],
    ["the caller's own id", `tester:${UID}:1\ntester:${GID}:1\ntester:100000:10`, undefined],
    ['the last id there is', 'tester:4294967290:5', [[1, 4294967290, 5]]],
  ])('%s', async (_, grants, expected) => {
    const { value, error } = await onHost(grants, AUTO);
    expect(error).toBeUndefined();
    const [uids, gids] = value as number[][][];
    expect(uids![0]).toEqual([0, UID, 1]);
    expect(gids![0]).toEqual([0, GID, 1]);
    if (expected === undefined) {
      // Of the two, each map has the other one's.
      expect(uids!.slice(1)).toEqual([
        [1, GID, 1],
        [2, 100000, 10],
      ]);
      expect(gids!.slice(1)).toEqual([
        [1, UID, 1],
        [2, 100000, 10],
      ]);
    } else {
      expect(uids!.slice(1)).toEqual(expected);
      expect(gids!.slice(1)).toEqual(expected);
    }
  });

  test('as many lines as the kernel takes', async () => {
    const grants = (step: number, count: number): string =>
      Array.from({ length: 1000 }, (_, index) => `tester:${100000 + index * step}:${count}`).join('\n');
    const many = await onHost(grants(2, 1), AUTO);
    expect(many.error).toBeUndefined();
    const [uids] = many.value as number[][][];
    const text = uids!.map((line) => `${line.join(' ')}\n`).join('');
    expect(uids!.length).toBeLessThanOrEqual(340);
    expect(text.length).toBeLessThan(4096);
    // One more would be too many.
    expect(uids!.length === 340 || text.length > 4096 - 20).toBe(true);
    const long = await onHost(grants(1_000_000, 100_000), AUTO);
    expect(long.error).toBeUndefined();
    expect((long.value as number[][][])[0]!.length).toBeGreaterThan(100);
  });

  test('subordinateIds() gives the ranges', async () => {
    const grants = 'tester:100000:10\ntester:100010:5\nother:7:7\ntester:100000:3\ntester:200000:1';
    expect(
      (await onHost(grants, "return [await linux.subordinateIds('user'), await linux.subordinateIds('group')]")).value,
    ).toEqual(
      Array.from({ length: 2 }, () => [
        { start: 100000, count: 15 },
        { start: 200000, count: 1 },
      ]),
    );
    expect((await onHost('other:7:7', "return linux.subordinateIds('user')")).error).toMatchObject({
      code: 'ERR_LINUX_NS_NO_SUBORDINATE_IDS',
    });
  });
});

needs({ tool: ['newuidmap', 'newgidmap'] }).describe('where newuidmap refuses, the hint has the true reason', () => {
  test.each([
    [
      'another primary group',
      { gid: 7003 },
      /primary group that passwd\(5\) gives the user, 7002, and Node runs with group 7003/,
    ],
    ['no entry in passwd(5)', { passwd: 'other:x:1:1::/:/bin/sh' }, /uid 7001 has no entry there/],
  ])('%s', async (_, host, reason) => {
    const { value } = await onHost(`${UID}:100000:10`, AUTO_ERROR, host);
    expect(value).toMatchObject({ hint: expect.stringMatching(reason) as string });
    expect((value as { hint: string }).hint).not.toMatch(/writes only what/);
  });

  test('a map that the kernel does not take', async () => {
    const ranges = Array.from({ length: 341 }, (_, index) => ({
      inside: index,
      outside: 100000 + 2 * index,
      count: 1,
    }));
    const body = `return linux.unshare({ user: { uidMap: ${JSON.stringify(ranges.slice(0, 340).map((range) => ({ ...range, inside: range.inside + 100000 })))} } }).then(() => 'ok', ({ message, hint }) => ({ message, hint }));`;
    const { value } = await onHost('tester:100000:65536', body);
    expect(value).toMatchObject({ hint: expect.stringMatching(/smaller than a page of memory/) as string });
  });

  test('ids that are not granted', async () => {
    const body = `return linux.unshare({ user: { uidMap: [{ inside: 0, outside: 300000, count: 5 }] } }).catch(({ hint }) => hint);`;
    const { value } = await onHost('tester:100000:65536', body);
    expect(value).toMatch(
      /^The outside uids 300000-300004 are not all among those that \/etc\/subuid grants to tester/,
    );
  });
});

test('the files of this host are as they were', () => {
  expect(readFileSync('/etc/passwd', 'utf8')).not.toContain('tester:');
});
