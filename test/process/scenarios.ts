/**
 * What can be done to a child process, each done through `child_process` and through this package: the two runs have to
 * be observed to be the same.
 */
import { constants } from 'node:os';
import { once } from 'node:events';
import { closeSync, createReadStream, createWriteStream, openSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { ONE_WAIT } from '../fixtures/patience';

/** Starts a program the one way or the other. */
export type Start = (file: string, args: string[], options?: SpawnOptions) => Promise<ChildProcess>;

/** Does something with a child and tells what it saw. */
export type Scenario = (start: Start, folder: string) => Promise<unknown>;

/** Everything that can be seen of a child from outside. */
async function observe(child: ChildProcess, input?: string): Promise<unknown> {
  const events: string[] = [];
  for (const event of ['spawn', 'error', 'exit', 'close']) {
    child.on(event, (...args: unknown[]) => events.push(`${event} ${args.map(String).join()}`));
  }
  const stdout = textOf(child.stdout);
  const stderr = textOf(child.stderr);
  if (input !== undefined) child.stdin?.end(input);
  await once(child, 'close').catch(() => once(child, 'close'));
  const { exitCode, signalCode, killed, connected, spawnfile, spawnargs } = child;
  const streams = child.stdio.map((stream) => stream !== null);
  const state = { exitCode, signalCode, killed, connected, spawnfile, spawnargs, streams };
  return { ...state, events, stdout: await stdout, stderr: await stderr, pid: typeof child.pid };
}

async function textOf(stream: NodeJS.ReadableStream | null | undefined): Promise<string | null> {
  if (stream == null) return null;
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => stream.once('close', resolve));
  return Buffer.concat(chunks).toString();
}

function sh(script: string, options?: SpawnOptions): Scenario {
  return async (start) => observe(await start('sh', ['-c', script], options));
}

export const SCENARIOS: Record<string, Scenario> = {
  'a program that succeeds': async (start) => observe(await start('true', [])),
  'an exit code': sh('exit 3'),
  'a signal that ends it': sh('kill -KILL $$'),
  'a signal sent to it': async (start) => {
    const child = await start('sleep', ['60']);
    const watched = observe(child);
    return [child.kill(0), child.kill('SIGTERM'), await watched, child.kill()];
  },
  'a signal sent by number': async (start) => {
    const child = await start('sleep', ['60']);
    const watched = observe(child);
    return [child.kill(constants.signals.SIGINT), await watched];
  },
  'signals that do not exist': async (start) => {
    const child = await start('sleep', ['60']);
    const watched = observe(child);
    const codes = ['SIGFOO', 99, true].map((signal) => codeOf(() => child.kill(signal as number)));
    child.kill();
    return [codes, await watched];
  },
  'what it writes': sh('echo out; echo err >&2'),
  'what it reads': async (start) => observe(await start('cat', []), 'in\n'),
  '10 MB through it and back': async (start) => {
    const child = await start('cat', []);
    const sent = Buffer.alloc(10 * 1024 * 1024, 'linux-ns');
    child.stdin!.end(sent);
    let same = true;
    let at = 0;
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      same &&= chunk.equals(sent.subarray(at, at + chunk.length));
      at += chunk.length;
    }
    return [same, at];
  },
  'output that nobody reads': async (start) => {
    const child = await start('sh', ['-c', 'head -c 60000 /dev/zero; echo err >&2']);
    const events: string[] = [];
    child.on('exit', () => events.push('exit'));
    child.on('close', () => events.push('close'));
    await once(child, 'close');
    return events;
  },
  'output read from the exit on': async (start) => {
    const child = await start('echo', ['late']);
    return new Promise((resolve) => child.on('exit', () => resolve(textOf(child.stdout))));
  },
  'output that nobody wants': async (start) => {
    const child = await start('sh', ['-c', 'read line; exec yes']);
    const watched = observe(child);
    child.stdout!.destroy();
    child.stdout!.once('close', () => child.stdin!.end('now\n'));
    return watched;
  },
  'input that is never read': async (start) => {
    const child = await start('sleep', ['60']);
    const taken = child.stdin!.write(Buffer.alloc(4 * 1024 * 1024));
    // EPIPE, unless its end is seen first.
    child.stdin!.on('error', () => undefined);
    const closed = once(child.stdin!, 'close').catch(() => undefined);
    const watched = observe(child);
    child.kill();
    await closed;
    return [taken, child.stdin!.destroyed, await watched];
  },
  'a child that closes all it has and lives on': async (start) => {
    const script = 'trap "exit 4" USR1; exec <&- >&- 2>&-; while :; do sleep 0.05; done';
    const child = await start('sh', ['-c', script]);
    const order: string[] = [];
    const ended = (): void => {
      if (order.push('output') === 2) child.kill('SIGUSR1');
    };
    child.stdout!.resume().on('end', ended);
    child.stderr!.resume().on('end', ended);
    child.on('exit', (code) => order.push(`exit ${code}`));
    child.on('close', (code) => order.push(`close ${code}`));
    await once(child, 'close');
    return order;
  },
  'output that is held by another': async (start) => {
    // That one waits for the end of its input.
    const child = await start('sh', ['-c', 'exec 3<&0; (read end <&3; echo late) & echo early; exit 5']);
    const order: string[] = [];
    let output = '';
    // In as many pieces as they come: what is early may be read with what is late.
    child.stdout!.on('data', (chunk: Buffer) => {
      output += String(chunk);
      if (output.includes('late')) order.push('late');
    });
    child.on('exit', () => {
      order.push('exit');
      child.stdin!.destroy();
    });
    child.on('close', (code) => order.push(`close ${code}`));
    await once(child, 'close');
    return [output, order];
  },
  'while it runs': async (start) => {
    const child = await start('cat', []);
    const { exitCode, signalCode, killed, connected, channel, stdin, stdout, stderr, stdio } = child;
    const same = [stdio[0] === stdin, stdio[1] === stdout, stdio[2] === stderr, stdio.length];
    stdin!.end();
    return [{ exitCode, signalCode, killed, connected, channel: channel == null }, same, await observe(child)];
  },

  'stdio: ignore': sh('cat; echo lost', { stdio: 'ignore' }),
  'stdio: overlapped': sh('echo kept', { stdio: 'overlapped' }),
  'stdio: inherit': sh('exit 6', { stdio: 'inherit' }),
  'stdio: inherit, among others': sh('readlink /proc/self/fd/0', { stdio: ['inherit', 'pipe', 'ignore', 'inherit'] }),
  'stdio: streams of files': async (start, folder) => {
    const path = join(folder, 'stream');
    writeFileSync(path, 'from a file\n');
    const [input, output] = [createReadStream(path), createWriteStream(`${path}-out`)];
    await Promise.all([once(input, 'open'), once(output, 'open')]);
    const seen = await observe(await start('sh', ['-c', 'cat; echo err >&2'], { stdio: [input, 'pipe', output] }));
    input.destroy();
    output.destroy();
    return [seen, readFileSync(`${path}-out`, 'utf8')];
  },
  'stdio: longer than is used': sh('for fd in 3 4; do test -e /proc/$$/fd/$fd || echo "$fd is closed"; done', {
    stdio: ['ignore', 'pipe', 'pipe', 'ignore', null],
  }),
  'stdio: shorter than three': sh('echo out; echo err >&2', { stdio: ['ignore'] }),
  'stdio: null and undefined': sh('echo out; echo err >&2', { stdio: [null, undefined, 'ignore', null, undefined] }),
  'stdio: a descriptor': async (start, folder) => {
    const path = join(folder, 'out');
    const fd = openSync(path, 'w');
    const seen = await observe(await start('sh', ['-c', 'echo out; echo err >&2'], { stdio: ['ignore', fd, fd] }));
    closeSync(fd);
    return [seen, readFileSync(path, 'utf8')];
  },
  'stdio: a socket of ours': async (start) => {
    const sink = await start('cat', []);
    const text = textOf(sink.stdout);
    const source = await start('head', ['-c', '1000000', '/dev/zero'], { stdio: ['ignore', sink.stdin, 'pipe'] });
    const seen = await observe(source);
    sink.stdin!.end();
    return [seen, (await text)?.length];
  },
  'stdio: descriptors beyond 2': async (start) => {
    const script = 'read line <&3; echo "got $line" >&3; echo four >&4';
    const child = await start('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'] });
    const [, , , third, fourth] = child.stdio as unknown as Socket[];
    third!.write('hello\n');
    return Promise.all([textOf(third), textOf(fourth), once(child, 'close')]);
  },
  cwd: sh('pwd', { cwd: '/usr' }),
  'cwd: a URL': sh('pwd', { cwd: new URL('file:///usr/lib') }),
  'cwd: none': sh('pwd'),
  env: sh('env | grep -v -e ^PWD -e ^SHLVL -e ^_ | sort', {
    env: { PATH: process.env.PATH, A: '1', B: undefined, C: 3 as unknown as string, EMPTY: '' },
  }),
  'env: inherited properties': sh('echo $A $B', {
    env: Object.assign(Object.create({ A: 'from the prototype' }) as NodeJS.ProcessEnv, {
      B: 'own',
      PATH: '/bin:/usr/bin',
    }),
  }),
  'env: none': sh('env | grep -v -e ^PWD -e ^OLDPWD -e ^SHLVL -e ^_ | sort'),
  argv0: async (start) => observe(await start('sh', ['-c', 'cat /proc/$$/cmdline'], { argv0: 'other' })),
  'PATH of the child': async (start, folder) => {
    writeFileSync(join(folder, 'only-here'), '#!/bin/sh\necho found\n', { mode: 0o755 });
    return observe(await start('only-here', [], { env: { PATH: folder } }));
  },
  'a script without a first line': async (start, folder) => {
    const path = join(folder, 'plain');
    writeFileSync(path, 'echo "plain $1"\n', { mode: 0o755 });
    return observe(await start(path, ['one']));
  },
  shell: async (start) => observe(await start('echo $((1 + 1)) | cat; echo "$0"', ['not', 'quoted'], { shell: true })),
  'shell: another': async (start) => observe(await start('echo $0', [], { shell: '/bin/bash' })),
  timeout: async (start) => observe(await startLimited(start, {})),
  'timeout and killSignal': async (start) => observe(await startLimited(start, { killSignal: 'SIGKILL' })),
  'a timeout, and killSignal by number': async (start) => observe(await startLimited(start, { killSignal: 2 })),
  'windowsHide and windowsVerbatimArguments': sh('echo here', { windowsHide: true, windowsVerbatimArguments: true }),
  'uid and gid: its own': sh('id -u; id -g', { uid: process.getuid!(), gid: process.getgid!() }),
  ...(process.getuid!() === 0 ? { 'uid and gid': sh('id -u; id -g; id -G', { uid: 1234, gid: 2345 }) } : {}),
  'a timeout that is not reached': async (start) => observe(await start('true', [], { timeout: ONE_WAIT })),
  abort: async (start) => {
    const controller = new AbortController();
    const child = await start('sleep', ['60'], { signal: controller.signal });
    const failed: unknown[] = [];
    child.on('error', (error: NodeJS.ErrnoException) =>
      failed.push([error.name, error.code, error.message, error.cause]),
    );
    const watched = observe(child);
    controller.abort('enough');
    return [await watched, failed];
  },
  'abort, and killSignal': async (start) => {
    const controller = new AbortController();
    const child = await start('sh', ['-c', 'trap "" TERM; exec sleep 60'], {
      signal: controller.signal,
      killSignal: 'SIGKILL',
    });
    const watched = observe(child);
    controller.abort();
    return watched;
  },
  'abort after the end': async (start) => {
    const controller = new AbortController();
    const child = await start('true', [], { signal: controller.signal });
    const seen = await observe(child);
    controller.abort();
    return seen;
  },
  detached: sh('test "$(cut -d " " -f 6 /proc/$$/stat)" = $$ && echo leads a session', { detached: true }),
  'not detached': sh('test "$(cut -d " " -f 6 /proc/$$/stat)" = $$ || echo in ours'),
  'signals that Node ignores or blocks': sh('grep -e SigBlk -e SigIgn /proc/self/status'),
  'stdin closed by the child': async (start) => {
    const child = await start('sh', ['-c', 'exec 0<&-; echo ready; exec sleep 60']);
    const [code] = await Promise.all([
      once(child.stdin!, 'error').then(([error]) => (error as NodeJS.ErrnoException).code),
      writeOnce(child),
    ]);
    child.kill();
    return code;
  },
  'dispose after the end': async (start) => {
    const child = await start('true', []);
    const seen = await observe(child);
    child[Symbol.dispose]();
    return [seen, child.killed];
  },
  dispose: async (start) => {
    const child = await start('sleep', ['60']);
    const watched = observe(child);
    child[Symbol.dispose]();
    return watched;
  },
};

/** With a time-out that is longer than the start takes: it counts from the call. */
async function startLimited(start: Start, options: SpawnOptions): Promise<ChildProcess> {
  for (let timeout = 20; ; timeout *= 2) {
    try {
      return await start('sleep', ['60'], { ...options, timeout });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ETIMEDOUT') throw error;
    }
  }
}

async function writeOnce(child: ChildProcess): Promise<void> {
  await once(child.stdout!, 'data');
  child.stdin!.write('x');
}

function codeOf(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}
