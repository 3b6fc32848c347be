'use strict';

// node scripts/check-types.js, after `npm pack`: programs that use the package, as ES modules and as CommonJS, compiled
// with each major version of TypeScript that people have, and with each way in which it finds a module. They use the
// tarball, so that they see what is published.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const VERSIONS = ['5', '6', '7'];

const root = path.join(__dirname, '..');
const { name, version, devDependencies } = require('../package.json');
const tarball = path.join(root, `${name}-${version}.tgz`);

const OPTIONS = { strict: true, target: 'es2022', skipLibCheck: false, noEmit: true, types: ['node'] };

/** The ways in which modules are found: the programs that can be compiled so, and the versions of TypeScript. */
const RESOLUTIONS = [
  { name: 'nodenext', options: { module: 'nodenext' }, files: ['consumer.mts', 'consumer.cts'], versions: VERSIONS },
  { name: 'node16', options: { module: 'node16' }, files: ['consumer.mts', 'consumer.cts'], versions: VERSIONS },
  {
    name: 'bundler',
    options: { module: 'esnext', moduleResolution: 'bundler' },
    files: ['consumer.mts'],
    versions: VERSIONS,
  },
  // It reads `typesVersions` in place of `exports`. TypeScript 6 advises against it, and 7 does not have it.
  {
    name: 'node10',
    options: { module: 'esnext', moduleResolution: 'node10' },
    files: ['consumer.mts'],
    versions: ['5'],
  },
];

const ESM = `import { Namespace, NamespaceError, spawn, unshare, type NamespaceSet, type UnshareSpec } from 'linux-ns';
import { type DiscoverOptions, discover } from 'linux-ns/discovery';
import { type Link, Network, networkNamespaces } from 'linux-ns/network';
import { type SeccompProfile, compileSeccomp, defaultSeccompProfile } from 'linux-ns/seccomp';
import type { ChildProcess } from 'node:child_process';
const spec: UnshareSpec = { user: { uidMap: 'root' }, net: true, uts: { hostname: 'x' } };
const set: NamespaceSet = await unshare(spec);
const net: Namespace | undefined = set.net;
const child: ChildProcess = await spawn('true', [], { setns: set, stdio: 'inherit' });
const { stdout } = await set.execFile('id', ['-u']);
const text: string = stdout;
// @ts-expect-error: no such kind
void unshare('network').catch((error: unknown) => error instanceof NamespaceError && error.hint);
const network: Network = await Network.open(set);
const links: Link[] = await network.link.list();
const options: DiscoverOptions = { commands: false };
const names: string[] = (await discover(options)).ofKind('net').map(String);
const profile: SeccompProfile = defaultSeccompProfile();
await set.execFile('true', { seccomp: compileSeccomp(profile).program });
// @ts-expect-error: it is another door's
export { discover as fromMain } from 'linux-ns';
export { child, links, names, net, networkNamespaces, text };
`;

const COMMONJS = `import linuxNs = require('linux-ns');
import network = require('linux-ns/network');
import discovery = require('linux-ns/discovery');
import seccomp = require('linux-ns/seccomp');
export async function inside(): Promise<number | undefined> {
  const set = await linuxNs.unshare(['user', 'pid']);
  const process: linuxNs.NamespaceProcess = await set.spawn('true');
  const { code } = await process.exited;
  const net: network.Network = await network.Network.open(set);
  const rows: discovery.LsnsRow[] = await discovery.lsns();
  const profile: seccomp.SeccompProfile = seccomp.defaultSeccompProfile();
  await net.close();
  await set.close();
  // @ts-expect-error: an option that there is not
  await linuxNs.spawn('true', [], { unshrae: ['net'] });
  return code ?? rows.length + (profile.syscalls?.length ?? 0);
}
`;

function check(typescript, folder) {
  fs.mkdirSync(folder);
  const dependencies = { typescript, '@types/node': devDependencies['@types/node'], [name]: `file:${tarball}` };
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  fs.writeFileSync(path.join(folder, 'consumer.mts'), ESM);
  fs.writeFileSync(path.join(folder, 'consumer.cts'), COMMONJS);
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock'];
  const installed = spawnSync('npm', install, { cwd: folder, encoding: 'utf8' });
  if (installed.status !== 0) return [{ what: `TypeScript ${typescript}`, ok: false, output: installed.stderr }];
  const compiler = path.join(folder, 'node_modules', '.bin', 'tsc');
  const found = spawnSync(compiler, ['--version'], { encoding: 'utf8' }).stdout.trim();
  return RESOLUTIONS.filter(({ versions }) => versions.includes(typescript)).map(({ name: how, options, files }) => {
    const config = path.join(folder, `tsconfig.${how}.json`);
    fs.writeFileSync(config, JSON.stringify({ compilerOptions: { ...OPTIONS, ...options }, files }));
    const { status, stdout } = spawnSync(compiler, ['-p', config], { encoding: 'utf8' });
    return { what: `${found}, ${how}`, ok: status === 0, output: stdout };
  });
}

if (!fs.existsSync(tarball)) {
  console.error(`check-types: ${path.basename(tarball)} is not there: npm pack makes it`);
  process.exit(1);
}
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'linux-ns-types-'));
try {
  for (const wanted of VERSIONS) {
    for (const { what, ok, output } of check(wanted, path.join(work, wanted))) {
      console.log(`${what}: ${ok ? 'ok' : `FAILED\n${output}`}`);
      if (!ok) process.exitCode = 1;
    }
  }
} finally {
  fs.rmSync(work, { recursive: true });
}
