/** Code that can set properties of `Object.prototype`, as through a careless merge of JSON, opens no sandbox by that. */
import { join } from 'node:path';
import { resultOf } from '../fixtures/scenario';

test('properties of Object.prototype are no options of a sandbox, and none of a program in it', async () => {
  expect(await resultOf(join(__dirname, 'scenarios.ts'), 'openedByPollution')).toEqual({});
});
