import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { type SpawnOptions, spawn } from '../../lib';
import { errorWith } from '../fixtures/errors';
import { eventually } from '../fixtures/footprint';

/** A shell that waits for its input before it runs a script, so that a test can be ready. */
async function shell(script: string, options: SpawnOptions = {}): ReturnType<typeof spawn> {
  return spawn('sh', ['-c', script], options);
}

describe('logs() of a program', () => {
  test('has what it writes to both streams, in the order in which it comes', async () => {
    await using child = await shell('echo one; sleep 0.1; echo two >&2; sleep 0.1; printf three');
    const logs = child.logs();
    await logs.ended;
    expect(logs.lines()).toEqual(['one', 'two', 'three']);
    expect(logs.lines(2)).toEqual(['two', 'three']);
    expect(logs.lines(0)).toEqual([]);
    expect(String(logs)).toBe('one\ntwo\nthree');
    expect(logs.dropped).toBe(0);
    expect(child.logs()).toBe(logs);
  });

  test('has what came before the call, if nobody has read it', async () => {
    await using child = await shell('echo early; read line; echo late');
    await eventually(() => (child.stdout?.readableLength ?? 0) > 0);
    const logs = child.logs();
    child.stdin?.end('\n');
    await logs.ended;
    expect(logs.lines()).toEqual(['early', 'late']);
    expect(await text(child.stdout!)).toBe('early\nlate\n'); // and whoever reads it has all of it
  });

  test('does not disturb a reader, who sets the pace', async () => {
    await using child = await shell('head -c 4000000 /dev/zero | tr "\\0" x');
    const logs = child.logs();
    let read = 0;
    child.stdout?.on('data', (chunk: Buffer) => {
      read += chunk.length;
      child.stdout?.pause();
      setImmediate(() => child.stdout?.resume());
    });
    child.stdout?.pause();
    await pause(200);
    expect(logs.dropped).toBe(0); // nothing is read while the reader has paused
    child.stdout?.resume();
    await once(child, 'close');
    expect(read).toBe(4_000_000);
    expect(String(logs).length + logs.dropped).toBe(4_000_000);
  });

  test('takes what comes where nobody reads, so that the program need not wait', async () => {
    await using child = await shell('head -c 4000000 /dev/zero | tr "\\0" x; echo; echo done >&2');
    const logs = child.logs();
    await child.exited;
    await logs.ended;
    expect(logs.lines().at(-1)).toBe('done');
    // Whoever reads later finds the end of it.
    const rest = await text(child.stdout!);
    expect(rest.length).toBeGreaterThan(0);
    expect(rest.length).toBeLessThanOrEqual(65_536);
  });

  test('leaves a stream with an encoding as it is', async () => {
    await using child = await shell('printf "äöü"; read line; printf "ß"');
    child.stdout?.setEncoding('utf8');
    await eventually(() => (child.stdout?.readableLength ?? 0) > 0);
    const logs = child.logs();
    child.stdin?.end('\n');
    await logs.ended;
    expect(String(logs)).toBe('äöüß');
    expect(await text(child.stdout!)).toBe('äöüß');
  });

  test('keeps no more than its limit, also of a program that writes bytes one by one', async () => {
    await using child = await shell('for i in $(seq 1000); do echo "line $i"; done');
    const logs = child.logs({ limit: 1000 });
    await logs.ended;
    expect(String(logs).length).toBeLessThanOrEqual(1000);
    expect(logs.lines(1)).toEqual(['line 1000']);
    expect(String(logs).length + logs.dropped).toBe(8893);

    await using bytes = await spawn(process.execPath, ['-e', "setInterval(() => process.stdout.write('x'), 0)"]);
    const few = bytes.logs({ limit: 500 });
    await eventually(() => few.dropped > 10);
    expect(String(few).length).toBeLessThan(100); // most of the limit is what each chunk takes beside its bytes
    expect(bytes.logs({ limit: 100_000 })).toBe(few); // the larger limit counts
  });

  test('has the output of a terminal', async () => {
    await using child = await shell('echo on a terminal', { pty: {} });
    const logs = child.logs();
    await logs.ended;
    expect(logs.lines()).toEqual(['on a terminal']);
  });

  test('is empty without pipes, and ends at once', async () => {
    await using child = await shell('sleep 100', { stdio: 'ignore' });
    await child.logs().ended;
    expect(child.logs().lines()).toEqual([]);
  });

  test('leaves a stream to the program that was given it', async () => {
    await using first = await shell('read line; echo for the other');
    await using second = await spawn('cat', [], { stdio: [first.stdout, 'pipe', 'inherit'] });
    const logs = [first.logs(), second.logs()];
    first.stdin?.end('\n');
    await logs[1]?.ended;
    expect(logs.map(String)).toEqual(['', 'for the other\n']);
  });

  test('ends with a stream that is destroyed', async () => {
    await using child = await shell('echo one; exec sleep 100');
    const logs = child.logs();
    await eventually(() => String(logs) !== '');
    child.stdout?.destroy();
    child.stderr?.destroy();
    await logs.ended;
    expect(logs.lines()).toEqual(['one']);
  });

  test('refuses a bad limit', async () => {
    await using child = await shell('true');
    expect(() => child.logs({ limit: 0 })).toThrow(errorWith({ code: 'ERR_OUT_OF_RANGE' }));
    expect(() => child.logs({ limits: 1 } as never)).toThrow("did you mean 'limit'?");
  });
});
