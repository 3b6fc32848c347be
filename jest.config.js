'use strict';

const os = require('node:os');
const path = require('node:path');
const { PATIENCE } = require('./test/fixtures/patience');

const uid = process.getuid?.() ?? 'nobody';

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // x.root.test.ts is for root, x.user.test.ts for everyone else; the rest runs as both. See CONTRIBUTING.md.
  testPathIgnorePatterns: ['/node_modules/', uid === 0 ? '\\.user\\.test\\.ts$' : '\\.root\\.test\\.ts$'],
  // Transpile only (isolatedModules in tsconfig.json): types are checked by `npm run lint`.
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.json' }] },
  // A test that imports the package by name gets the sources, as do those that import '../lib'.
  moduleNameMapper: { '^linux-ns$': '<rootDir>/lib/index.ts', '^linux-ns/(\\w+)$': '<rootDir>/lib/$1/index.ts' },
  // One cache for each user: root and an ordinary user share a checkout, and neither has to own it.
  cacheDirectory: path.join(os.tmpdir(), `linux-ns-jest-${uid}`),
  watchman: false,
  maxWorkers: '100%',
  // For every test and hook; none has a limit of its own.
  testTimeout: PATIENCE,
};
