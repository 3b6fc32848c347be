import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linesOf } from './example';

describe('the examples of what people build with a Sandbox', () => {
  it('a judge has Nodes that wait for submissions', async () => {
    const verdicts = (await linesOf('judge-pool')).map((line) => line.slice(0, 9).trim());
    expect(verdicts).toEqual(['accepted', 'wrong', 'too slow', 'accepted']);
  });

  it('a judge says of a file what became of it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'judged-'));
    try {
      const told = async (name: string, source: string): Promise<string[]> => {
        writeFileSync(join(folder, name), source);
        writeFileSync(join(folder, 'input.txt'), '19 23\n');
        return linesOf('judge', [join(folder, name), join(folder, 'input.txt')]);
      };
      const [right] = await told('right.py', 'a, b = map(int, input().split())\nprint(a + b)');
      expect(right).toMatch(/^\.py .*input\.txt +ok, accepted$/);
      const [wrong] = await told('wrong.py', 'print(41)');
      expect(wrong).toMatch(/ok, "41"$/);
      const [broken, ...why] = await told('broken.c', 'int main(void) { return }');
      expect(broken).toBe('.c does not compile: exit code 1');
      expect(why.join('\n')).toContain('error: expected expression');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('a build step reads its source, writes its output, and nothing else', async () => {
    const lines = await linesOf('build_step');
    expect(lines).toEqual([
      'source: Makefile hello.c',
      "refused: touch: cannot touch '/source/written': Read-only file system",
      'cc -o /output/hello hello.c',
      'output: hello',
      'on the host: source has Makefile hello.c, output has hello',
    ]);
  });

  it('a program without namespaces does what its ruleset allows, and nothing else', async () => {
    expect(await linesOf('landlock')).toEqual([
      'ok     write in its directory',
      'ok     read it again',
      'EACCES write beside it',
      'EACCES list /',
      'EPERM  signal the process that started it',
      'ok     connect to the port that is open to it',
      'EACCES connect to another port',
    ]);
    const folder = mkdtempSync(join(tmpdir(), 'restricted-'));
    try {
      const script = 'echo text > file; echo text 2> /dev/null > ../file || cat file';
      expect(await linesOf('landlock', [folder, 'sh', '-c', script])).toEqual(['text']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('an agent reaches the hosts that its policy names, and those that somebody says yes to', async () => {
    const lines = await linesOf('egress');
    const after = (line: string): string[] => {
      const from = lines.indexOf(line) + 1;
      const length = lines.slice(from).findIndex((each) => !each.startsWith('  '));
      return lines.slice(from, from + length);
    };
    const refused = 'The egress policy does not allow';
    expect(after('the agent gets http://registry.example.com/').at(-1)).toBe('  200 this is registry.example.com');
    expect(after('the agent gets http://docs.example.com/')).toEqual([
      expect.stringMatching(/^ {2}ask: may \S*node connect to docs\.example\.com:80\? yes$/),
      '  allow docs.example.com:80: The egress policy allows docs.example.com:80: the answer was yes.',
      '  200 this is docs.example.com',
    ]);
    expect(after('the agent gets http://gist.example.com/').at(-1)).toBe(
      `  403 ${refused} gist.example.com:80: the rule 'gist.example.com' denies it.`,
    );
    expect(after('the agent gets http://evil.example.org/').at(-1)).toBe(
      `  403 ${refused} evil.example.org:80: the answer was no.`,
    );
    const denied = lines.slice(lines.indexOf('registry.example.com is denied from now on'));
    expect(denied).toContain(`  403 ${refused} registry.example.com:80: the rule 'registry.example.com' denies it.`);
    expect(lines.at(-1)).toBe('a server of the agent, by a port of this system: hello from the agent');
  });

  it('a container has an init of its own and six kinds of namespace, as lsns shows from the host', async () => {
    const output = (await linesOf('container')).join('\n');
    expect(output).toMatch(/root@container # ps -e \| grep .*\n\s+PID.*\n\s+1 \?\s+\S+ nsinit\n/);
    const init = /lsns -p (\d+) -o [^\n]*\n[^]*lsns -p (\d+) -o/.exec(output)![2]!;
    // The host sees both: its processes, and the container's in a pid namespace of their own.
    expect(output).toMatch(new RegExp(`root@host # ps -e .*\\n[^]*^ *${init} \\?.*nsinit$`, 'm'));
    expect(output).toMatch(new RegExp(`^\\[\\d+\\]\\nnsinit\\(${init}\\)\\nsleep\\(\\d+\\)$`, 'm'));
    expect(output).toMatch(/root@container # ps -eo pidns,pid,ppid,comm\n.*\n(.*\n)*.* sleep\n/);
    for (const kind of ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'])
      expect(output).toMatch(new RegExp(`^\\d+ ${kind}\\s+/proc/${init}/ns/${kind}\\s+${init} nsinit`, 'm'));
    const ofContainer = output.slice(output.lastIndexOf('host # lsns'));
    // A namespace of the host's is listed with the lowest pid in it, which is nsinit's when the numbers have begun again.
    const shared = readdirSync('/proc/self/ns').map((name) => statSync(`/proc/self/ns/${name}`).ino);
    const own = [...ofContainer.matchAll(/^(\d+) (\w+)\s+\/proc\/\d+\/ns\/\w+\s+\d+ nsinit/gm)]
      .filter(([, id]) => !shared.includes(Number(id)))
      .map(([, , kind]) => kind);
    const kinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'];
    expect(own.sort()).toEqual(process.geteuid?.() === 0 ? kinds : [...kinds, 'user'].sort());
  });
});
