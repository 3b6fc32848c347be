import { execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NamespaceSet, type SpawnOptions, execFile, spawn, unshare } from '../../lib';
import { eventually, isAlive } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { nodeArguments } from '../fixtures/scenario';

const directory = mkdtempSync(join(tmpdir(), 'linux-ns-attacks-'));
const attacker = join(directory, 'attacker');
const secret = join(directory, 'secret');

beforeAll(() => {
  chmodSync(directory, 0o755);
  writeFileSync(secret, 'the secret');
  execFileSync('cc', ['-O1', '-o', attacker, join(__dirname, '..', 'fixtures', 'attacker.c')]);
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('a root inside, with every capability there, gets nowhere with nsinit while it joins:', () => {
  const launches: [what: string, tries: 'all' | 'descriptors', options: SpawnOptions][] = [
    ['memory, root, directory, descriptors, image', 'all', {}],
    // In between it has to be dumpable, to have its maps written: it holds nothing of Node's then.
    ["Node's descriptors, with a new user namespace below", 'descriptors', { unshare: ['user', 'uts'] }],
    ["Node's descriptors, with a new pid namespace below", 'descriptors', { unshare: ['user', 'pid'] }],
  ];

  needs({ tool: ['cc', 'bash'] }).test.each(launches)('%s', async (_, tries, options) => {
    const node = nodeSpawn('bash', [
      '-c',
      `exec 60<'${secret}'; exec "$@"`,
      'sh',
      process.execPath,
      ...nodeArguments(join(__dirname, 'scenarios', 'attacks.ts'), 'joinUnderAttack', [
        attacker,
        secret,
        tries,
        options,
        120,
      ]),
    ]);
    let output = '';
    node.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    node.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(node, 'close');
    expect(output).toBe('result: ["begun"]\n');
  });
});

describe('the image that nsinit runs from', () => {
  test('cannot be rewritten by a root inside, through /proc/PID/exe of an init', async () => {
    const set = await heldSet();
    const overwrite =
      'for n in 1 2 3; do { echo rubbish > /proc/1/exe; } 2>/dev/null && echo overwritten; done; echo tried';
    expect((await set.exec(overwrite)).stdout).toBe('tried\n');
    await set.close();
    expect((await execFile('echo', ['still'], { unshare: ['user', 'pid'] })).stdout).toBe('still\n');
  });
});

describe('a program gets from Node', () => {
  const targets: [what: string, options: SpawnOptions][] = [
    ['as it is', {}],
    ['in new namespaces', { unshare: ['user', 'mnt', 'uts'] }],
    ['with an init', { unshare: ['user', 'pid'] }],
  ];

  test.each(targets)('no descriptor but its own, of however many: %s', async (_, options) => {
    const many = Array.from({ length: 300 }, () => openSync('/dev/null', 'r'));
    const stdio = ['ignore', 'pipe', 'ignore', 'pipe'] as const;
    const child = await spawn('sh', ['-c', 'ls -l /proc/self/fd | sed -n "s/.* \\([0-9]*\\) ->.*/\\1/p"'], {
      ...options,
      stdio,
    });
    let output = '';
    child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(child, 'close');
    many.forEach((fd) => closeSync(fd));
    // The last is the directory that ls lists.
    expect(output.trim().split('\n')).toEqual(['0', '1', '2', '3', '4']);
  });

  test.each(targets)('no descriptor that is not close-on-exec: %s', async (_, options) => {
    const args = nodeArguments(join(__dirname, 'scenarios', 'attacks.ts'), 'descriptorsInside', [options]);
    const output = execFileSync('bash', [
      '-c',
      `exec 60<'${secret}' 61<'${secret}'; exec "$@"`,
      'sh',
      process.execPath,
      ...args,
    ]);
    expect(output.toString()).toBe('result: ["0","1","2","3"]\n');
  });

  test.each(targets)('no signal blocked, ignored or caught: %s', async (_, options) => {
    const { stdout } = await execFile('cat', ['/proc/self/status'], options);
    expect(stdout.match(/(?<=^Sig(Blk|Ign|Cgt):\s+)[0-9a-f]{16}/gm)).toEqual(Array(3).fill('0'.repeat(16)));
  });

  test.each(targets)('the environment that was given and nothing else: %s', async (_, options) => {
    const { stdout } = await execFile('/usr/bin/env', [], { ...options, env: { ONLY: 'this' } });
    expect(stdout).toBe('ONLY=this\n');
  });

  test.each(targets)('no inheritable or ambient capability: %s', async (_, options) => {
    const { stdout } = await execFile('grep', ['-E', '^Cap(Inh|Amb)', '/proc/self/status'], options);
    expect(stdout.match(/[0-9a-f]{16}/g)).toEqual(Array(2).fill('0'.repeat(16)));
  });

  test('no capability at all as someone else than root inside', async () => {
    const { stdout } = await execFile('grep', ['-E', '^Cap(Prm|Eff)', '/proc/self/status'], {
      unshare: { user: { uidMap: 'current', gidMap: 'current' }, ...{ uts: true } },
      ...(process.getuid!() === 0 ? { unshare: { user: { uidMap: [], gidMap: [] } } } : {}),
    });
    expect(stdout.match(/[0-9a-f]{16}/g)).toEqual(Array(2).fill('0'.repeat(16)));
  });
});

describe('groups', () => {
  needs({ unprivileged: true }).test(
    'cannot be changed in a user namespace whose gid map an ordinary user has written',
    async () => {
      const { stdout } = await execFile('cat', ['/proc/self/setgroups'], { unshare: ['user'] });
      expect(stdout).toBe('deny\n');
    },
  );
});

describe('an init', () => {
  needs({ root: true }).test('holds its control socket and nothing else', async () => {
    const set = await heldSet();
    const child = await spawn('sleep', ['600'], {
      unshare: ['user', 'pid'],
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    const parent = parentOf(child.pid);
    for (const init of [set.init!, parent]) {
      expect(readFileSync(`/proc/${init}/comm`, 'utf8')).toBe('nsinit\n');
      // It drops what the program was given once that runs.
      await eventually(() => readdirSync(`/proc/${init}/fd`).length === 1);
    }
    await Promise.all([child.close(), set.close()]);
  });

  test('that a root inside has stopped does not keep close() from ending it', async () => {
    const set = await heldSet();
    const { init } = set;
    process.kill(init!, 'SIGSTOP');
    await set.close();
    expect(isAlive(init!)).toBe(false);
  });

  needs({ tool: ['cc'] }).test('that is traced from inside does not keep close() from ending it', async () => {
    const source = join(directory, 'tracer.c');
    writeFileSync(source, TRACER);
    const tracer = join(directory, 'tracer');
    execFileSync('cc', ['-o', tracer, source]);
    const set = await heldSet();
    const { init } = set;
    const child = await set.spawn(tracer, [], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [word] = (await once(child.stdout!, 'data')) as [Buffer];
    expect(word.toString()).toMatch(/traced|refused/);
    await set.close();
    await child.exited;
    await eventually(() => !isAlive(init!));
  });
});

const TRACER = `
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  int traced = ptrace(PTRACE_ATTACH, 1, 0, 0) == 0;
  if (traced) waitpid(1, NULL, __WALL);
  puts(traced ? "traced" : "refused");
  fflush(stdout);
  for (;;) pause();
}`;

/** With a /proc of its own. */
async function heldSet(): Promise<NamespaceSet> {
  const set = await unshare(['user', 'pid', 'mnt']);
  await set.mount({ source: 'proc', target: '/proc', type: 'proc' });
  return set;
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}
