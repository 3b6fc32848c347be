'use strict';

// npm run prebuild: the binaries that the package ships, prebuilds/linux-x64 and prebuilds/linux-arm64, each one
// Node-API addon with nsinit inside. `npm run prebuild -- arm64` makes one of them. What is of another architecture than
// this machine takes Debian's cross compiler: g++-aarch64-linux-gnu, or g++-x86-64-linux-gnu.
//
// In a folder of its own: the build/ of this checkout stays as it is, and what was compiled there is not taken over.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');
const TRIPLETS = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

/** The tools of an architecture, as make and prebuildify look for them. */
function toolsFor(arch) {
  if (arch === process.arch) return { env: {}, strip: 'strip' };
  const prefix = TRIPLETS[arch];
  const tools = { CC: `${prefix}-gcc`, CXX: `${prefix}-g++`, AR: `${prefix}-ar` };
  return { env: { ...tools, LINK: tools.CXX }, strip: `${prefix}-strip` };
}

function copySources(folder) {
  for (const name of ['binding.gyp', 'package.json', 'src']) {
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  fs.symlinkSync(fs.realpathSync(path.join(root, 'node_modules')), path.join(folder, 'node_modules'));
}

function prebuild(arch) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'linux-ns-prebuild-'));
  try {
    copySources(folder);
    const { env, strip } = toolsFor(arch);
    const program = path.join(root, 'node_modules', '.bin', 'prebuildify');
    const args = ['--napi', '--strip', `--strip-bin=${strip}`, `--arch=${arch}`, `--out=${folder}`];
    const options = { cwd: folder, env: { ...process.env, ...env }, encoding: 'utf8' };
    const { status, stdout, stderr, error } = spawnSync(program, args, options);
    if (status !== 0) throw new Error(`${program} for ${arch} failed: ${error?.message ?? ''}\n${stdout}${stderr}`);
    publish(arch, path.join(folder, 'prebuilds', `linux-${arch}`));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

function publish(arch, built) {
  const target = path.join(root, 'prebuilds', `linux-${arch}`);
  fs.rmSync(target, { recursive: true, force: true });
  fs.cpSync(built, target, { recursive: true });
  for (const name of fs.readdirSync(target)) {
    const { size } = fs.statSync(path.join(target, name));
    console.log(`prebuilds/linux-${arch}/${name}: ${size} bytes`);
  }
}

const asked = process.argv.slice(2);
const unknown = asked.find((arch) => !(arch in TRIPLETS));
if (unknown !== undefined) {
  console.error(`prebuild: no such architecture: ${unknown} (there are ${Object.keys(TRIPLETS).join(', ')})`);
  process.exitCode = 1;
} else {
  for (const arch of asked.length > 0 ? asked : Object.keys(TRIPLETS)) prebuild(arch);
}
