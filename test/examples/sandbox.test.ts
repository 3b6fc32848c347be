import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linesOf, runExample } from './example';

describe('the examples of what people build with a Sandbox', () => {
  it('a judge says of untrusted programs what became of them', async () => {
    const lines = await linesOf('judge');
    const verdicts = new Map(lines.map((line) => [line.slice(0, 18).trim(), line.slice(19).replace(/\s+/g, ' ')]));
    expect(verdicts.get('adds two numbers')).toBe('ok 42');
    expect(verdicts.get('never ends')).toMatch(/^time limit/);
    expect(verdicts.get('fills the memory')).toMatch(/^failed FATAL ERROR: .*heap/);
    expect(verdicts.get('talks too much')).toMatch(/^output limit/);
    expect(verdicts.get('reads secrets')).toMatch(/^failed Error: ENOENT/);
    expect(verdicts.get('calls home')).toMatch(/^failed Error: .*ENETUNREACH/);
    expect(verdicts.get('looks around')).toBe('ok user true undefined');
  });

  it('a build step reads its source, writes its output, and nothing else', async () => {
    const lines = await linesOf('build_step');
    expect(lines).toEqual([
      'source: hello.c',
      "refused: touch: cannot touch '/source/written': Read-only file system",
      'output: hello',
      'on the host: source has hello.c, output has hello',
    ]);
  });

  it("an agent's shell can change the project, keeps what runs between commands, and sees no home", async () => {
    const project = mkdtempSync(join(tmpdir(), 'agent-'));
    try {
      writeFileSync(join(project, 'README'), 'mine');
      const commands = [
        'cat README; echo changed > README',
        'sleep 600 >/dev/null 2>&1 & echo left',
        'pgrep -c sleep; ls /home',
        'exit 3',
      ];
      const { stdout, stderr, code } = await runExample('agent_shell', [project, ...commands]);
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      const [first, second, third, fourth] = commands;
      expect(stdout).toBe(`$ ${first!}\nmine$ ${second!}\nleft\n$ ${third!}\n1\nuser\n$ ${fourth!}\n[exit status 3]\n`);
      expect(readFileSync(join(project, 'README'), 'utf8')).toBe('changed\n');
    } finally {
      rmSync(project, { recursive: true });
    }
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
    const own = [...ofContainer.matchAll(/^\d+ (\w+)\s+\/proc\/\d+\/ns\/\w+\s+\d+ nsinit/gm)].map(([, kind]) => kind);
    const kinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'];
    expect(own.sort()).toEqual(process.geteuid?.() === 0 ? kinds : [...kinds, 'user'].sort());
  });
});
