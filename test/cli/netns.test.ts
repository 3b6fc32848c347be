import { createInterface } from 'node:readline/promises';
import { setTimeout } from 'node:timers/promises';
import { netnsCommand } from '../../cli/commands/netns';
import { type NamespaceSet, unshare } from '../../lib';
import { needs } from '../fixtures/optional';
import { CommandLine, type Ended, refusalOf } from './command-line';

let cli: CommandLine;
/** With a /run of its own: names made here are nobody else's, and nobody needs to be root. */
let set: NamespaceSet;

beforeAll(() => (cli = new CommandLine()));
afterAll(() => cli.remove());

beforeEach(async () => {
  set = await unshare(['user', 'mnt', 'net']);
  await set.mount({ type: 'tmpfs', source: 'run', target: '/run' });
});

afterEach(() => set.close());

async function inSet(file: string, args: readonly string[]): Promise<Ended> {
  const child = await set.spawn(file, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, ...output };
}

function netns(...words: string[]): Promise<Ended> {
  return inSet(process.execPath, [cli.main, 'netns', ...words]);
}

async function printed(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await netns(...words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

describe('linux-ns netns', () => {
  test('adds, lists and deletes, with a word cut short, too', async () => {
    expect(await printed()).toBe('');
    await printed('add', 'blue');
    await printed('a', 'amber');
    expect(await printed('list')).toBe('amber\nblue\n');
    expect(await printed('--json')).toBe('[{"name":"amber"},{"name":"blue"}]\n');
    await printed('del', 'blue');
    for (const word of ['show', 'lst', 'ls', 's']) expect(await printed(word)).toBe('amber\n');
    expect(await printed('help')).toMatch(
      /^linux-ns netns list\nlinux-ns netns list-id \[[^]*\nlinux-ns netns help\n$/,
    );
  });

  test('prints what is added and deleted, until it is told to end', async () => {
    await set.exec('mkdir -p /run/netns && : >/run/netns/before');
    const monitor = await set.spawn(process.execPath, [cli.main, 'netns', 'monitor'], { stdio: ['ignore', 'pipe', 2] });
    const lines = createInterface(monitor.stdout!)[Symbol.asyncIterator]();
    // It has not begun yet, perhaps: names come and go until it tells of one.
    const first = lines.next();
    for (let seen = false; !seen;) {
      await set.exec('touch /run/netns/blue && sleep 0.05 && rm /run/netns/blue');
      seen = await Promise.race([first.then(() => true), setTimeout(50, false)]);
    }
    expect((await first).value).toMatch(/^(add|delete) blue$/);
    await printed('add', 'last');
    await printed('delete', 'last');
    const told: string[] = [];
    while (told.at(-1) !== 'delete last') told.push(String((await lines.next()).value));
    expect(told.filter((line) => !line.endsWith(' blue'))).toEqual(['add last', 'delete last']);
    monitor.kill('SIGTERM');
    expect(await monitor.exited).toEqual({ code: null, signal: 'SIGTERM' });
  });

  test('runs a program in one, as which it ends', async () => {
    await printed('add', 'blue');
    expect(
      await printed('exec', 'blue', 'sh', '-c', 'tail -n +3 /proc/net/dev | cut -d: -f1; ls /sys/class/net'),
    ).toMatch(/^\s*lo\nlo\n$/);
    expect((await netns('exec', 'blue', '--', 'sh', '-c', 'exit 7')).code).toBe(7);
    expect((await netns('exec', 'blue', 'sh', '-c', 'kill -KILL $$')).code).toBe(137);
    expect((await netns('exec', 'blue', '/etc/passwd')).code).toBe(126);
    expect((await netns('exec', 'blue', '/no/such')).code).toBe(127);
  });

  test('runs it in all, and takes all away', async () => {
    for (const name of ['amber', 'blue']) await printed('add', name);
    const all = await netns('--all', 'exec', 'sh', '-c', 'echo here; exit 3');
    expect(all).toMatchObject({ code: 3, stdout: '\nnetns: amber\nhere\n\nnetns: blue\nhere\n' });
    expect((await netns('-all', 'exec', 'true')).stdout).toBe('\nnetns: amber\n\nnetns: blue\n');
    await printed('-a', 'delete');
    expect(await printed()).toBe('');
  });

  test('tells names by process, and processes by name', async () => {
    await printed('add', 'blue');
    const opened = await set.execFile('stat', ['-L', '-c', '%i', '/run/netns/blue']);
    const script = `readlink /proc/self/ns/net; '${process.execPath}' '${cli.main}' netns identify; '${process.execPath}' '${cli.main}' netns pids blue | grep -c -w $$`;
    expect(await printed('exec', 'blue', 'sh', '-c', script)).toBe(`net:[${opened.stdout.trim()}]\nblue\n1\n`);
    expect(await printed('identify')).toBe('\n');
    expect(await printed('pids', 'blue')).toBe('');
  });

  test('gives a name to the network of a process', async () => {
    const child = await set.spawn('sleep', ['1000'], { unshare: ['net'] });
    await printed('attach', 'red', String(child.pid));
    expect(await printed('identify', String(child.pid))).toBe('red\n');
    expect(await printed('pids', 'red')).toBe(`${child.pid}\n`);
    child.kill('SIGKILL');
    await child.exited;
  });

  test('gives ids, and lists them', async () => {
    for (const name of ['amber', 'blue']) await printed('add', name);
    await printed('set', 'blue', '77');
    expect(await printed()).toBe('amber\nblue (id: 77)\n');
    await printed('set', 'amber', 'auto');
    expect(await printed('list', '-j')).toBe('[{"name":"amber","id":0},{"name":"blue","id":77}]\n');
    expect(await printed('list-id')).toBe('nsid 0 (iproute2 netns name: amber)\nnsid 77 (iproute2 netns name: blue)\n');
    expect(await printed('list-id', 'nsid', '77')).toBe('nsid 77 (iproute2 netns name: blue)\n');
    expect(await printed('list-id', '-j')).toBe('[{"nsid":0,"name":"amber"},{"nsid":77,"name":"blue"}]\n');
  });

  test('lists the ids that another namespace has given, with those of this one', async () => {
    for (const name of ['amber', 'blue', 'green']) await printed('add', name);
    await printed('set', 'amber', '5');
    await printed('set', 'blue', '6');
    for (const [name = '', id = ''] of [
      ['blue', '9'],
      ['green', '10'],
    ])
      await printed('exec', 'amber', process.execPath, cli.main, 'netns', 'set', name, id);
    expect(await printed('list-id', 'target-nsid', '5')).toBe(
      'nsid 9 current-nsid 6 (iproute2 netns name: blue)\nnsid 10 current-nsid unassigned (iproute2 netns name: green)\n',
    );
    expect(await printed('list-id', 'target-nsid', '5', 'nsid', '9', '--json')).toBe(
      '[{"nsid":9,"current-nsid":6,"name":"blue"}]\n',
    );
  });

  test("a sentence of the kernel's stays whole in the error", async () => {
    for (const name of ['amber', 'blue']) await printed('add', name);
    await printed('set', 'amber', '77');
    expect((await netns('set', 'blue', '77')).stderr).toMatch(
      /^linux-ns: netns: set nsid of net:\[\d+\]: file already exists \(the kernel: "The specified nsid is already used", NETNSA_NSID\) \(EEXIST\)\nhint: /,
    );
  });

  test('marks what is no network namespace, and runs nothing in it', async () => {
    await printed('add', 'blue');
    await set.exec('cd /run/netns && touch odd stale && mount --bind /proc/self/ns/uts odd');
    expect(await printed()).toBe('blue\nodd (no network namespace: uts)\nstale (no network namespace)\n');
    expect(await printed('-j')).toBe('[{"name":"blue"},{"name":"odd","kind":"uts"},{"name":"stale","kind":null}]\n');
    for (const words of [
      ['exec', 'odd', 'true'],
      ['pids', 'odd'],
      ['set', 'odd', '5'],
    ]) {
      const { code, stdout, stderr } = await netns(...words);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^linux-ns: netns: .*odd is uts:\[\d+\], and no network namespace/);
    }
    const sandboxed = await inSet(process.execPath, [cli.main, 'run', '-H', '-n', 'odd', 'true']);
    expect(sandboxed.code).toBe(1);
    expect(sandboxed.stderr).toContain('and no network namespace');
    expect(await netns('--all', 'exec', 'true')).toMatchObject({ code: 0, stdout: '\nnetns: blue\n' });
    for (const name of ['odd', 'stale']) await printed('delete', name);
    expect(await printed()).toBe('blue\n');
  });

  test('takes away what somebody who was killed has left, and nothing that only looks like it', async () => {
    await printed('add', 'blue');
    await set.exec('cd /run/netns && for name in left full; do install -m 1000 /dev/null $name; done && echo x >full');
    expect(await printed()).toBe('blue\nfull (no network namespace)\n');
    await set.exec('cd /run/netns && install -m 1000 /dev/null left');
    await printed('add', 'left');
    expect((await netns('add', 'full')).stderr).toContain('(EEXIST)');
    expect(await printed('exec', 'left', 'ls', '/sys/class/net')).toBe('lo\n');
  });

  test('a sandbox in a named network has the files of /etc/netns/NAME, by name and by path, as exec has them', async () => {
    await set.exec(
      'mkdir /run/upper /run/work && mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work none /etc',
    );
    await printed('add', 'blue');
    await set.exec(`
      mkdir -p /etc/netns/blue && cd /etc/netns/blue
      echo 'nameserver 10.11.12.13' >resolv.conf
      echo '10.11.12.14 elsewhere' >hosts
      echo 'hosts: files' >nsswitch.conf
      echo 'nothing that it stands for' >nosuch.conf`);
    const look = ['sh', '-c', 'cat /etc/resolv.conf /etc/hosts /etc/nsswitch.conf; ls /etc/nosuch.conf 2>&1 | wc -l'];
    const expected = 'nameserver 10.11.12.13\n10.11.12.14 elsewhere\nhosts: files\n1\n';
    expect(await printed('exec', 'blue', ...look)).toBe(expected);
    const run = (...words: string[]): Promise<Ended> => inSet(process.execPath, [cli.main, 'run', ...words]);
    for (const network of ['blue', '/run/netns/blue']) {
      expect(await run('-H', '-n', network, ...look)).toEqual({ code: 0, stdout: expected, stderr: '' });
      expect(await run('-r', '/', '-n', network, ...look)).toEqual({ code: 0, stdout: expected, stderr: '' });
      const written = await run('-H', '-n', network, 'sh', '-c', 'echo 10.0.0.1 mine >>/etc/hosts');
      expect(written.stderr).toMatch(/Read-only file system|Permission denied/);
    }
    const own = await run(
      '-H',
      '-n',
      'blue',
      '--ro-file',
      '/etc/netns/blue/nosuch.conf',
      '/etc/hosts',
      'cat',
      '/etc/hosts',
    );
    expect(own).toEqual({ code: 0, stdout: 'nothing that it stands for\n', stderr: '' });
    expect((await run('-H', '-n', 'host', 'cat', '/etc/resolv.conf')).stdout).not.toContain('10.11.12.13');
  });

  test('a sandbox in a namespace that has two names has the files of the one it was given by', async () => {
    await set.exec(
      'mkdir /run/upper /run/work && mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work none /etc',
    );
    await printed('add', 'amber');
    await set.exec(`
      cd /run/netns && touch blue && mount --bind amber blue
      for name in amber blue; do mkdir -p /etc/netns/$name; echo "10.0.0.1 $name" >/etc/netns/$name/hosts; done`);
    for (const name of ['amber', 'blue']) {
      const { stdout } = await inSet(process.execPath, [cli.main, 'run', '-H', '-n', name, 'cat', '/etc/hosts']);
      expect(stdout).toBe(`10.0.0.1 ${name}\n`);
    }
  });

  needs({ tool: ['ip'] }).test('prints what ip netns prints, of what either has made', async () => {
    await printed('add', 'ours');
    expect(await inSet('ip', ['netns', 'add', 'theirs'])).toMatchObject({ code: 0 });
    expect(await inSet('ip', ['netns', 'set', 'theirs', '5'])).toMatchObject({ code: 0 });
    const lines = async (output: Promise<Ended>): Promise<string[]> => (await output).stdout.split('\n').sort();
    for (const words of [
      ['list'],
      ['list-id'],
      ['list-id', 'nsid', '5'],
      ['identify'],
      ['pids', 'theirs'],
      ['exec', 'theirs', 'readlink', '/proc/self/ns/net'],
      ['exec', 'ours', 'ip', '-br', 'link'],
      ['exec', 'ours', 'ip', 'netns', 'identify'],
    ]) {
      expect(await lines(netns(...words))).toEqual(await lines(inSet('ip', ['netns', ...words])));
    }
    expect(await lines(netns('--json'))).toEqual(
      await lines(inSet('ip', ['-j', 'netns', 'list']).then((ended) => sortedJson(ended))),
    );
    await printed('delete', 'theirs');
    expect(await inSet('ip', ['netns', 'delete', 'ours'])).toMatchObject({ code: 0, stderr: '' });
    expect(await printed()).toBe('');
  });

  /** ip lists them as the directory has them. */
  function sortedJson(ended: Ended): Ended {
    const named = JSON.parse(ended.stdout) as { name: string }[];
    return { ...ended, stdout: `${JSON.stringify(named.sort((a, b) => (a.name < b.name ? -1 : 1)))}\n` };
  }

  test.each([
    [['paint'], "unknown subcommand 'paint': it must be one of list, list-id, add, "],
    [['add'], 'usage: linux-ns netns add NAME'],
    [['add', 'a', 'b'], 'usage: linux-ns netns add NAME'],
    [['add', 'a/b'], "must be the name of a file: not '.' or '..', and without a slash"],
    [['delete'], 'delete needs a name or --all'],
    [['--all', 'delete', 'blue'], 'delete takes either a name or --all'],
    [['list', '--all'], 'list does not accept --all'],
    [['add', '--json', 'x'], 'add does not accept --json'],
    [['exec', 'blue'], 'exec needs a program'],
    [['identify', 'x'], "PID must be a process id, not 'x'"],
    [['identify', '0'], "PID must be a process id, not '0'"],
    [['set', 'blue', 'x'], 'the id must be a number'],
    [['list-id', 'nsid', '99'], 'no network namespace has the id 99'],
    [['list-id', '99'], 'usage: linux-ns netns list-id [target-nsid NUMBER] [nsid NUMBER]'],
    [['list-id', 'target-nsid', '99'], 'no network namespace that can be seen has the id 99'],
    [['--nonsense'], "unknown option '--nonsense'"],
  ])('refuses %j in one line', async (words, message) => {
    const lines = await refusalOf(netnsCommand, words);
    expect(lines).toEqual([expect.stringContaining(message)]);
    expect(lines[0]).toMatch(/^linux-ns: netns: .*$/);
  });

  test.each([
    ['exec', 'nosuch', 'true'],
    ['pids', 'nosuch'],
    ['set', 'nosuch', '1'],
    ['attach', 'red', '2147483647'],
    ['identify', '2147483647'],
  ])('%s of what is not there says so', async (...words) => {
    const [line] = await refusalOf(netnsCommand, words);
    expect(line).toMatch(/^linux-ns: netns: .*\((ENOENT|ESRCH)\)$/);
  });

  test('delete of what is not there is status 1', async () => {
    const { code, stdout, stderr } = await netns('delete', 'nosuch');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^linux-ns: netns: .*\(ENOENT\)\nhint: /);
  });

  needs({ unprivileged: true }).test('tells an ordinary user what it takes', async () => {
    const { code, stderr } = await cli.run(['netns', 'add', 'blue']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^linux-ns: netns: .*\((EPERM|EACCES)\)\nhint: .*CAP_SYS_ADMIN/);
  });
});
