'use strict';

// npm run test:util-linux -- [VERSION] [--from=REPOSITORY]
// Runs util-linux's own tests of unshare, nsenter and lsns with `linux-ns unshare`, `linux-ns nsenter` and `linux-ns lsns`
// in their place, after `npm run build`. The tests, and the programs that they need besides, are fetched and compiled for
// the run, in a temporary directory: VERSION is a tag or a branch, REPOSITORY an address or a directory that git can clone.
// Most of the tests need root. Where something that they need is absent, it says what, and that nothing was tested.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const REPOSITORY = 'https://github.com/util-linux/util-linux.git';
const VERSION = 'v2.42.2';
const COMMANDS = ['lsns', 'nsenter', 'unshare'];

/** What the tests start besides: lsfd, mount, umount, and programs that exist for tests alone. */
const PROGRAMS = ['lsfd', 'mount', 'umount', ...['mkfds', 'sysinfo', 'strerror', 'sigreceive'].map((n) => `test_${n}`)];

/** The parts of util-linux that these come from. */
const PARTS = ['libblkid', 'libmount', 'libsmartcols', 'libuuid', 'lsfd', 'mount'];

/** The programs that it takes to build them, with their Debian packages. */
const TOOLS = {
  git: 'git',
  meson: 'meson',
  ninja: 'ninja-build',
  cc: 'gcc',
  bison: 'bison',
  flex: 'flex',
  ip: 'iproute2',
};

const root = path.join(__dirname, '..');

/** Something that the tests need is absent. */
class Skipped extends Error {}

/** Runs a program of the preparation, whose output is of interest only where it fails. */
function prepare(file, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(file, args, { cwd, encoding: 'utf8' });
  if (status === 0) return;
  throw new Skipped(`${file} ${args.join(' ')} failed:\n${error?.message ?? `${stdout}${stderr}`.slice(-2000)}`);
}

function checkTools() {
  const isThere = (tool) => process.env.PATH.split(':').some((folder) => fs.existsSync(path.join(folder, tool)));
  const absent = Object.keys(TOOLS).filter((tool) => !isThere(tool));
  if (absent.length === 0) return;
  const packages = absent.map((tool) => TOOLS[tool]).join(' ');
  throw new Skipped(`${absent.join(', ')} not found. On Debian: apt-get install ${packages}`);
}

function build(source, version, repository) {
  prepare('git', ['clone', '--quiet', '--depth=1', `--branch=${version}`, repository, source], os.tmpdir());
  const parts = PARTS.map((part) => `-Dbuild-${part}=enabled`);
  prepare('meson', ['setup', 'build', '-Dauto_features=disabled', '-Dprogram-tests=true', ...parts], source);
  prepare('ninja', ['-C', 'build', ...PROGRAMS], source);
}

/** The variables that name our commands to the tests, which start each by the name of one file. */
function commandsIn(directory) {
  const main = path.join(root, 'dist', 'cli', 'main.js');
  const variables = COMMANDS.map((command) => {
    const file = path.join(directory, command);
    fs.writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${main}' ${command} "$@"\n`, { mode: 0o755 });
    return [`TS_CMD_${command.toUpperCase()}`, file];
  });
  return Object.fromEntries(variables);
}

/** The verdict of one test, the last word that it prints: OK, FAILED, SKIPPED. */
function run(test, source, commands) {
  const options = [`--srcdir=${source}`, `--builddir=${path.join(source, 'build')}`, '--parsable', '--show-diff'];
  const env = { ...process.env, ...commands };
  // Without standard input: in an empty environment bash takes the socket that it would be for a login from elsewhere.
  const stdio = ['ignore', 'pipe', 'pipe'];
  const { stdout, stderr } = spawnSync('bash', [test, ...options], { encoding: 'utf8', env, stdio, timeout: 120_000 });
  process.stdout.write(stdout + stderr);
  return / \.\.\. (OK|SKIPPED|FAILED|KNOWN FAILED)\b[^\n]*\n*$/.exec(stdout)?.[1] ?? 'FAILED';
}

function testsOf(source) {
  return COMMANDS.flatMap((command) => {
    const folder = path.join(source, 'tests', 'ts', command);
    return fs.readdirSync(folder).map((name) => path.join(folder, name));
  });
}

function main(words) {
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length) ?? REPOSITORY;
  const version = words.find((word) => !word.startsWith('--')) ?? VERSION;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'linux-ns-util-linux-'));
  try {
    checkTools();
    const source = path.join(directory, 'source');
    build(source, version, from);
    const commands = commandsIn(directory);
    const verdicts = testsOf(source).map((test) => run(test, source, commands));
    const count = (verdict) => verdicts.filter((each) => each === verdict).length;
    console.log(
      `util-linux ${version}: ${count('OK')} of ${verdicts.length} tests passed, ${count('SKIPPED')} skipped themselves`,
    );
    if (count('OK') + count('SKIPPED') < verdicts.length) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof Skipped)) throw error;
    console.log(`skipped: ${error.message}`);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

main(process.argv.slice(2));
