/** Schedules: steps at their times. */
import { Lab } from '../../../lib/lab';

describe('a schedule', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.create();
  });
  afterAll(() => lab.close());

  test('does its steps in the order of their times, no step before its time, and one after another', async () => {
    const start = performance.now();
    const done: [string, number][] = [];
    const step = (name: string) => async () => {
      done.push([name, performance.now() - start]);
      await new Promise((resolve) => setTimeout(resolve, 5));
      done.push([`${name} done`, performance.now() - start]);
    };
    await lab.schedule([
      { at: 40, run: step('late') },
      { at: 10, run: step('early') },
    ]).done;
    expect(done.map(([name]) => name)).toEqual(['early', 'early done', 'late', 'late done']);
    expect(done[0]![1]).toBeGreaterThanOrEqual(10);
    expect(done[2]![1]).toBeGreaterThanOrEqual(40);
  });

  test('stops at the error of a step, which its promise rejects with', async () => {
    const late = jest.fn();
    const schedule = lab.schedule([
      { at: 0, run: () => lab.isolate('stranger') },
      { at: 1, run: late },
    ]);
    await expect(schedule.done).rejects.toThrow(/must be a host of this lab/);
    expect(late).not.toHaveBeenCalled();
  });

  test('is stopped, and then does nothing more', async () => {
    const run = jest.fn();
    const schedule = lab.schedule([{ at: 3_600_000, run }]);
    schedule.stop();
    await schedule.done;
    expect(run).not.toHaveBeenCalled();
  });

  test('takes times and functions', () => {
    expect(() => lab.schedule([{ at: -1, run: () => undefined }])).toThrow(/"steps\[0\].at" is out of range/);
    expect(() => lab.schedule([{ at: 1 } as never])).toThrow(/"steps\[0\].run" property must be of type function/);
  });
});
