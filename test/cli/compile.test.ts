import { execFile } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unshare } from '../../lib';
import { missingTools } from '../../cli/toolchain';
import { CompiledPackage, ROOT } from '../fixtures/child-node';
import { needs } from '../fixtures/optional';
import type { Ended } from './command-line';

/** An addon that compiles at once. That the one of this package does is what `npm run check:package` shows. */
const GYP = `{ "targets": [{ "target_name": "linux_ns", "sources": ["addon.c"] }] }`;
const ADDON = `#include <node_api.h>
NAPI_MODULE_INIT() { return exports; }`;

const TOOLS = ['g++', 'gcc', 'cc', 'make', 'python3', 'npm'];

let compiled: CompiledPackage;
let folder: string;

beforeAll(() => (compiled = new CompiledPackage()));
afterAll(() => compiled.remove());

/** The package as it is installed, without a binary, and with a small addon. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-compile-'));
  cpSync(join(compiled.directory, 'dist'), join(folder, 'dist'), { recursive: true });
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  writeFileSync(join(folder, 'binding.gyp'), GYP);
  writeFileSync(join(folder, 'addon.c'), ADDON);
});

afterEach(() => {
  chmodSync(folder, 0o755);
  rmSync(folder, { recursive: true });
});

function commandLine(): [file: string, args: string[]] {
  const main = compiled.main.replace(compiled.directory, folder);
  return [process.execPath, [main, 'compile']];
}

function compile(change: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const [file, args] = commandLine();
  return new Promise((resolve) => {
    execFile(file, args, { cwd: '/', env: { ...process.env, ...change } }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

const binary = (): string => join(folder, 'build', 'Release', 'linux_ns.node');

test('the working directory is not searched for tools, whatever PATH has', () => {
  const before = process.cwd();
  writeFileSync(join(folder, 'own-cc'), '#!/bin/sh\n', { mode: 0o755 });
  process.chdir(folder);
  try {
    for (const PATH of ['', ':', '.:', './:'])
      expect(missingTools({ CC: 'own-cc', PATH })).toContain('a C compiler (own-cc)');
    expect(missingTools({ CC: 'own-cc', PATH: folder })).not.toContain('a C compiler (own-cc)');
  } finally {
    process.chdir(before);
  }
});

describe('linux-ns compile', () => {
  needs({ tool: TOOLS }).test('compiles the addon in the folder of the package, wherever it is called', async () => {
    const { code, stdout, stderr } = await compile();
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(`compiled: ${binary()}\n`);
    expect(existsSync(binary())).toBe(true);
  });

  needs({ tool: TOOLS }).test('takes the node-gyp of the npm or pnpm that runs it', async () => {
    const script = join(folder, 'their-node-gyp.js');
    writeFileSync(script, `console.error('theirs:', process.argv.slice(2).join(' ')); process.exitCode = 1;`);
    expect(await compile({ npm_config_node_gyp: script })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^theirs: rebuild --jobs=max/) as string,
    });
  });

  test('names all tools that are missing, and how this distribution installs them', async () => {
    const tools = join(folder, 'bin');
    mkdirSync(tools);
    symlinkSync('/bin/true', join(tools, 'apk'));
    const { code, stdout, stderr } = await compile({ PATH: tools, CC: undefined, CXX: undefined, PYTHON: undefined });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.split('\n').slice(0, 5)).toEqual([
      'linux-ns: compile: missing: a C compiler (gcc, cc)',
      'linux-ns: compile: missing: a C++ compiler (g++)',
      'linux-ns: compile: missing: make',
      expect.stringMatching(/^linux-ns: compile: missing: Python 3/),
      'linux-ns: compile: to install them: apk add g++ make python3 linux-headers',
    ]);
    expect(existsSync(join(folder, 'build'))).toBe(false);
  });

  test('looks for the compilers that the environment names', async () => {
    const { stderr } = await compile({ CC: 'ccache no-such-cc', CXX: '/no/such/c++ -m32' });
    expect(stderr).toContain('missing: a C++ compiler (/no/such/c++ -m32)\n');
  });

  needs({ tool: TOOLS }).test('runs no node-gyp below the home directory, which may be somebody else’s', async () => {
    const theirs = join(folder, 'home', '.node_modules', 'node-gyp', 'bin');
    mkdirSync(theirs, { recursive: true });
    writeFileSync(join(theirs, 'node-gyp.js'), 'console.error("theirs"); process.exit(1);');
    const { stderr } = await compile({ HOME: join(folder, 'home'), NODE_PATH: join(folder, 'home', '.node_modules') });
    expect(stderr).not.toContain('theirs');
  });

  needs({ tool: TOOLS }).test('says how to get node-gyp where there is none', async () => {
    await using set = await unshare(['user', 'mnt']);
    const npm = join(dirname(process.execPath), '..', 'lib', 'node_modules');
    if (existsSync(npm)) await set.mount({ type: 'tmpfs', target: npm });
    const [file, args] = commandLine();
    const env = { PATH: '/usr/bin:/bin' };
    const refused: unknown = await set.execFile(file, args, { env, cwd: '/' }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 1 });
    expect((refused as Ended).stderr).toBe(
      'linux-ns: compile: missing: node-gyp, which is part of npm\n' +
        'linux-ns: compile: to install it: npm install --global node-gyp\n',
    );
  });

  needs({ unprivileged: true, tool: TOOLS }).test(
    'of a package that somebody else has installed is refused',
    async () => {
      chmodSync(folder, 0o555);
      const { code, stderr } = await compile();
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: `linux-ns: compile: cannot write in ${folder}, which belongs to uid ${process.getuid!()}: run this as that user\n`,
      });
    },
  );

  needs({ tool: TOOLS }).test('that fails says what to look for', async () => {
    writeFileSync(join(folder, 'addon.c'), '#include <no/such/header.h>\n');
    const { code, stdout, stderr } = await compile();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /no\/such\/header\.h[^]*\nlinux-ns: compile: the addon did not compile: the messages above say why\n/,
    );
  });

  needs({ tool: TOOLS }).test('does not call a binary compiled that does not load', async () => {
    writeFileSync(
      join(folder, 'addon.c'),
      `${ADDON}\n__attribute__((constructor)) static void fails(void) { __builtin_trap(); }`,
    );
    const { code, stdout, stderr } = await compile();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/the addon was compiled and does not load: /);
  });
});
