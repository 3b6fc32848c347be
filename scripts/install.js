'use strict';

// npm's install step: compiles the addon, unless a prebuilt one for this platform loads here.
// On a system that is not Linux there is nothing to compile: importing works, and every call says why it cannot.
// A git checkout always compiles, as its prebuilds may be older than its sources, and so does
// `npm_config_build_from_source=true npm install`.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');

/** Tried in a process of its own: a binary for another libc may do worse than throw. */
function loads(file) {
  return spawnSync(process.execPath, ['-e', 'require(process.argv[1])', file], { stdio: 'ignore' }).status === 0;
}

function hasUsablePrebuild() {
  if (['true', 'linux-ns'].includes(process.env.npm_config_build_from_source)) return false;
  if (fs.existsSync(path.join(root, '.git'))) return false;
  const folder = path.join(root, 'prebuilds', `linux-${process.arch}`);
  if (!fs.existsSync(folder)) return false;
  return fs.readdirSync(folder).some((name) => name.endsWith('.node') && loads(path.join(folder, name)));
}

function compile() {
  const options = { cwd: root, stdio: 'inherit' };
  let result = spawnSync('node-gyp', ['rebuild'], options);
  const bundled = process.env.npm_config_node_gyp; // npm's own copy
  if (result.error?.code === 'ENOENT' && bundled) {
    result = spawnSync(process.execPath, [bundled, 'rebuild'], options);
  }
  if (result.status === 0) return 0;
  console.error(`linux-ns: the addon did not compile${result.error ? ` (${result.error.message})` : ''}.`);
  console.error('linux-ns: it needs a C and C++ compiler, make and Python 3 (Debian: g++ make python3).');
  return result.status ?? 1;
}

if (process.platform === 'linux' && !hasUsablePrebuild()) process.exitCode = compile();
