/** What is left of labs: nothing, however they end. */
import { NOTHING, eventually, isAlive } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { resultOf, runScenario } from '../fixtures/scenario';

const SCENARIOS = require.resolve('./scenarios');

test('labs that are made and closed leave nothing', async () => {
  expect(await resultOf(SCENARIOS, 'madeAndClosed', [40, 4])).toEqual(NOTHING);
});

test('a lab that is forgotten is closed when it is collected as garbage, and warned about', async () => {
  const { result } = await runScenario(SCENARIOS, 'forgotten');
  expect(result).toEqual({ codes: ['LINUX_NS_UNCLOSED'], left: NOTHING });
});

needs({ tool: ['pasta'] }).test('so is one that leads outside', async () => {
  const { result } = await runScenario(SCENARIOS, 'forgotten', [true]);
  expect(result).toEqual({ codes: ['LINUX_NS_UNCLOSED'], left: NOTHING });
});

test('all hosts end with Node, when it is killed while it makes others', async () => {
  const { stdout, signal } = await runScenario(SCENARIOS, 'killedInTheMiddle');
  const inits = stdout.trim().split(' ').map(Number);
  expect(signal).toBe('SIGKILL');
  expect(inits).toHaveLength(3);
  await eventually(() => inits.every((pid) => !isAlive(pid)));
});
