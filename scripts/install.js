'use strict';

// npm's install step: compiles the addon, unless a prebuilt one for this platform loads here.
// On a system that is not Linux there is nothing to compile: importing works, and every call says why it cannot.
// A git checkout compiles what has changed, and uses no prebuilds, as those may be older than its sources;
// `npm_config_build_from_source=true npm install` always compiles.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');

/** Tried in a process of its own: a binary for another libc may do worse than throw. */
function loads(file) {
  return spawnSync(process.execPath, ['-e', 'require(process.argv[1])', file], { stdio: 'ignore' }).status === 0;
}

function wantsCompiling() {
  return ['true', 'linux-ns'].includes(process.env.npm_config_build_from_source);
}

/** `npx linux-ns` in a checkout installs the checkout: what is compiled there is newer than all that it is made of. */
function isCompiled() {
  const built = path.join(root, 'build', 'Release', 'linux_ns.node');
  if (wantsCompiling() || !fs.existsSync(built)) return false;
  const sources = fs.readdirSync(path.join(root, 'src'), { recursive: true }).map((file) => path.join('src', file));
  const { mtimeMs } = fs.statSync(built);
  const isOlder = (file) => fs.statSync(path.join(root, file)).mtimeMs <= mtimeMs;
  return ['binding.gyp', ...sources].every(isOlder) && loads(built);
}

function hasUsablePrebuild() {
  if (wantsCompiling()) return false;
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
  console.error(
    "linux-ns: and Node's header files, which node-gyp downloads; npm_config_nodedir names a folder with them.",
  );
  return result.status ?? 1;
}

if (process.platform === 'linux' && !isCompiled() && !hasUsablePrebuild()) process.exitCode = compile();
