import { execFile as nodeExecFile } from 'node:child_process';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NamespaceError, unshare } from '../../lib';
import { type Task, start } from '../../lib/task/task';
import type { Step } from '../../types/native';
import { withCompiled } from '../fixtures/compiled';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

const SLEEP: Step = ['exec', 'sleep', ['sleep', '60'], ['PATH=/usr/bin:/bin']];
const NEW_USER_AND_PID = 0x30000000;
const REPORT_BYTES = 40;

/** Another process speaks on nsinit's socket, from before nsinit has read its plan. */
describe('what somebody else says on the socket of a start does no harm:', () => {
  const plans: [what: string, flags: number, steps: Step[]][] = [
    ['a program', 0, [SLEEP]],
    ['a program with an init', NEW_USER_AND_PID, [['init', 1], SLEEP]],
    ['a program after a fork', 0, [['fork'], SLEEP]],
    ['a holder', NEW_USER_AND_PID, [['hold']]],
  ];
  const sizes: [what: string, size: number][] = [
    ['whole reports', REPORT_BYTES],
    ['cut off', 7],
    ['more than fits', 90_000],
  ];

  describe.each(plans)('%s', (_, flags, steps) => {
    needs({ tool: ['cc'] }).test.each(sizes)('%s', async (_what, size) => {
      const before = footprint();
      await withCompiled(join(__dirname, '..', 'fixtures', 'speak.c'), async (program) => {
        for (let kind = 0; kind <= 12; kind++) {
          const speak = async ({ pid }: Task): Promise<void> => {
            await promisify(nodeExecFile)(program, [String(pid), String(kind), String(size)]).catch(() => undefined);
          };
          const outcome = await start({ flags, steps, whileCloned: speak }).catch((error: unknown) => error);
          if (outcome instanceof Error) {
            expect(outcome).toBeInstanceOf(NamespaceError);
            continue;
          }
          const task = outcome as Task;
          expect(task.pid).not.toBe(process.pid);
          for (const fd of task.fds) closeSync(fd);
          task.end();
          await task.exited;
        }
      });
      await expectNothingLeft(before);
    });
  });
});

test('a program in a set has a time namespace with offsets of its own', async () => {
  await using set = await unshare(['user', 'pid']);
  const { stdout } = await set.execFile('cat', ['/proc/uptime'], {
    unshare: { user: true, time: { boottime: 1_000_000 } },
  });
  expect(Number(stdout.split('.')[0])).toBeGreaterThan(1_000_000);
});
