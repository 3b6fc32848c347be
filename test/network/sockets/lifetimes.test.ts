import { needs } from '../../fixtures/optional';
import { NOTHING } from '../../fixtures/footprint';
import { resultOf } from '../../fixtures/scenario';
import { WAYS } from './inside';

const SCENARIOS = require.resolve('./scenarios');

describe.each(WAYS)('sockets of %s', (_, kinds) => {
  test('end with the Worker that has made them, at whatever moment it is terminated', async () => {
    expect(await resultOf(SCENARIOS, 'terminatedWorkers', [kinds, 4])).toEqual(NOTHING);
  });

  test('are refused where the process has no descriptors left, and to be had again when it has', async () => {
    expect(await resultOf(SCENARIOS, 'connectsAgain', [kinds], { limits: ['nofile=96'] })).toEqual({
      code: 'EMFILE',
      hint: expect.stringContaining('RLIMIT_NOFILE') as string,
      words: 'again',
    });
  });

  test('are in the right namespace, however many are made at once, and by which threads', async () => {
    expect(await resultOf(SCENARIOS, 'madeAtOnce', [kinds, 3])).toEqual([50, 50, 50, 50]);
  });

  test('keep the event loop alive only while they are referenced', async () => {
    expect(await resultOf(SCENARIOS, 'endsByItself', [kinds])).toBe(true);
  });
});

needs({ root: true }).test('sockets can no longer be had by who has given up his privileges', async () => {
  expect(await resultOf(SCENARIOS, 'givesUpPrivileges')).toEqual(['EPERM', 'EPERM', 'EPERM']);
});
