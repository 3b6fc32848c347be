import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

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
      expect(await script(useIt, copy)).toMatch(/^ERR_LINUX_NS_UNSUPPORTED .*no binary for linux-.*npm rebuild/);
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
