/** Processes of a start that somebody stops: what they hold keeps no call from settling. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { NOTHING } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { nodeArguments } from '../fixtures/scenario';

needs({ tool: ['strace'] }).test(
  "a call settles at its time-out while nsinit's helper is stopped, which has the socket open, and nothing is left",
  async () => {
    // The first thing that the helper does is to read /proc/self; no other process of this start calls readlinkat(2).
    const stop = [
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '-e',
      'inject=readlinkat:signal=STOP:when=1',
      '-e',
      'trace=readlinkat',
    ];
    const node = nodeArguments(require.resolve('./scenarios'), 'heldHelper');
    const { stdout } = await promisify(execFile)('strace', [...stop, process.execPath, ...node]);
    expect(JSON.parse(/^result: (.*)$/m.exec(stdout)![1]!)).toEqual({ code: 'ETIMEDOUT', more: NOTHING });
  },
);
