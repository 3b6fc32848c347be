'use strict';

/** @type {import('jest').Config} */
module.exports = {
  testMatch: ['<rootDir>/jest.test.ts'],
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/../../tsconfig.json' }] },
};
