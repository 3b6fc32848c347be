/**
 * Programs in a view that want what is hidden, and want to write where they may not: as the caller's user, and as root
 * with every capability of the sandbox.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Sandbox, type SandboxSpec, hostView } from '../../lib';
import { CAPABILITIES } from '../../lib/kernel/capabilities';
import { inSandbox, said } from '../sandbox/box';

const SECRET = 'a-secret-that-nobody-may-read';
let home: string;
let server: Server;
const before = process.env.HOME;

beforeEach(async () => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'ns-victim-')));
  process.env.HOME = home;
  for (const path of [
    '.ssh/id_ed25519',
    '.netrc',
    '.aws/credentials',
    'project/.env',
    'project/deep/in/.env',
    'notes/a',
  ]) {
    make(path, SECRET);
  }
  make('project/.git/hooks/sample', '');
  make('project/.git/config', '[core]\n');
  make('other/file', 'kept');
  server = createServer((socket) => socket.end(SECRET)).listen(join(home, 'notes/agent.sock'));
  await new Promise((done) => server.once('listening', done));
});

afterEach(async () => {
  await new Promise((done) => server.close(done));
  process.env.HOME = before;
  rmSync(home, { recursive: true, force: true });
});

function make(path: string, contents: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), contents);
}

function view(): SandboxSpec {
  const project = join(home, 'project');
  return hostView({ write: [project], hide: ['**/.env', '~/notes'], readOnly: [tmpdir()] });
}

/** The caller's user; root of the sandbox with all capabilities, which may mount; one that makes user namespaces. */
const ATTACKERS: Record<string, SandboxSpec> = {
  'an ordinary program': {},
  'root inside with all capabilities': {
    user: { uid: 0, gid: 0 },
    capabilities: [...CAPABILITIES],
    seccomp: 'none',
  },
  'a program that makes namespaces': { userNamespaces: true },
};

/** Everything that a shell can do to come to a file under its hidden path. */
const READS = `
  cd ~
  see() { cat "$@" 2>/dev/null; }
  for root in '' /proc/self/root /proc/1/root /proc/$$/root /proc/self/cwd/.. /proc/1/cwd .. /../../.. /proc/thread-self/root; do
    for path in .ssh/id_ed25519 .netrc .aws/credentials project/.env project/deep/in/.env notes/a; do
      see "$root$HOME/$path" "$root/$path"
    done
  done
  ln -s ~/.ssh project/keys; ln -s ~/.netrc project/netrc; see project/keys/id_ed25519 project/netrc
  ln ~/.netrc project/hard; ln project/.env project/hard2; see project/hard project/hard2
  cp -al project/deep project/copy; cp -a project/deep project/copy2; see project/copy*/in/.env
  mv project/.env project/moved; mv project/deep project/elsewhere; mv project/elsewhere/in project/in
  see project/moved project/deep/in/.env project/elsewhere/in/.env project/in/.env
  rm -f project/.env project/in/.env; see project/.env
  umount ~/.ssh ~/.netrc ~/.aws ~/notes project/.env project/in/.env; umount -l ~/.ssh ~/.netrc; umount -l /; see ~/.ssh/* ~/.netrc
  mkdir /tmp/m /tmp/n; mount --bind ~ /tmp/m; mount --rbind / /tmp/n; mount --move ~/.ssh /tmp/m
  see /tmp/m/.ssh/* /tmp/m/.netrc /tmp/n$HOME/.ssh/* /tmp/n$HOME/.netrc /tmp/m/notes/a
  mount -o remount,rw ~/.ssh; mount -t tmpfs none ~/.ssh
  unshare -rm sh -c 'umount -l ~/.ssh; umount ~/.netrc; mount --bind ~ /tmp/m; cat /tmp/m/.ssh/* /tmp/m/.netrc ~/.ssh/* ~/.netrc'
  unshare -rmpf sh -c 'mount --rbind / /tmp/n; cat /tmp/n$HOME/.ssh/* /tmp/n$HOME/.netrc; pivot_root . .'
  for fd in /proc/[0-9]*/fd/*; do timeout 1 cat "$fd/$HOME/.ssh/id_ed25519"; done
  grep -rs ${SECRET} ~; true`;

/** The calls that a shell has no command for: open_by_handle_at(2), and connecting to a socket. */
const HANDLES = `
use strict; use Socket;
my ($name_to_handle, $open_by_handle) = (303, 304);
if (\`uname -m\` =~ /aarch64/) { ($name_to_handle, $open_by_handle) = (264, 265) }
for my $path ("$ENV{HOME}/.ssh/id_ed25519", "$ENV{HOME}/.netrc", $ENV{HOME}) {
  my $handle = pack('II', 128, 0) . "\\0" x 128; my $mount = pack('i', 0);
  syscall($name_to_handle, -100, $path, $handle, $mount, 0) == 0 or next;
  opendir(my $at, $ENV{HOME}); my $fd = syscall($open_by_handle, fileno($at) // 3, $handle, 0);
  if ($fd >= 0) { open(my $file, '<&=', $fd); print <$file> }
}
for my $inode (1 .. 2000) { # ext4: handles by number, of all inodes near the home directory's
  my $of = (stat $ENV{HOME})[1] + $inode; my $handle = pack('IIII', 8, 1, $of, 0) . "\\0" x 128;
  opendir(my $at, $ENV{HOME}); my $fd = syscall($open_by_handle, fileno($at) // 3, $handle, 0); next if $fd < 0;
  open(my $file, '<&=', $fd); print <$file>;
}
socket(my $s, PF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un("$ENV{HOME}/notes/agent.sock")) and print <$s>;
`;

/** CAP_SYS_ADMIN is refused together with paths that are protected. */
function attacked(attacker: SandboxSpec): SandboxSpec {
  const { mounts = [], ...rest } = view();
  const isAdmin = attacker.capabilities?.includes('CAP_SYS_ADMIN') === true;
  return { ...rest, mounts: mounts.filter(({ type }) => !isAdmin || type !== 'protect'), ...attacker };
}

describe.each(Object.entries(ATTACKERS))('%s', (_, attacker) => {
  test('reads nothing of what is hidden', async () => {
    await inSandbox(attacked(attacker), async (box) => {
      expect(await said(box, READS)).not.toContain(SECRET);
      const { stdout, stderr } = await box.run('perl', ['-e', HANDLES]);
      expect(stdout + stderr).not.toContain(SECRET);
    });
  });

  test('writes nothing outside of `write`', async () => {
    const script = `
      cd ~; w() { for at in "$@"; do echo x >"$at/evil"; mkdir "$at/evil.d"; done; }
      w ~ ~/other /etc /usr /var /usr/local/bin /proc/1/root$HOME /proc/self/root$HOME .. /root /home
      echo x >other/file; mv other gone; rm -rf other; ln -sfn ../other project/out; w project/out; chmod 777 other other/file; touch -d 2001-01-01 other/file
      mount -o remount,rw,bind ~; mount -o remount,rw ~; w ~ ~/other
      mkdir /tmp/m; mount --bind ~/other /tmp/m; mount -o remount,rw,bind /tmp/m; w /tmp/m
      unshare -rm sh -c 'mount -o remount,rw,bind ~; echo x >~/evil; mkdir -p /tmp/o /tmp/u /tmp/w; mount -t overlay o -o lowerdir=/tmp/u,upperdir=$HOME/other,workdir=/tmp/w /tmp/o && echo x >/tmp/o/evil'
      setfattr -n user.x -v y other/file; chown 1234 other/file; truncate -s 0 other/file`;
    await inSandbox(attacked(attacker), (box) => said(box, script));
    expect(readFileSync(join(home, 'other/file'), 'utf8')).toBe('kept');
    expect(readdirSync(join(home, 'other'))).toEqual(['file']);
    expect(readdirSync(home).sort()).toEqual(['.aws', '.netrc', '.ssh', 'notes', 'other', 'project']);
    for (const path of ['/etc', '/usr', '/var', '/usr/local/bin']) expect(existsSync(join(path, 'evil'))).toBe(false);
  });

  test('makes git of the host run nothing', async () => {
    const { capabilities, ...others } = attacker;
    const script = `
      cd ~/project; echo x >.git/hooks/pre-commit; echo x >>.git/config; mv .git g; rm -rf .git; mkdir -p .git/hooks; cp -a g/. .git
      mv .git/hooks .git/h; ln -s /tmp .git/hooks; umount .git/hooks .git/config .git; mount -t tmpfs x .git/hooks
      mkdir .claude .vscode; echo x >.claude/settings.json; echo x >.vscode/tasks.json; mv .claude c; rmdir .vscode
      unshare -rm sh -c 'umount -l .git/config; echo x >>.git/config; umount -l .git/hooks; touch .git/hooks/post-checkout'`;
    await inSandbox(
      attacked({
        ...others,
        ...(capabilities && { capabilities: capabilities.filter((each) => each !== 'CAP_SYS_ADMIN') }),
      }),
      (box) => said(box, script),
    );
    const git = join(home, 'project/.git');
    expect(readFileSync(join(git, 'config'), 'utf8')).toBe('[core]\n');
    expect(readdirSync(join(git, 'hooks'))).toEqual(['sample']);
    expect(readdirSync(join(home, 'project')).sort()).toEqual(['.env', '.git', 'deep']);
  });
});

test('the same attacks find what is not hidden', async () => {
  const write = [join(home, 'project')];
  await inSandbox(hostView({ write, readOnly: [tmpdir()], defaults: false }), async (box) => {
    expect(await said(box, READS)).toContain(SECRET);
    expect((await box.run('perl', ['-e', HANDLES])).stdout).toContain(SECRET);
  });
});

test('a link that a program has planted does not make another place writable in the next view', async () => {
  await inSandbox(view(), (box) => said(box, 'ln -s ../other ~/project/out; ln -s ~/.ssh ~/project/.claude'));
  symlinkSync('/etc', join(home, 'project/etc'));
  await inSandbox(view(), (box) =>
    said(box, 'cd ~/project; echo x >out/file; echo x >out/evil; echo x >.claude/evil; echo x > etc/evil'),
  );
  expect(readFileSync(join(home, 'other/file'), 'utf8')).toBe('kept');
  expect(readdirSync(join(home, '.ssh'))).toEqual(['id_ed25519']);
});

test('two views of one project at a time: neither shows what the other hides', async () => {
  const [one, other] = await Promise.all([Sandbox.create(view()), Sandbox.create(view())]);
  try {
    const script = 'cd ~/project; for i in $(seq 200); do mv deep d$i; mv d$i deep; done';
    const [, seen] = await Promise.all([
      said(one, script),
      said(other, `cd ~/project; for i in $(seq 200); do cat deep/in/.env d*/in/.env .env; done`),
    ]);
    expect(seen).not.toContain(SECRET);
  } finally {
    await Promise.all([one.close(), other.close()]);
  }
});

test('a rename while a view is made shows nothing: it is made as it should be, or not at all', async () => {
  const mover = await Sandbox.create(view());
  try {
    const moving = mover.run('sh', ['-c', 'cd ~/project; while :; do mv deep d; mv d deep; done'], {
      limits: { wall: 4000 },
    });
    for (let count = 0; count < 20; count++) {
      const made = await Sandbox.create(
        hostView({ write: [join(home, 'project')], hide: [join(home, 'project/deep/in/.env')], readOnly: [tmpdir()] }),
      ).catch(() => undefined);
      if (made === undefined) continue;
      const hidden = await said(made, 'mount | grep -c deep/in/.env');
      if (hidden !== '0') expect(await said(made, 'cd ~/project; cat deep/in/.env d/in/.env')).not.toContain(SECRET);
      await made.close();
    }
    await moving;
  } finally {
    await mover.close();
  }
});
