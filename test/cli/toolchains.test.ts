/** `linux-ns run` has the programs that the shell has: the same files, of the same versions. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { needs } from '../fixtures/optional';
import { otherNode } from '../fixtures/other-nodes';
import { Home } from '../sandbox/toolchains/home';
import { LAYOUTS, environmentOf, question } from '../sandbox/toolchains/layouts';
import { CommandLine } from './command-line';

let cli: CommandLine;
let home: Home;

beforeAll(() => (cli = new CommandLine()));

afterAll(() => cli.remove());

beforeEach(() => {
  home = new Home();
  home.directory('project');
});

afterEach(() => home.remove());

/** The output of a script in a sandbox that is started in a directory of projects. */
async function inside(env: NodeJS.ProcessEnv, script: string, ...options: string[]): Promise<string> {
  const words = [`--project=${home.at('project')}`, ...options, '--', 'sh', '-c', script];
  const { code, stdout, stderr } = await cli.run(['run', ...words], env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

test.each(Object.keys(LAYOUTS))('%s: inside is what the shell has', async (name) => {
  const shell = LAYOUTS[name]!(home);
  const env = environmentOf(home, shell);
  const outside = execFileSync('/bin/sh', ['-c', question(shell.programs)], { env, encoding: 'utf8' });
  expect(await inside(env, question(shell.programs))).toBe(outside);
});

needs({ node: [24] }).test('the Node of nvm runs, with its npm, and not the one of the system', async () => {
  const version = '.nvm/versions/node/v24';
  mkdirSync(home.at(`${version}/bin`), { recursive: true });
  copyFileSync(otherNode(24)!, home.at(`${version}/bin/node`));
  home.file(
    `${version}/lib/node_modules/npm/cli.js`,
    '#!/usr/bin/env node\nconsole.log("npm of", process.version);',
    0o755,
  );
  home.link(`${version}/bin/npm`, '../lib/node_modules/npm/cli.js');
  const env = environmentOf(home, { path: [`${version}/bin`], programs: [] });
  const said = await inside(env, 'command -v node; node --version; npm test');
  expect(said).toMatch(/^.*\/v24\/bin\/node\n(v24\..*)\nnpm of \1\n$/);
  expect(await inside(env, 'node --version 2>/dev/null || true; echo $PATH', '--no-toolchains')).not.toMatch(/v24/);
});

test('nothing else of the home directory is inside', async () => {
  const shell = LAYOUTS.rustup!(home);
  for (const name of ['.ssh/id_ed25519', '.cargo/credentials.toml', '.npmrc', 'letter']) home.file(name, 'secret');
  const printed = await inside(environmentOf(home, shell), `ls -A ${home.path} ${home.at('.cargo')}; ls -A ~`);
  expect(printed).toBe(`${home.path}:\n.cargo\n.rustup\nproject\n\n${home.at('.cargo')}:\nbin\n`);
});
