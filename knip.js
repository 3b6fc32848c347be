'use strict';

// Knip: npm run lint:unused. It finds files, exports and dependencies that nothing uses.
const path = require('node:path');
const { bin, exports: doors } = require('./package.json');

/** dist/network/index.js is made of lib/network/index.ts, dist/cli/main.js of cli/main.ts. */
function sourceOf(file) {
  const name = path.posix.relative('dist', file).replace(/\.js$/, '.ts');
  return name.startsWith('cli/') ? name : `lib/${name}`;
}

// Knip finds the first door by itself.
const files = Object.entries(doors).flatMap(([name, door]) => (name === '.' ? [] : (door.default ?? [])));
const sources = [...files, ...Object.values(bin)].map(sourceOf);

module.exports = {
  entry: [
    ...sources,
    'examples/*.ts',
    'examples/runners/*',
    'examples/{judge,mcp}/**/*.{js,mjs}',
    'scripts/*.js',
    'scripts/emulated/*.js',
    'scripts/environments/{probes,service}.js',
    'test/**/*.test.ts',
    'bench/**/{cli,diff,judge,launches,leaks-part,lives,namespaces-left,part,shell,view}.ts',
    'test/**/scenarios.ts',
    'test/**/*-scenarios.ts',
    'test/**/scenarios/*.ts',
    'test/sandbox/leaving.ts',
    'test/attacks/*.ts',
    'test/faults/worker.ts',
    'test/types/*.ts',
    'test/process/{fork-child.js,parent.ts,terminal-parent.ts}',
  ],
  project: ['{lib,cli,bench,examples,test,types}/**/*.ts', '{scripts,test}/**/*.js'],
  ignoreExportsUsedInFile: {
    interface: true,
    type: true,
  },
  ignoreDependencies: ['@jest/globals', 'node-addon-api', 'prebuildify', 'publint', '@arethetypeswrong/cli'],
  ignoreBinaries: [
    'c\\+\\+',
    'cc',
    'chromium',
    'flock',
    'ip',
    'mkfifo',
    'mkfs.erofs',
    'mount',
    'nsenter',
    'openssl',
    'patch',
    'prlimit',
    'script',
    'tcpdump',
    'umount',
    'unshare',
    'x',
  ],
};
