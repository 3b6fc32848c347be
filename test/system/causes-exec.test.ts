import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sandbox, hostUserland, spawn, unshare } from '../../lib';
import { type Cause, expectCause, using } from '../fixtures/causes';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-exec-'));
  chmodSync(folder, 0o755);
  const file = (name: string, text: string, mode = 0o755): void => {
    writeFileSync(at(name), text);
    chmodSync(at(name), mode);
  };
  file('no-interpreter', '#!/no/such/shell -e\necho\n');
  file('windows', '#!/bin/sh\r\necho\r\n');
  file('no-permission', '#!/bin/sh\necho\n', 0o644);
  mkdirSync(at('folder'));
  copyFileSync('/bin/true', at('busy'));
  for (let level = 0; level < 7; level++) file(`nested-${level}`, `#!${at(`nested-${level + 1}`)}\n`);
  file('nested-7', '#!/bin/sh\n');
  symlinkSync('loop', at('loop'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The same whether it is started here, in new namespaces, or in those of a set. */
async function expectNotRun(path: string, cause: Cause): Promise<void> {
  const before = footprint();
  const expected = { syscall: 'execve', path, step: `exec ${path}`, ...cause };
  await expectCause(spawn(path), expected);
  await expectCause(spawn(path, { unshare: ['user', 'pid', 'mnt'] }), expected);
  await using(unshare(['user', 'mnt']), async (set) => {
    await expectCause(set.spawn(path), expected);
  });
  await expectNothingLeft(before);
}

describe('mounts that take the place of the userland they were to be added to', () => {
  const words = "begin them with '...hostUserland().mounts'";
  const mine = { type: 'tmpfs', target: '/mine' } as const;

  test('leave no working directory, and the hint says why', async () => {
    const cwd = '/usr';
    await expectCause(Sandbox.create({ ...hostUserland(), cwd, mounts: [mine] }), { code: 'ENOENT', hint: words });
    await using(Sandbox.create({ ...hostUserland(), cwd, mounts: [...hostUserland().mounts, mine] }), async (box) => {
      expect((await box.exec('pwd')).stdout).toBe('/usr\n');
    });
  });

  test('leave no program', async () => {
    await using(Sandbox.create({ ...hostUserland(), cwd: '/', mounts: [mine] }), async (box) => {
      await expectCause(box.spawn('sh'), { code: 'ENOENT', hint: words });
      await expectCause(box.spawn('/bin/sh'), { code: 'ENOENT', hint: words });
    });
  });

  test('and a program that is missing on the host has nothing to do with them', async () => {
    const error: unknown = await spawn('/no/such').catch((cause: unknown) => cause);
    expect((error as { hint: string }).hint).not.toContain('hostUserland');
  });
});

describe('a program is not run because', () => {
  const cases: [what: string, name: string, cause: Cause][] = [
    [
      'it is not there',
      'missing',
      { code: 'ENOENT', hint: "/missing' does not exist in the root the program runs in" },
    ],
    ['something on its way is no directory', 'no-permission/x', { code: 'ENOTDIR', hint: 'is no directory' }],
    [
      "its script's interpreter is not there",
      'no-interpreter',
      { code: 'ENOENT', hint: ["exists, but its interpreter '/no/such/shell' does not", "the script's first line"] },
    ],
    [
      'its first line ends as Windows ends lines',
      'windows',
      { code: 'ENOENT', hint: ['ends with a carriage return', "'/bin/sh\\r'", 'dos2unix'] },
    ],
    [
      'it has no execute permission',
      'no-permission',
      { code: 'EACCES', hint: ['has no execute permission', "'chmod +x' it"] },
    ],
    ['it is a directory', 'folder', { code: 'EACCES', hint: 'is a directory. Give a program in it' }],
    ['links lead nowhere', 'loop', { code: 'ELOOP', hint: 'too many symbolic links' }],
    [
      'it is a script of scripts of scripts',
      'nested-0',
      { code: 'ELOOP', hint: 'scripts whose interpreter is a script' },
    ],
  ];
  test.each(cases)('%s', async (_, name, cause) => {
    await expectNotRun(at(name), cause);
  });

  test('none of that name is in the PATH', async () => {
    await expectCause(spawn('missing', { env: { PATH: folder } }), {
      code: 'ENOENT',
      path: 'missing',
      step: 'exec missing',
      hint: ["There is no 'missing' in the directories of the child's PATH", "set PATH in 'env'"],
    });
  });

  needs({ tool: ['cc'] }).test('its ELF interpreter is not there', async () => {
    writeFileSync(at('musl.c'), 'int main(void) { return 0; }\n');
    execFileSync('cc', ['-o', at('musl'), at('musl.c'), '-Wl,--dynamic-linker=/no/such/ld-musl-x86_64.so.1']);
    await expectNotRun(at('musl'), {
      code: 'ENOENT',
      hint: ["its interpreter '/no/such/ld-musl-x86_64.so.1' does not", 'dynamic loader of musl', 'linked statically'],
    });
  });

  test('it is being written', async () => {
    const writer = openSync(at('busy'), 'r+');
    await expectNotRun(at('busy'), { code: 'ETXTBSY', hint: 'is open for writing' }).finally(() => closeSync(writer));
  });

  test('its arguments or environment are too big', async () => {
    const big = { code: 'E2BIG', step: 'exec true', hint: ['quarter of RLIMIT_STACK', '128 KiB', 'stdin or a file'] };
    await expectCause(spawn('true', ['x'.repeat(200_000)]), big);
    await expectCause(spawn('true', Array<string>(100).fill('x'.repeat(100_000))), big);
    await expectCause(spawn('true', { env: { PATH: '/usr/bin:/bin', BIG: 'x'.repeat(200_000) } }), big);
  });

  test('it is on a noexec mount, or its interpreter is', async () => {
    await using(unshare(['user', 'mnt']), async (set) => {
      await set.mount({ type: 'tmpfs', target: '/mnt', noExec: true });
      await set.exec(`cp /bin/sh /mnt/sh && mkdir ${at('scripts')} && mount -t tmpfs none ${at('scripts')}`);
      await set.exec(`printf '#!/mnt/sh\\n' > ${at('scripts/script')} && chmod 755 ${at('scripts/script')}`);
      await expectCause(set.spawn('/mnt/sh'), {
        code: 'EACCES',
        path: '/mnt/sh',
        hint: ['on a filesystem mounted noexec', 'mount without noexec'],
      });
      await expectCause(set.spawn(at('scripts/script')), {
        code: 'EACCES',
        hint: 'names as interpreter may not be run',
      });
    });
  });

  test('the root of the set lacks what it needs', async () => {
    await using(unshare(['user', 'mnt']), async (set) => {
      await set.mount({ type: 'tmpfs', target: '/mnt' });
      await set.exec(`cp /bin/true /mnt/static && printf '#!/mnt/shell\\n' > /mnt/script && chmod 755 /mnt/script`);
      await expectCause(set.spawn('/mnt/script'), { code: 'ENOENT', hint: "its interpreter '/mnt/shell' does not" });
      await expectCause(spawn('/mnt/script', { setns: [set.user!] }), {
        code: 'ENOENT',
        hint: "'/mnt/script' does not exist in the root the program runs in",
      });
    });
  });

  needs({ unprivileged: true }).test('a directory on its way may not be searched', async () => {
    mkdirSync(at('closed'), { mode: 0 });
    const closed = { code: 'EACCES', path: at('closed/x'), hint: 'lies below a directory that the ids' };
    await expectCause(spawn(at('closed/x')), closed);
    await expectCause(spawn('x', { env: { PATH: `/nosuch:${at('closed')}` } }), {
      code: 'EACCES',
      step: 'exec x',
      hint: "No 'x' that may be run is in the child's PATH",
    });
  });

  test('where it was to start is not there', async () => {
    const chdir = { syscall: 'chdir', step: `change directory to ${at('missing')}`, path: at('missing') };
    await expectCause(spawn('true', { cwd: at('missing') }), {
      ...chdir,
      code: 'ENOENT',
      hint: `working directory '${at('missing')}' does not exist`,
    });
  });

  test('its ids have no meaning there', async () => {
    const ids = { code: 'EINVAL', hint: /^[ug]id 1000000 is not mapped in the user namespace/ };
    await expectCause(spawn('true', { unshare: ['user'], uid: 1_000_000 }), { ...ids, syscall: 'setresuid' });
    await expectCause(spawn('true', { unshare: ['user'], gid: 1_000_000 }), { ...ids, syscall: 'setresgid' });
    await using(unshare('user'), async (set) => {
      await expectCause(set.spawn('true', { uid: 1_000_000 }), { ...ids, syscall: 'setresuid' });
    });
  });
});
