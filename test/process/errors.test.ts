import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clone, exec, execFile, spawn, unshare } from '../../lib';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-errors-'));
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'no-interpreter'), '#!/no/such/shell\n', { mode: 0o755 });
  writeFileSync(join(folder, 'not-executable'), '#!/bin/sh\n', { mode: 0o644 });
  writeFileSync(join(folder, 'not-a-program'), Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0]), { mode: 0o755 });
  mkdirSync(join(folder, 'directory'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a program that cannot be run is a rejection that says why', () => {
  const cases: [what: string, file: string, code: string, hint: RegExp][] = [
    ['is not there', 'missing', 'ENOENT', /does not exist/],
    [
      'has an interpreter that is not there',
      'no-interpreter',
      'ENOENT',
      /exists, but its interpreter '\/no\/such\/shell'/,
    ],
    ['is not executable', 'not-executable', 'EACCES', /execute permission/],
    ['is a directory', 'directory', 'EACCES', /directory/],
    ['is below a file', 'not-executable/x', 'ENOTDIR', /no directory/],
  ];

  test.each(cases)('it %s', async (_, file, code, hint) => {
    const path = join(folder, file);
    const expected = {
      name: 'NamespaceError',
      code,
      syscall: 'execve',
      path,
      step: `exec ${path}`,
      hint: expect.stringMatching(hint) as string,
    };
    await expect(spawn(path)).rejects.toMatchObject(expected);
    await expect(spawn(path, { unshare: ['user', 'pid'] })).rejects.toMatchObject(expected);
    await expect(execFile(path)).rejects.toMatchObject({ ...expected, cmd: path });
    await expect(clone({ file: path })).rejects.toMatchObject(expected);
  });

  test('a name that is in no directory of the PATH', async () => {
    const expected = { code: 'ENOENT', path: 'missing', hint: expect.stringMatching(/PATH/) as string };
    await expect(spawn('missing', { env: { PATH: folder } })).rejects.toMatchObject(expected);
  });

  test('a directory to start in that is not there', async () => {
    const cwd = join(folder, 'missing');
    await expect(spawn('true', { cwd })).rejects.toMatchObject({ code: 'ENOENT', syscall: 'chdir', path: cwd });
  });

  test('a descriptor that is not open', async () => {
    await expect(spawn('true', { stdio: ['ignore', 9999, 'ignore'] })).rejects.toMatchObject({ code: 'EBADF' });
  });
});

describe('bad arguments reject before anything is started', () => {
  const bad: [what: string, start: () => Promise<unknown>, code: string, message: RegExp][] = [
    ['file', () => spawn(5 as never), 'ERR_INVALID_ARG_TYPE', /"file" argument must be of type string/],
    ['an empty file', () => spawn(''), 'ERR_INVALID_ARG_VALUE', /'file' cannot be empty/],
    ['NUL in file', () => spawn('a\0b'), 'ERR_INVALID_ARG_VALUE', /null bytes/],
    ['args', () => spawn('true', 5 as never), 'ERR_INVALID_ARG_TYPE', /"args" argument must be of type object/],
    ['an argument', () => spawn('true', [1 as never]), 'ERR_INVALID_ARG_TYPE', /args\[0\]/],
    ['NUL in an argument', () => spawn('true', ['\0']), 'ERR_INVALID_ARG_VALUE', /args\[0\]/],
    ['options', () => spawn('true', [], null as never), 'ERR_INVALID_ARG_TYPE', /"options" argument/],
    [
      'a misspelt option',
      () => spawn('true', { noNewPrivilege: true } as never),
      'ERR_INVALID_ARG_VALUE',
      /noNewPrivileges/,
    ],
    ['stdio', () => spawn('true', { stdio: 'foo' as never }), 'ERR_INVALID_ARG_VALUE', /options.stdio/],
    [
      'an entry of stdio',
      () => spawn('true', { stdio: ['foo'] as never }),
      'ERR_INVALID_ARG_VALUE',
      /options.stdio\[0\]/,
    ],
    [
      'a stream without a descriptor',
      () => spawn('true', { stdio: [{} as never] }),
      'ERR_INVALID_ARG_VALUE',
      /stdio\[0\]/,
    ],
    ['a negative descriptor', () => spawn('true', { stdio: [-1] }), 'ERR_OUT_OF_RANGE', /stdio\[0\]/],
    ['stdio of execFile', () => execFile('true', { stdio: 'pipe' } as never), 'ERR_INVALID_ARG_VALUE', /stdio/],
    ['cwd', () => spawn('true', { cwd: true as never }), 'ERR_INVALID_ARG_TYPE', /options.cwd/],
    ['a URL of another scheme', () => spawn('true', { cwd: new URL('http://x/') }), 'ERR_INVALID_ARG_VALUE', /file:/],
    ['env', () => spawn('true', { env: 5 as never }), 'ERR_INVALID_ARG_TYPE', /options.env/],
    ['NUL in env', () => spawn('true', { env: { A: '\0' } }), 'ERR_INVALID_ARG_VALUE', /options.env\['A'\]/],
    [
      'an object in env',
      () => spawn('true', { env: { A: {} as never } }),
      'ERR_INVALID_ARG_TYPE',
      /options.env\['A'\]/,
    ],
    ['argv0', () => spawn('true', { argv0: 5 as never }), 'ERR_INVALID_ARG_TYPE', /options.argv0/],
    ['shell', () => spawn('true', { shell: 5 as never }), 'ERR_INVALID_ARG_TYPE', /options.shell/],
    ['uid', () => spawn('true', { uid: -2 }), 'ERR_OUT_OF_RANGE', /options.uid/],
    ['gid', () => spawn('true', { gid: 'x' as never }), 'ERR_INVALID_ARG_TYPE', /options.gid/],
    ['groups', () => spawn('true', { groups: 5 as never }), 'ERR_INVALID_ARG_TYPE', /options.groups/],
    ['a group', () => spawn('true', { groups: [1.5] }), 'ERR_OUT_OF_RANGE', /options.groups\[0\]/],
    ['timeout', () => spawn('true', { timeout: -1 }), 'ERR_OUT_OF_RANGE', /options.timeout/],
    ['killSignal', () => spawn('true', { killSignal: 'FOO' as never }), 'ERR_UNKNOWN_SIGNAL', /FOO/],
    ['signal', () => spawn('true', { signal: {} as never }), 'ERR_INVALID_ARG_TYPE', /options.signal/],
    ['detached', () => spawn('true', { detached: 1 as never }), 'ERR_INVALID_ARG_TYPE', /options.detached/],
    ['unshare', () => spawn('true', { unshare: 'nets' as never }), 'ERR_INVALID_ARG_VALUE', /options.unshare/],
    ['setns', () => spawn('true', { setns: [{} as never] }), 'ERR_INVALID_ARG_TYPE', /options.setns\[0\]/],
    ['init without a pid namespace', () => spawn('true', { init: true }), 'ERR_INVALID_ARG_VALUE', /options.init/],
    ['dieWithParent', () => spawn('true', { dieWithParent: 'no' as never }), 'ERR_INVALID_ARG_TYPE', /dieWithParent/],
    ['encoding', () => execFile('true', { encoding: 'foo' as never }), 'ERR_INVALID_ARG_VALUE', /options.encoding/],
    ['maxBuffer', () => execFile('true', { maxBuffer: -1 }), 'ERR_OUT_OF_RANGE', /options.maxBuffer/],
    ['command', () => exec(5 as never), 'ERR_INVALID_ARG_TYPE', /command/],
    ["clone's file", () => clone({} as never), 'ERR_INVALID_ARG_TYPE', /options.file/],
    ["clone's stdio", () => clone({ file: 'true', stdio: ['pipe' as never] }), 'ERR_INVALID_ARG_TYPE', /stdio\[0\]/],
    ['two IPC channels', () => spawn('true', { stdio: ['ipc', 1, 2, 'ipc'] }), 'ERR_IPC_ONE_PIPE', /only one IPC/],
  ];

  test.each(bad)('%s', async (_, start, code, message) => {
    await expect(start()).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  test('a closed set', async () => {
    const set = await unshare('user');
    await set.close();
    await expect(spawn('true', { setns: set })).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  });
});
