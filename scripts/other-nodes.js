'use strict';

// node scripts/other-nodes.js
// Installs the other versions of Node that are supported, as the npm packages that ship their binaries, for the tests
// that talk to them. They go to node_modules/.cache/linux-ns-nodes, or to the directory that LINUX_NS_NODES names.
// test/fixtures/other-nodes.ts finds them there.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const MAJORS = [22, 24, 26];

const root = path.join(__dirname, '..');
const directory = process.env.LINUX_NS_NODES || path.join(root, 'node_modules', '.cache', 'linux-ns-nodes');
const binaryOf = (major) => path.join(directory, 'node_modules', `node-${major}`, 'bin', 'node');

const absent = MAJORS.filter((major) => !fs.existsSync(binaryOf(major)));
if (absent.length > 0) {
  fs.mkdirSync(directory, { recursive: true });
  // A package of its own, or npm would look for one further up.
  fs.writeFileSync(path.join(directory, 'package.json'), JSON.stringify({ private: true }));
  const packages = MAJORS.map((major) => `node-${major}@npm:node-linux-${process.arch}@${major}`);
  const options = ['--prefix', directory, '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];
  execFileSync('npm', ['install', ...options, ...packages], { stdio: 'inherit', cwd: directory });
}

for (const major of MAJORS) {
  const version = execFileSync(binaryOf(major), ['--version'], { encoding: 'utf8' }).trim();
  console.log(`${version}  ${binaryOf(major)}`);
}
