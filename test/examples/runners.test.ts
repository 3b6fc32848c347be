/** A lab in beforeAll of the test runners, as they run it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ONE_WAIT } from '../fixtures/patience';
import { ROOT } from './example';

const RUNNERS: [runner: string, args: string[], passed: RegExp][] = [
  [
    'Jest',
    ['node_modules/jest/bin/jest.js', '--config', 'examples/runners/jest.config.cjs'],
    /Tests: +3 passed, 3 total/,
  ],
  ['Vitest', ['node_modules/vitest/vitest.mjs', 'run', 'examples/runners/vitest.test.ts'], /Tests +3 passed/],
  ['node:test', ['--import', 'tsx', '--test', 'examples/runners/node.test.ts'], /pass 3\n/],
];

test.each(RUNNERS)('%s makes a lab for a test file, and is done when it is closed', async (_, args, passed) => {
  // What this Jest has set is not for the other runners.
  const { JEST_WORKER_ID: __, NODE_ENV: ___, NODE_TEST_CONTEXT: ____, ...env } = process.env;
  const run = promisify(execFile)(process.execPath, args, {
    cwd: ROOT,
    env: { ...env, NO_COLOR: '1' },
    timeout: ONE_WAIT,
  });
  const { stdout, stderr } = await run;
  expect(stdout + stderr).toMatch(passed);
});
