import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { unshare } from '../lib';
import { CompiledPackage } from './fixtures/child-node';
import { needs } from './fixtures/optional';

const root = join(__dirname, '..');

/** Runs a script in a Node of its own, after something has been done to its view of the system. */
async function script(body: string, cwd = root): Promise<string> {
  const source = `(async () => { ${body} })();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-r', require.resolve('tsx/cjs'), '-e', source], {
    cwd,
  });
  return stdout.trim();
}

describe('the addon', () => {
  test.each([
    [
      'not Linux',
      `Object.defineProperty(process, 'platform', { value: 'darwin' });`,
      /Linux 5\.10 or newer, and this is darwin/,
    ],
    [
      'an old kernel',
      `require('node:os').release = () => '4.19.0-27-amd64';`,
      /Linux 5\.10 or newer, and this is Linux 4\.19/,
    ],
    [
      'another architecture',
      `Object.defineProperty(process, 'arch', { value: 'ia32' });`,
      /Node for x64 or arm64, and this one is for ia32, of 32 bits: use the Node for x64, if the kernel has 64 bits/,
    ],
  ])('is not loaded where this is %s: importing works, and every call says why not', async (_, change, reason) => {
    const output = await script(`
      ${change}
      const { unshare, spawn, Namespace, mount, clone } = require('./lib');
      const calls = [() => unshare('net'), () => spawn('true'), () => Namespace.of('self', 'net'),
        () => mount({ type: 'tmpfs', target: '/tmp' }), () => clone({ file: 'true' })];
      for (const call of calls) await call().catch(({ code, message }) => console.log(code, message));`);
    const lines = output.split('\n');
    expect(lines).toHaveLength(5);
    for (const line of lines) expect(line).toMatch(reason);
    for (const line of lines) expect(line).toMatch(/^ERR_LINUX_NS_UNSUPPORTED/);
  });

  describe('in another place', () => {
    let copy: string;

    /** The package without its addon. */
    beforeEach(() => {
      copy = mkdtempSync(join(tmpdir(), 'ns-native-'));
      for (const name of ['lib', 'types', 'package.json', 'tsconfig.json', 'tsconfig.base.json']) {
        cpSync(join(root, name), join(copy, name), { recursive: true });
      }
      symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    });

    afterEach(() => rmSync(copy, { recursive: true }));

    const useIt = `
      const { Namespace } = require('./lib');
      await Namespace.of('self', 'net').then((net) => console.log(String(net)), ({ code, message }) => console.log(code, message));`;

    test('that is not there is an error that says how to get it', async () => {
      expect(await script(useIt, copy)).toMatch(
        /^ERR_LINUX_NS_UNSUPPORTED .*no binary for linux-.*npx linux-ns compile/,
      );
    });

    test('that is not there is one check of inspectHost(), and nothing else is said of the host', async () => {
      const shown = await script(
        `const { inspectHost } = require('./lib');
        const { verdict, checks } = await inspectHost();
        console.log(verdict, ...checks.map(({ id, verdict }) => id + ':' + verdict), checks.at(-1).found, checks.at(-1).remedy);`,
        copy,
      );
      expect(shown).toMatch(/^no kernel:ok addon:no .*no binary for linux-\w+ Compile it: 'npx linux-ns compile'/);
    });

    describe('that does not load is an error with the cause, and what helps', () => {
      let binary: string;

      beforeEach(() => {
        const folder = join(copy, 'build', 'Release');
        mkdirSync(folder, { recursive: true });
        binary = join(folder, 'linux_ns.node');
        cpSync(join(root, 'build/Release/linux_ns.node'), binary);
      });

      test('without descriptors; the next call tries again', async () => {
        const shown = await script(
          `const fs = require('node:fs');
          const { Namespace } = require('./lib');
          const taken = [];
          const take = () => { try { for (;;) taken.push(fs.openSync('/dev/null')); } catch {} };
          const use = () => Namespace.of('self', 'net').then((net) => console.log(String(net)), ({ message }) => console.log(message));
          take();
          taken.forEach((fd) => fs.closeSync(fd)); // what is loaded at the first use needs some
          taken.length = 0;
          await import('node:net');
          take();
          await use();
          taken.forEach((fd) => fs.closeSync(fd));
          await use();`,
          copy,
        );
        const [refused, worked] = shown.split('\n');
        expect(refused).toMatch(/linux_ns\.node: .*Too many open files\): Close descriptors, or raise the limit/);
        expect(worked).toMatch(/^net:\[\d+\]$/);
      });

      test.each([
        ['empty', ''],
        ['no program', 'x'.repeat(10_000)],
      ])('%s', async (_, content) => {
        writeFileSync(binary, content);
        expect(await script(useIt, copy)).toMatch(/linux_ns\.node: [^)]+\): The file is empty, damaged or for another/);
      });

      needs({ unprivileged: true }).test('unreadable, or in a directory that may not be searched', async () => {
        chmodSync(binary, 0);
        expect(await script(useIt, copy)).toMatch(/Permission denied\): Give this user the right to read it/);
        chmodSync(join(copy, 'build'), 0);
        expect(await script(useIt, copy)).toMatch(/A directory on the way to it is closed to this user/);
        chmodSync(join(copy, 'build'), 0o755);
      });

      test('on a file system without programs: noexec', async () => {
        await using set = await unshare(['user', 'mnt']);
        await set.mount({ bind: true, source: join(copy, 'build'), target: join(copy, 'build'), noExec: true });
        const source = `(async () => { ${useIt} })();`;
        const { stdout } = await set.execFile(process.execPath, ['-r', require.resolve('tsx/cjs'), '-e', source], {
          cwd: copy,
        });
        expect(stdout).toMatch(/failed to map segment.*\): It is most likely on a file system that is mounted noexec/);
      });

      test('in a Node that loads no addons', async () => {
        const source = `(async () => { ${useIt} })();`;
        const args = ['--no-addons', '-r', require.resolve('tsx/cjs'), '-e', source];
        const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: copy });
        expect(stdout).toMatch(/addons is disabled\.?\): Start Node without --no-addons/);
      });
    });

    test.each(['linux-ns.node', 'linux-ns.glibc.node', 'node.napi.node', 'node.napi.glibc.node'])(
      'is found among the prebuilds, as %s',
      async (name) => {
        const folder = join(copy, 'prebuilds', `linux-${process.arch}`);
        mkdirSync(folder, { recursive: true });
        const [built] = readdirSync(join(root, 'build/Release')).filter((file) => file.endsWith('.node'));
        cpSync(join(root, 'build/Release', built!), join(folder, name));
        expect(await script(useIt, copy)).toMatch(/^net:\[\d+\]$/);
      },
    );
  });
});

describe('in a bundle', () => {
  let compiled: CompiledPackage;
  let folder: string;

  beforeAll(() => {
    compiled = new CompiledPackage();
    folder = mkdtempSync(join(tmpdir(), 'ns-bundle-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(compiled.directory, join(folder, 'node_modules', 'linux-ns'));
    writeFileSync(
      join(folder, 'app.js'),
      `require('linux-ns').Namespace.of('self', 'net').then((net) => console.log(String(net)), ({ message }) => console.log(message));`,
    );
  });

  afterAll(() => {
    compiled.remove();
    rmSync(folder, { recursive: true });
  });

  /** What a program prints that esbuild has bundled. */
  async function bundled(external: string[]): Promise<string> {
    const outfile = join(folder, 'out', 'app.js');
    await build({
      entryPoints: [join(folder, 'app.js')],
      bundle: true,
      platform: 'node',
      outfile,
      external,
      logLevel: 'silent',
    });
    return (await promisify(execFile)(process.execPath, [outfile])).stdout;
  }

  test('its binary is missing, and the error names the remedy', async () => {
    expect(await bundled([])).toMatch(
      /it is part of a bundle \(.*app\.js\).*: Exclude it from the bundle.*--external:linux-ns/,
    );
  });

  test('that excludes it, it works', async () => {
    expect(await bundled(['linux-ns'])).toMatch(/^net:\[\d+\]\n$/);
  });
});
