'use strict';

// Checks that what is published works where it arrives: node scripts/check-package.js, after
// `npm run prebuilds && npm pack`.
// It looks at the binaries and at the list of files, and installs the tarball in empty folders, with npm and with pnpm:
// with the binaries and no compiler, and without the binaries, where `npx linux-ns compile` has to make one.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');
const manifest = require('../package.json');
const MACHINES = { x64: 'Advanced Micro Devices X86-64', arm64: 'AArch64' };
/**
 * With the wires of labs, which took 30 kB, and their captures. Sizes grow by pages, that for arm64 by steps of 64 KiB, the largest page
 * of its kernels. Landlock, and what makes launches cheaper, took two pages of 4 KiB.
 */
const MAX_BYTES = { x64: 352_000, arm64: 405_000 };
const MAX_TARBALL_BYTES = 2_800_000;
/** Pinned, as npx fetches it. */
const PNPM = 'pnpm@10.28.0';

/**
 * The newest symbols that a binary may ask for: those of the libraries that Node's own binaries are made for (RHEL 8).
 */
const NEWEST = { GLIBC: '2.28', GLIBCXX: '3.4.25', CXXABI: '1.3.11' };

const ALLOWED = [
  /^(CHANGELOG|CONTRIBUTING|README|SECURITY)\.md$/,
  /^(LICENSE|package\.json|src\/binding\.gyp)$/,
  /^dist\/.+\.(js|js\.map|d\.ts)$/,
  /^types\/native\.d\.ts$/,
  /^settings\/[\w-]+\.json$/,
  /^docs\/(decisions\/)?[\w-]+\.md$/,
  /^docs\/plots\/[\w-]+\.svg$/,
  /^examples\/((services\/|runners\/|judge\/)?[\w-]+(\.test)?\.ts|judge\/programs\/\w+\.\w+|mcp\/server\.mjs|interpreter\/cells\.py|runners\/jest\.config\.cjs|README\.md)$/,
  /^src\/(addon|addon\/[\w-]+|nsinit|plan|sys)\/[\w-]+\.(cc|c|h|sh)$/,
  /^prebuilds\/(README\.md|linux-(x64|arm64)\/linux-ns\.node)$/,
];

const REQUIRED = [
  ...Object.values(manifest.exports).flatMap(filesOf),
  'types/native.d.ts',
  'src/binding.gyp',
  'src/plan/steps.h',
  'src/nsinit/build.sh',
  ...Object.keys(MACHINES).map((arch) => `prebuilds/linux-${arch}/linux-ns.node`),
];

/** The files of one entry of `exports`. */
function filesOf(entry) {
  return (typeof entry === 'string' ? [entry] : Object.values(entry)).map((file) => file.slice('./'.length));
}

const problems = [];

function expect(condition, problem) {
  if (!condition) problems.push(problem);
}

function run(program, args, options = {}) {
  const result = spawnSync(program, args, { encoding: 'utf8', ...options });
  if (result.error) throw result.error;
  return result;
}

// ── the binaries ───────────────────────────────────────────────────────────────────────────────────────────────────

function isNewer(version, than) {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  const at = a.findIndex((part, index) => part !== (b[index] ?? 0));
  return at >= 0 && a[at] > (b[at] ?? 0);
}

function checkSymbols(file, symbols) {
  for (const [, library, version] of symbols.matchAll(/@(GLIBC|GLIBCXX|CXXABI)_([\d.]+)/g)) {
    expect(!isNewer(version, NEWEST[library]), `${file}: asks for ${library}_${version}`);
  }
  expect(symbols.includes('__stack_chk_fail@'), `${file}: compiled without stack protector`);
}

function checkHardening(file, elf) {
  expect(/GNU_STACK(?:\s+\S+){5}\s+RW\s/.test(elf), `${file}: the stack is executable, or not declared`);
  expect(!/LOAD(?:\s+\S+){5}\s+RWE\s/.test(elf), `${file}: memory that is writable and executable`);
  expect(!elf.includes('TEXTREL'), `${file}: relocations in its code`);
  expect(!/\((RPATH|RUNPATH)\)/.test(elf), `${file}: says where libraries are`);
  expect(elf.includes('GNU_RELRO'), `${file}: no RELRO`);
  expect(/\bBIND_NOW\b|\bNOW\b/.test(elf), `${file}: symbols are not bound at once, so RELRO is partial`);
  expect(!elf.includes('.symtab'), `${file}: not stripped`);
}

function checkBinary(arch) {
  const file = `prebuilds/linux-${arch}/linux-ns.node`;
  const absolute = path.join(root, file);
  if (!fs.existsSync(absolute)) return expect(false, `${file}: missing; npm run prebuilds makes it`);
  const elf = run('readelf', ['--wide', '-h', '-l', '-S', '-d', absolute]).stdout;
  expect(elf.includes(MACHINES[arch]), `${file}: not for ${arch}`);
  checkHardening(file, elf);
  checkSymbols(file, run('readelf', ['--wide', '--dyn-syms', absolute]).stdout);
  const bytes = fs.readFileSync(absolute);
  expect(bytes.length < MAX_BYTES[arch], `${file}: ${bytes.length} bytes, more than ${MAX_BYTES[arch]}`);
  expect(bytes.indexOf(Buffer.from('\x7fELF'), 4) > 0, `${file}: no nsinit inside`);
  return undefined;
}

// ── the tarball ────────────────────────────────────────────────────────────────────────────────────────────────────

const tarball = path.join(root, `${manifest.name}-${manifest.version}.tgz`);

function checkFiles() {
  const files = run('tar', ['-tzf', tarball])
    .stdout.trim()
    .split('\n')
    .map((name) => name.replace(/^package\//, ''));
  for (const name of files) {
    expect(
      ALLOWED.some((pattern) => pattern.test(name)),
      `the tarball has a file that nobody needs: ${name}`,
    );
  }
  for (const name of REQUIRED) expect(files.includes(name), `the tarball lacks ${name}`);
  const { size } = fs.statSync(tarball);
  expect(size < MAX_TARBALL_BYTES, `the tarball has ${size} bytes, more than ${MAX_TARBALL_BYTES}`);
  for (const page of files.filter((name) => name.endsWith('.md'))) checkLinks(page, files);
}

/** Relative links of a page, which someone reads in node_modules, lead to files of the package. */
function checkLinks(page, files) {
  const text = run('tar', ['-xzOf', tarball, `package/${page}`]).stdout.replace(/^```[^]*?^```/gm, '');
  for (const [, link] of text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)) {
    const target = path.posix.join(path.posix.dirname(page), link);
    const there = files.some((name) => name === target || name.startsWith(`${target.replace(/\/$/, '')}/`));
    expect(there, `${page}: a link to ${link}, which the tarball does not have`);
  }
}

/**
 * npm and pnpm run these when the package is installed, and compile where there is a binding.gyp and no `gypfile:
 * false`.
 */
function checkScripts() {
  const { scripts, gypfile } = JSON.parse(run('tar', ['-xzOf', tarball, 'package/package.json']).stdout);
  for (const name of ['preinstall', 'install', 'postinstall']) expect(!(name in scripts), `a script ${name}`);
  expect(gypfile === false, 'no "gypfile": false');
}

// ── strangers ──────────────────────────────────────────────────────────────────────────────────────────────────────

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'linux-ns-package-'));

/** A PATH with the programs that npm itself needs, and without a compiler, make or Python. */
function pathWithoutCompiler() {
  const folder = path.join(work, 'bin');
  fs.mkdirSync(folder);
  fs.symlinkSync(process.execPath, path.join(folder, 'node'));
  for (const name of ['npm', 'npx', 'sh', 'env']) {
    const found = run('sh', ['-c', `command -v ${name}`]).stdout.trim();
    fs.symlinkSync(fs.realpathSync(found), path.join(folder, name));
  }
  return folder;
}

function withoutPrebuilds() {
  const folder = path.join(work, 'repacked');
  fs.mkdirSync(folder);
  run('tar', ['-xzf', tarball, '-C', folder]);
  fs.rmSync(path.join(folder, 'package', 'prebuilds'), { recursive: true });
  const file = path.join(work, 'without-prebuilds.tgz');
  run('tar', ['-czf', file, '-C', folder, 'package']);
  return file;
}

/** The commands by which a user installs a package, and runs a command of it. */
const MANAGERS = {
  npm: { add: ['npm', 'install', '--no-audit', '--no-fund'], exec: ['npx', '--no-install'] },
  pnpm: { add: ['npx', '--yes', PNPM, 'add'], exec: ['npx', '--yes', PNPM, 'exec'] },
};

/** A project in a folder of its own that has installed the tarball. */
function install(name, file, manager, env) {
  const folder = path.join(work, name);
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, 'package.json'), '{"name":"stranger","version":"1.0.0","private":true}');
  const [program, ...args] = MANAGERS[manager].add;
  const { status, stdout, stderr } = run(program, [...args, file], { cwd: folder, env });
  expect(status === 0, `${name}: the installation failed:\n${stdout}${stderr}`);
  expect(
    !/ignored build scripts|allow-scripts|approve-builds/i.test(stdout + stderr),
    `${name}: a warning:\n${stdout}${stderr}`,
  );
  expect(!isCompiled(folder), `${name}: the installation has compiled`);
  return folder;
}

function isCompiled(folder) {
  return fs.existsSync(path.join(folder, 'node_modules', 'linux-ns', 'build', 'Release', 'linux_ns.node'));
}

function compile(folder, manager, env) {
  const [program, ...args] = MANAGERS[manager].exec;
  return run(program, [...args, 'linux-ns', 'compile'], { cwd: folder, env });
}

const COMMONJS = `require('linux-ns').execFile('hostname', [], { unshare: { user: true, uts: { hostname: 'stranger' } } })
  .then(({ stdout }) => process.stdout.write(stdout));`;
const UNUSABLE = `require('linux-ns').execFile('true')
  .catch(({ code, message }) => console.log(code, message));`;
const ESM = `import { unshare, Namespace, NamespaceError } from 'linux-ns';
import { Network } from 'linux-ns/network';
import { discover } from 'linux-ns/discovery';
import { compileSeccomp } from 'linux-ns/seccomp';
const set = await unshare(['user', 'net']);
const network = await Network.open(set);
console.log(set.net.kind, ...[Namespace, NamespaceError, discover, compileSeccomp].map((each) => typeof each));
console.log((await network.link.get('lo')).name);
await network.close();
await set.close();`;

function checkUse(name, folder) {
  const cjs = run(process.execPath, ['-e', COMMONJS], { cwd: folder });
  expect(cjs.stdout === 'stranger\n', `${name}: require('linux-ns') does not work: ${cjs.stdout}${cjs.stderr}`);
  const esm = run(process.execPath, ['--input-type=module', '-e', ESM], { cwd: folder });
  expect(
    esm.stdout === 'net function function function function\nlo\n',
    `${name}: import 'linux-ns' does not work: ${esm.stdout}${esm.stderr}`,
  );
}

function checkUnusable(name, folder) {
  const { stdout } = run(process.execPath, ['-e', UNUSABLE], { cwd: folder });
  expect(
    /^ERR_LINUX_NS_UNSUPPORTED .*npx linux-ns compile/.test(stdout),
    `${name}: without a binary it says: ${stdout}`,
  );
}

function checkWithBinary(manager, env) {
  const name = `${manager}, binary, no compiler`;
  checkUse(name, install(name, tarball, manager, env));
}

function checkWithoutBinary(manager, file) {
  const name = `${manager}, no binary`;
  const folder = install(name, file, manager, process.env);
  checkUnusable(name, folder);
  const { status, stdout, stderr } = compile(folder, manager, process.env);
  expect(status === 0 && isCompiled(folder), `${name}: linux-ns compile failed:\n${stdout}${stderr}`);
  checkUse(`${name}, compiled`, folder);
}

function checkWithNeither(file, env) {
  const folder = install('neither', file, 'npm', env);
  const { status, stderr } = compile(folder, 'npm', env);
  expect(status === 1, 'with neither binary nor compiler linux-ns compile succeeded');
  for (const tool of ['a C compiler', 'a C\\+\\+ compiler', 'make', 'Python 3']) {
    expect(new RegExp(`missing: ${tool}`).test(stderr), `without ${tool} linux-ns compile says:\n${stderr}`);
  }
}

function checkInstallations() {
  const bare = { ...process.env, PATH: pathWithoutCompiler() };
  const sources = withoutPrebuilds();
  checkWithBinary('npm', bare);
  checkWithBinary('pnpm', bare);
  checkWithoutBinary('npm', sources);
  checkWithoutBinary('pnpm', sources);
  checkWithNeither(sources, bare);
}

try {
  Object.keys(MACHINES).forEach(checkBinary);
  if (!fs.existsSync(tarball)) expect(false, `${path.basename(tarball)}: missing; npm pack makes it`);
  else {
    checkFiles();
    checkScripts();
    checkInstallations();
  }
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}

if (problems.length === 0) console.log(`${path.basename(tarball)}: as it should be`);
else {
  console.error(problems.join('\n'));
  process.exitCode = 1;
}
