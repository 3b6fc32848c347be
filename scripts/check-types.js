'use strict';

// node scripts/check-types.js, after `npm pack`: programs that use the package, as ES modules and as CommonJS, compiled
// with each major version of TypeScript that people have. The tarball, so that they see what is published.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const VERSIONS = ['5', '6', '7'];

const root = path.join(__dirname, '..');
const { name, version, devDependencies } = require('../package.json');
const tarball = path.join(root, `${name}-${version}.tgz`);

const OPTIONS = {
  strict: true,
  target: 'es2022',
  module: 'nodenext',
  skipLibCheck: false,
  noEmit: true,
  types: ['node'],
};

const ESM = `import { Namespace, NamespaceError, spawn, unshare, type NamespaceSet, type UnshareSpec } from 'linux-ns';
import type { ChildProcess } from 'node:child_process';
const spec: UnshareSpec = { user: { uidMap: 'root' }, net: true, uts: { hostname: 'x' } };
const set: NamespaceSet = await unshare(spec);
const net: Namespace | undefined = set.net;
const child: ChildProcess = await spawn('true', [], { setns: set, stdio: 'inherit' });
const { stdout } = await set.execFile('id', ['-u']);
const text: string = stdout;
// @ts-expect-error: no such kind
void unshare('network').catch((error: unknown) => error instanceof NamespaceError && error.hint);
export { child, net, text };
`;

const COMMONJS = `import linuxNs = require('linux-ns');
export async function inside(): Promise<number | undefined> {
  const set = await linuxNs.unshare(['user', 'pid']);
  const process: linuxNs.NamespaceProcess = await set.spawn('true');
  const { code } = await process.exited;
  await set.close();
  // @ts-expect-error: an option that there is not
  await linuxNs.spawn('true', [], { unshrae: ['net'] });
  return code ?? undefined;
}
`;

function check(typescript, folder) {
  fs.mkdirSync(folder);
  const dependencies = { typescript, '@types/node': devDependencies['@types/node'], [name]: `file:${tarball}` };
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS }));
  fs.writeFileSync(path.join(folder, 'consumer.mts'), ESM);
  fs.writeFileSync(path.join(folder, 'consumer.cts'), COMMONJS);
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock'];
  const installed = spawnSync('npm', install, { cwd: folder, encoding: 'utf8' });
  if (installed.status !== 0) return { typescript, ok: false, output: installed.stderr };
  const compiler = path.join(folder, 'node_modules', '.bin', 'tsc');
  const found = spawnSync(compiler, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const { status, stdout } = spawnSync(compiler, ['-p', folder], { encoding: 'utf8' });
  return { typescript: found, ok: status === 0, output: stdout };
}

if (!fs.existsSync(tarball)) {
  console.error(`check-types: ${path.basename(tarball)} is not there: npm pack makes it`);
  process.exit(1);
}
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'linux-ns-types-'));
try {
  for (const wanted of VERSIONS) {
    const { typescript, ok, output } = check(wanted, path.join(work, wanted));
    console.log(`${typescript}: ${ok ? 'ok' : `FAILED\n${output}`}`);
    if (!ok) process.exitCode = 1;
  }
} finally {
  fs.rmSync(work, { recursive: true });
}
