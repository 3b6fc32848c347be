/** The host as its user sees it. The home directory is one that a test has made. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HIDDEN_BY_DEFAULT, type HostViewOptions, Sandbox, hostView } from '../../../lib';
import { inSandbox, said } from '../box';

let home: string;
const before = { HOME: process.env.HOME, cwd: process.cwd() };

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'ns-home-')));
  process.env.HOME = home;
  make('project/main.c', 'int main;');
  make('project/.env', 'PASSWORD=1');
  make('project/a/b/.env', 'PASSWORD=2');
  make('.ssh/id_ed25519', 'PRIVATE');
  make('.config/gh/hosts.yml', 'oauth_token: 1');
  make('.config/tool/settings', 'colour');
  make('.netrc', 'password 1');
  process.chdir(join(home, 'project'));
});

afterEach(() => {
  process.chdir(before.cwd);
  process.env.HOME = before.HOME;
  rmSync(home, { recursive: true, force: true });
});

function make(path: string, contents = ''): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), contents);
}

/** The test's home directory lies in /tmp, which a view does not have by itself. */
async function saidIn(options: HostViewOptions, command: string): Promise<string> {
  const readOnly = [tmpdir(), ...[options.readOnly ?? []].flat()];
  return inSandbox(hostView({ ...options, readOnly }), (box) => said(box, command));
}

test("the host is there, read-only, with this process's own directory", async () => {
  expect(await saidIn({}, 'cat main.c; echo; echo x > main.c')).toMatch(/^int main;\n.*Read-only file system$/);
  expect(await saidIn({}, 'touch /usr/x /etc/x /var/x 2>&1 | grep -c Read-only')).toBe('3');
  expect(await saidIn({}, 'pwd; echo $HOME')).toBe(`${home}/project\n${home}`);
});

test('a working directory that has been removed is no error', () => {
  const removed = mkdtempSync(join(tmpdir(), 'ns-removed-'));
  process.chdir(removed);
  rmSync(removed, { recursive: true });
  expect(hostView()).toMatchObject({ cwd: '/', env: { HOME: home } });
});

test('/tmp, /var/tmp, /run and /dev/shm are its own', async () => {
  const mark = mkdtempSync('/var/tmp/ns-mark-');
  try {
    const script = `ls /run /var/tmp; touch /tmp/x /var/tmp/x /run/x /dev/shm/x && ls /var/run/x; ls ${mark}`;
    expect(await inSandbox(hostView(), (box) => said(box, script))).toMatch(
      /^\/run:\n\n\/var\/tmp:\n\/var\/run\/x\nls: cannot access/,
    );
  } finally {
    rmSync(mark, { recursive: true });
  }
});

test('of /sys there is what tells the number of processors', async () => {
  expect(await saidIn({}, 'ls /sys; cat /sys/devices/system/cpu/online')).toBe(
    `devices\nkernel\n${readFileSync('/sys/devices/system/cpu/online', 'utf8').trim()}`,
  );
});

test('keys and tokens are hidden by default, and what is beside them is not', async () => {
  expect(await saidIn({}, 'cd ~; ls -A .ssh .config/gh; cat .netrc; ls .config; cat .config/tool/settings')).toBe(
    '.config/gh:\n\n.ssh:\ngh\ntool\ncolour',
  );
});

test('all paths of the default list are hidden, files and directories', async () => {
  const own = HIDDEN_BY_DEFAULT.flatMap((path) => (path.startsWith('~/') ? [path.slice(2)] : []));
  for (const path of own) {
    rmSync(join(home, path), { recursive: true, force: true });
    make(path, path.includes('.config') ? '' : 'SECRET');
    if (!path.includes('.config')) continue;
    rmSync(join(home, path));
    make(`${path}/file`, 'SECRET');
  }
  expect(await saidIn({}, 'cd ~; grep -rl SECRET .')).toBe('');
  expect(await saidIn({ defaults: false }, 'cd ~; grep -rl SECRET . | wc -l')).toBe(String(own.length));
});

test('what is hidden is hidden in addition to the defaults, and only `defaults: false` shows those', async () => {
  const script = 'cat ~/.netrc ~/.config/tool/settings';
  expect(await saidIn({ hide: ['~/.config/tool'] }, script)).toMatch(/No such file/);
  expect(await saidIn({ hide: [] }, script)).toBe('colour');
  expect(await saidIn({ defaults: false }, script)).toBe('password 1colour');
});

test('a path of `readOnly` or `write` is an exception in what is hidden', async () => {
  const script = 'cd ~/.config; ls; cat gh/hosts.yml; echo x > gh/hosts.yml; touch x';
  expect(await saidIn({ readOnly: ['~/.config/gh'] }, script)).toMatch(
    /^gh\ntool\noauth_token: 1.*Read-only file system\n.*Read-only file system$/s,
  );
  expect(await saidIn({ hide: ['~'], write: ['~/.config/gh'] }, `${script}; ls -A ~ .`)).toMatch(
    /^gh\noauth_token: 1.*'x': Read-only file system\n\.:\ngh\n.*:\n\.config$/s,
  );
  expect(readFileSync(join(home, '.config/gh/hosts.yml'), 'utf8')).toBe('x\n');
});

test('of several rules, the one for the longest path counts, and for one path the strictest', async () => {
  make('project/out/deep/x', 'x');
  const options = { write: ['.', 'out/deep'], readOnly: ['out', 'a'], hide: ['a'] };
  expect(await saidIn(options, 'touch made; touch out/made; touch out/deep/made; ls a')).toMatch(
    /^touch: .*out\/made.*Read-only file system$/,
  );
  expect(existsSync(join(home, 'project/made'))).toBe(true);
  expect(existsSync(join(home, 'project/out/deep/made'))).toBe(true);
});

test('patterns hide what matches, in this directory and in those of `write`', async () => {
  make('other/x/.env', 'PASSWORD=3');
  const script = 'cat .env a/b/.env ~/other/x/.env main.c';
  expect(await saidIn({ write: ['.', '~/other'], hide: ['**/.env'] }, script)).toBe('int main;');
  expect(await saidIn({ hide: ['.e*'] }, script)).toBe('PASSWORD=2PASSWORD=3int main;');
  expect(await saidIn({ hide: ['~/*/x/.env', 'a/**'] }, 'cat .env ~/other/x/.env; ls -A a')).toBe('PASSWORD=1b');
});

test('patterns may show, and make writable', async () => {
  make('project/packages/a/x');
  make('project/packages/b/x');
  const options = { write: ['packages/*'], readOnly: ['packages/b*'] };
  expect(await saidIn(options, 'touch packages/a/y packages/b/y packages/y 2>&1 | wc -l')).toBe('2');
  expect(existsSync(join(home, 'project/packages/a/y'))).toBe(true);
});

test('a backslash, or a URL, says that a text is no pattern', async () => {
  make('project/[id].ts', 'secret');
  make('project/*.txt', 'secret');
  make('project/i.ts', 'shown');
  const hide = ['\\[id].ts', pathToFileURL(join(home, 'project/*.txt'))];
  expect(await saidIn({ hide }, 'cat *')).toMatch(/shown.*int main;|int main;.*shown/);
  expect(await saidIn({ hide }, 'cat *')).not.toContain('secret');
});

test('links are followed: what a link leads to is hidden, or writable', async () => {
  make('keys/id', 'PRIVATE');
  symlinkSync('keys', join(home, '.gnupg'));
  symlinkSync('../.netrc', join(home, 'project/notes'));
  symlinkSync('other', join(home, 'link'));
  mkdirSync(join(home, 'other'));
  expect(await saidIn({ write: ['~/link'] }, 'pwd; touch made; cat ~/keys/id ~/.gnupg/id ~/project/notes; ls')).toMatch(
    new RegExp(`^${home}/other\ncat: .*\ncat: .*\nmade$`),
  );
});

test('a home directory that is a link, and one below the project', async () => {
  symlinkSync(home, `${home}-link`);
  process.env.HOME = `${home}-link`;
  try {
    expect(await saidIn({ write: [home] }, 'cat ~/.ssh/id_ed25519; cat ~/.netrc; touch ~/made; ls -A ~/.ssh')).toMatch(
      /^cat: .*No such file or directory$/,
    );
    expect(existsSync(join(home, 'made'))).toBe(true);
  } finally {
    rmSync(`${home}-link`);
  }
});

test('directories, files and sockets are hidden, and what does not exist is no error', async () => {
  const server = createServer().listen(join(home, 'project/socket'));
  await new Promise((done) => server.once('listening', done));
  try {
    const script = `ls -A a; cat main.c; python3 -c "import socket; socket.socket(socket.AF_UNIX).connect('socket')" 2>&1 | tail -1`;
    expect(await saidIn({ hide: ['a', 'main.c', 'socket', 'none'] }, script)).toMatch(
      /^(ConnectionRefusedError|OSError|PermissionError): .*$/,
    );
  } finally {
    server.close();
  }
});

test('a `write` path that does not exist is an error that names it', async () => {
  await expect(Sandbox.create(hostView({ write: ['none'] }))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('the environment has what has no secret, and what is asked for', async () => {
  const set = {
    GITHUB_TOKEN: 'x',
    AWS_SECRET_ACCESS_KEY: 'x',
    SSH_AUTH_SOCK: '/x',
    DBUS_SESSION_BUS_ADDRESS: 'x',
    LC_ALL: 'C',
    MY_A: '1',
    MY_B: '2',
  };
  const saved = { ...process.env };
  Object.assign(process.env, set);
  try {
    expect(Object.keys(hostView().env)).toEqual(expect.arrayContaining(['PATH', 'HOME', 'LC_ALL']));
    expect(Object.keys(hostView().env).filter((name) => name in set)).toEqual(['LC_ALL']);
    expect(hostView({ env: ['MY_*', 'GITHUB_TOKEN'] }).env).toMatchObject({ MY_A: '1', MY_B: '2', GITHUB_TOKEN: 'x' });
  } finally {
    process.env = saved;
  }
});

test.each<[HostViewOptions, string]>([
  [{ write: '/' }, 'options.write'],
  [{ hide: ['/'] }, 'options.hide'],
  [{ hide: [1 as unknown as string] }, 'options.hide[0]'],
  [{ writable: '.' } as HostViewOptions, "no property 'writable'"],
])('%p is refused', (options, names) => {
  expect(() => hostView(options)).toThrow(names);
});

test('it is spread into another spec, and entries come after its own', async () => {
  const view = hostView();
  const data = 'mine';
  const box = { ...view, hostname: 'box', mounts: [...view.mounts, { type: 'file', target: '/tmp/f', data } as const] };
  expect(await inSandbox(box, (sandbox) => said(sandbox, 'cat /tmp/f; hostname'))).toBe('minebox');
});

test('an overlay of the home directory hides the same', async () => {
  const view = hostView({ write: [] });
  const box = { ...view, cwd: home, project: { path: home, mode: 'overlay' } as const };
  expect(await inSandbox(box, (sandbox) => said(sandbox, 'ls -A .ssh; cat .netrc; cat project/main.c'))).toBe(
    'int main;',
  );
});

test('a directory that this process may not enter is no error', async () => {
  mkdirSync(join(home, 'closed/inside'), { recursive: true });
  chmodSync(join(home, 'closed'), 0);
  try {
    expect(await saidIn({ hide: ['~/closed/inside', '~/closed/**/x'] }, 'echo ready')).toBe('ready');
  } finally {
    chmodSync(join(home, 'closed'), 0o700);
  }
});
