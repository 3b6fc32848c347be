/** Processes of a start that somebody stops: what they hold keeps no call from settling. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { NOTHING } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { nodeArguments } from '../fixtures/scenario';

/** How the call comes out. The first thing that the helper does is to read /proc/self: nobody else calls readlinkat(2). */
async function withHelperStopped(): Promise<{ code: string; more: unknown }> {
  const stop = ['-f', '-qq', '-o', '/dev/null', '-e', 'inject=readlinkat:signal=STOP:when=1', '-e', 'trace=readlinkat'];
  const node = nodeArguments(require.resolve('./scenarios'), 'heldHelper');
  const { stdout } = await promisify(execFile)('strace', [...stop, process.execPath, ...node]);
  return JSON.parse(/^result: (.*)$/m.exec(stdout)![1]!) as { code: string; more: unknown };
}

needs({ tool: ['strace'] }).test(
  "a call settles at its time-out while nsinit's helper is stopped, which has the socket open, and nothing is left",
  async () => {
    let result = await withHelperStopped();
    // Something else on the host may have let it go on (SIGCONT).
    for (let tries = 0; tries < 20 && result.code === 'ran'; tries++) result = await withHelperStopped();
    expect(result).toEqual({ code: 'ETIMEDOUT', more: NOTHING });
  },
);
