'use strict';

// Runs clang-format, with the options given, over every C and C++ file of src/.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { clangFormatPath } = require('clang-format-node');

const root = path.join(__dirname, '..');
const source = path.join(root, 'src');

const files = fs.existsSync(source)
  ? fs
      .readdirSync(source, { recursive: true })
      .filter((name) => /\.(c|cc|h)$/.test(name))
      .map((name) => path.join('src', name))
      .sort()
  : [];

if (files.length > 0) {
  const result = spawnSync(clangFormatPath, [...process.argv.slice(2), ...files], { cwd: root, stdio: 'inherit' });
  if (result.error) throw result.error;
  process.exitCode = result.status ?? 1;
}
