'use strict';

// npm run prebuilds: the binaries that the package ships, prebuilds/linux-x64 and prebuilds/linux-arm64, each one
// Node-API addon with nsinit inside. `npm run prebuilds -- arm64` makes one of them. What is of another architecture
// than this machine takes Debian's cross compiler: g++-aarch64-linux-gnu, or g++-x86-64-linux-gnu. The script is not
// called `prebuild`: npm would run it before each `build`.
//
// In a folder of its own: the build/ of this checkout stays as it is, and what was compiled there is not taken over.
//
// npm run check:reproducible: makes them once more, elsewhere (node scripts/prebuilds.js --check), and compares.

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

/** Makes the binary of an architecture in a new folder below `place`, and gives it to `take`. */
function build(arch, place, take) {
  const folder = fs.mkdtempSync(path.join(place, 'linux-ns-prebuilds-'));
  try {
    copySources(folder);
    const { env, strip } = toolsFor(arch);
    const program = path.join(root, 'node_modules', '.bin', 'prebuildify');
    const args = ['--napi', '--strip', `--strip-bin=${strip}`, `--arch=${arch}`, `--out=${folder}`];
    const options = { cwd: folder, env: { ...process.env, ...env }, encoding: 'utf8' };
    const { status, stdout, stderr, error } = spawnSync(program, args, options);
    if (status !== 0) throw new Error(`${program} for ${arch} failed: ${error?.message ?? ''}\n${stdout}${stderr}`);
    take(path.join(folder, 'prebuilds', `linux-${arch}`));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

function prebuild(arch) {
  build(arch, os.tmpdir(), (built) => publish(arch, built));
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

/** In a folder whose path is of another length, so that a binary which has it anywhere differs. */
function checkReproducible(arch) {
  const place = fs.mkdtempSync(path.join(os.tmpdir(), 'linux-ns-elsewhere-'));
  const made = path.join(root, 'prebuilds', `linux-${arch}`);
  try {
    build(arch, place, (built) => {
      for (const name of fs.readdirSync(built)) {
        const same = fs.readFileSync(path.join(built, name)).equals(fs.readFileSync(path.join(made, name)));
        console.log(
          `prebuilds/linux-${arch}/${name}: ${same ? 'the same bytes' : 'DIFFERS when it is made elsewhere'}`,
        );
        if (!same) process.exitCode = 1;
      }
    });
  } finally {
    fs.rmSync(place, { recursive: true });
  }
}

const [action, asked] =
  process.argv[2] === '--check' ? [checkReproducible, process.argv.slice(3)] : [prebuild, process.argv.slice(2)];
const unknown = asked.find((arch) => !(arch in TRIPLETS));
if (unknown !== undefined) {
  console.error(`prebuilds: no such architecture: ${unknown} (there are ${Object.keys(TRIPLETS).join(', ')})`);
  process.exitCode = 1;
} else {
  for (const arch of asked.length > 0 ? asked : Object.keys(TRIPLETS)) action(arch);
}
