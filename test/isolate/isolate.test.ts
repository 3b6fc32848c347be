/** The processes that a test runner forks, in namespaces of their own: `linux-ns/isolate`, as Node loads it. */
import { type ChildProcess, type ForkOptions, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { unshare } from '../../lib';
import { NOTHING_ISOLATED, runnerEnvironment } from '../../lib/isolate/runner';
import { RunnerDirectory } from '../../lib/isolate/temporary';
import { CompiledPackage } from '../fixtures/child-node';

let compiled: CompiledPackage;
let folder: string;
let directory: RunnerDirectory;
beforeAll(() => {
  compiled = new CompiledPackage();
  // Not in the directory for temporary files: that is another one inside.
  folder = realpathSync(mkdtempSync(join(compiled.directory, 'files-')));
  directory = RunnerDirectory.make();
});
afterAll(() => {
  directory.remove();
  compiled.remove();
});

/** The environment of a runner that has loaded the compiled module. */
function environment(words?: string): NodeJS.ProcessEnv {
  return { ...runnerEnvironment(OWN, words, directory), NODE_OPTIONS: `--require=${module()}` };
}

/** This process's own: that it may be a process of a test runner has no meaning for the runners that are started here. */
const OWN: NodeJS.ProcessEnv = { ...process.env, NODE_OPTIONS: undefined, NODE_TEST_CONTEXT: undefined };

function module(): string {
  return join(compiled.directory, 'dist', 'isolate', 'index.js');
}

/** Writes a program. */
function program(body: string, name = 'program.cjs'): string {
  const file = join(folder, name);
  writeFileSync(file, body);
  return file;
}

interface Forked {
  child: ChildProcess;
  messages: unknown[];
  ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>;
}

/** Forks a program as a test runner does, and sends it messages at once. */
function start(body: string, { words, ...options }: ForkOptions & { words?: string } = {}, ...sent: object[]): Forked {
  const child = fork(program(body), ['a', 'b'], { silent: true, env: environment(words), ...options });
  const messages: unknown[] = [];
  child.on('message', (message) => messages.push(message));
  for (const message of sent) child.send(message);
  const ended = Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]).then(
    ([stdout, stderr, [code, signal]]) => ({
      ...{ code: code as number | null, signal: signal as string | null },
      ...{ stdout, stderr },
    }),
  );
  return { child, messages, ended };
}

/** The value that a forked program has for an expression. */
async function valueOf(expression: string, options?: Parameters<typeof start>[1]): Promise<unknown> {
  const { messages, ended } = start(
    `const fs = require('node:fs'), os = require('node:os'), path = require('node:path');
    const ns = (kind) => fs.readlinkSync('/proc/self/ns/' + kind);
    process.send(${expression});`,
    options,
  );
  const { code, stderr } = await ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return messages[0];
}

const run = promisify(execFile);

const own = (kind: string): string => readlinkSync(`/proc/self/ns/${kind}`);

describe('a process that is forked', () => {
  it('continues as the same process, with the same user, in a network of its own', async () => {
    const { child, messages, ended } = start(`
      const { readlinkSync } = require('node:fs');
      const links = Object.keys(require('node:os').networkInterfaces());
      process.send([process.pid, process.ppid, process.getuid(), process.getgid(), links, readlinkSync('/proc/self/ns/net')]);`);
    await ended;
    const [pid, ppid, uid, gid, links, net] = messages[0] as unknown[];
    expect([pid, ppid]).toEqual([child.pid, process.pid]);
    expect([uid, gid]).toEqual([process.getuid!(), process.getgid!()]);
    expect(links).toEqual(['lo']);
    expect(net).not.toBe(own('net'));
  });

  it('has its arguments, those of Node, and its directory', async () => {
    const value = await valueOf('[process.argv, process.execArgv, process.cwd()]', {
      execArgv: ['--no-warnings', '--stack-size=900'],
      cwd: folder,
    });
    const argv = [process.execPath, join(folder, 'program.cjs'), 'a', 'b'];
    expect(value).toEqual([argv, ['--no-warnings', '--stack-size=900'], folder]);
  });

  it('gets every message that was sent before it ran, in order, in the form that was chosen', async () => {
    const echo = `
      process.on('message', (message) => {
        process.send({ got: message });
        if (message.last) process.disconnect();
      });`;
    const sent = [{ big: 2n ** 70n }, { text: 'x'.repeat(200_000) }, { last: true }];
    const { messages, ended } = start(echo, { serialization: 'advanced' }, ...sent);
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
    expect(messages).toEqual(sent.map((got) => ({ got })));
  });

  it('has its standard streams, and descriptors beyond them', async () => {
    const { child, ended } = start(
      `const fs = require('node:fs');
      fs.writeSync(5, 'five');
      process.stdin.on('data', (data) => process.stdout.write('out:' + data));
      process.stdin.on('end', () => process.stderr.write('err'));
      process.channel.unref();`,
      { stdio: ['pipe', 'pipe', 'pipe', 'ipc', 'ignore', 'pipe'] },
    );
    child.stdin!.end('in');
    const five = text((child.stdio as unknown as Readable[])[5]!);
    expect(await ended).toEqual({ code: 0, signal: null, stdout: 'out:in', stderr: 'err' });
    expect(await five).toBe('five');
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('ends by %s as any other', async (signal) => {
    const { child, ended } = start(`process.send('ready'); setInterval(() => undefined, 1000);`);
    await once(child, 'message');
    child.kill(signal);
    expect(await ended).toMatchObject({ code: null, signal });
  });

  it('tells its exit code', async () => {
    expect(await start('process.exitCode = 7').ended).toMatchObject({ code: 7, signal: null });
  });

  it('starts programs in its own namespaces, which get none of their own', async () => {
    const value = await valueOf(`[
      ns('net'),
      require('node:child_process').execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }).trim(),
      require('node:child_process').execFileSync(process.execPath, ['-p', 'process.env.NODE_OPTIONS + fs.readlinkSync("/proc/self/ns/net")'], { encoding: 'utf8' }).trim(),
      Object.keys(process.env).filter((name) => /^LINUX_NS_(ISOLATE|RUNNER|TMPDIR|STEPS|FAILED)$/.test(name)),
    ]`);
    const [net, child, node, variables] = value as [string, string, string, string[]];
    expect([child, node, variables]).toEqual([net, `undefined${net}`, []]);
  });

  it('may listen on any port', async () => {
    const { messages, ended } = start(`
      const server = require('node:net').createServer().listen(80, '127.0.0.1', () => {
        process.send(server.address().port);
        server.close();
        process.disconnect();
      });`);
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
    expect(messages).toEqual([80]);
  });

  it('has a hostname and clocks of its own, if that is asked for', async () => {
    const options = { words: 'hostname=box.example,boottime=86400000' };
    const value = await valueOf(`[os.hostname(), os.uptime() > 86400000, ns('uts'), ns('time'), ns('net')]`, options);
    const [name, shifted, uts, time, net] = value as [string, boolean, string, string, string];
    expect([name, shifted, net]).toEqual(['box.example', true, own('net')]);
    expect([uts, time]).not.toEqual([own('uts'), own('time')]);
    expect(hostname()).not.toBe('box.example');
  });

  it('can be used with Workers', async () => {
    const { messages, ended } = start(`
      const { Worker } = require('node:worker_threads');
      const code = "require('node:worker_threads').parentPort.postMessage(require('node:os').networkInterfaces().lo.length)";
      new Worker(code, { eval: true }).on('message', (count) => process.send(count > 0)).on('exit', () => process.disconnect());`);
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
    expect(messages).toEqual([true]);
  });
});

describe('a directory for temporary files of its own', () => {
  it('is empty but for the files of the runner, writable, and gone at the end', async () => {
    const left = join(tmpdir(), `linux-ns-left-${process.pid}`);
    const value = await valueOf(
      `[os.tmpdir(), fs.readdirSync(os.tmpdir()), fs.writeFileSync(${JSON.stringify(left)}, ''), fs.existsSync(${JSON.stringify(left)})]`,
      { words: 'tmp' },
    );
    const [path, entries, , written] = value as [string, string[], null, boolean];
    expect(path).toBe(tmpdir());
    expect(entries.filter((entry) => !KEPT.includes(join(tmpdir(), entry)))).toEqual([]);
    expect(written).toBe(true);
    expect(() => readlinkSync(left)).toThrow('ENOENT');
  });

  it("shows what the runner puts into its own, while it runs, where the runner's TMPDIR says", async () => {
    const env = environment('tmp');
    expect(env.TMPDIR).toBe(directory.tmp);
    writeFileSync(join(directory.tmp, 'for-workers'), 'from the runner');
    const value = await valueOf(`fs.readFileSync(${JSON.stringify(join(directory.tmp, 'for-workers'))}, 'utf8')`, {
      env,
    });
    expect(value).toBe('from the runner');
  });

  it('keeps the project visible that lies in it, and what is beside that in the same directory', async () => {
    const top = mkdtempSync(join(tmpdir(), 'linux-ns-project-'));
    try {
      mkdirSync(join(top, 'a'));
      writeFileSync(join(top, 'beside'), 'beside');
      const value = await valueOf(`[process.cwd(), fs.readFileSync('../beside', 'utf8')]`, {
        words: 'tmp',
        cwd: join(top, 'a'),
      });
      expect(value).toEqual([realpathSync(join(top, 'a')), 'beside']);
    } finally {
      rmSync(top, { recursive: true });
    }
  });

  /** What may be there: the compiled package, the files of the runner, and those of this test's project. */
  let KEPT: string[];
  beforeAll(() => (KEPT = [compiled.directory, directory.path]));
});

describe('what is not isolated', () => {
  it('the runner, and programs that it starts in other ways; and it is said if nothing else was', async () => {
    const file = program(`console.log(require('node:fs').readlinkSync('/proc/self/ns/net'))`);
    const env = { ...OWN, NODE_OPTIONS: `--require=${module()}` };
    const { stdout, stderr } = await run(process.execPath, [file], { env });
    expect(stdout).toBe(`${own('net')}\n`);
    expect(stderr).toBe(`linux-ns: isolate: ${NOTHING_ISOLATED}\n`);
  });

  it('a process with a debugger, which could not be reached', async () => {
    const { messages, ended } = start(`process.send(require('node:fs').readlinkSync('/proc/self/ns/net'))`, {
      execArgv: ['--inspect=127.0.0.1:0'],
    });
    const { stderr } = await ended;
    expect(messages).toEqual([own('net')]);
    expect(stderr).toContain('[LINUX_NS_NOT_ISOLATED]');
  });

  it('a Worker of the runner', async () => {
    const file = program(`
      const code = "console.log(require('node:fs').readlinkSync('/proc/self/ns/net'))";
      new (require('node:worker_threads').Worker)(code, { eval: true });`);
    const { stdout } = await run(process.execPath, [file], { env: environment() });
    expect(stdout).toBe(`${own('net')}\n`);
  });
});

describe('what fails', () => {
  it('ends the process before its program runs, with the step, the cause and the remedy', async () => {
    await using set = await unshare(['user']);
    await set.writeFile('/proc/sys/user/max_uts_namespaces', '0');
    const file = program(`console.log('ran')`);
    const runner = program(
      `require('node:child_process').fork(${JSON.stringify(file)}).on('exit', (code) => process.exit(code))`,
      'runner.cjs',
    );
    const env = environment('hostname=box');
    const error: unknown = await set.execFile(process.execPath, [runner], { env }).catch((thrown: unknown) => thrown);
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain("step: 'unshare uts");
    expect(stderr).toContain("code: 'ENOSPC'");
    expect(stderr).toMatch(/hint: .*max_uts_namespaces/);
  });

  it('a word that is wrong, too', async () => {
    const { code, stderr } = await start('', { env: { ...environment(), LINUX_NS_ISOLATE: 'nte' } }).ended;
    expect(code).toBe(1);
    expect(stderr).toContain("did you mean 'net'?");
  });

  it('a module that is loaded when messages may have been read: they would be lost', async () => {
    const env = { ...environment(), NODE_OPTIONS: '' };
    const late = program(
      `import { setTimeout } from 'node:timers/promises';
      await setTimeout(1);
      await import(${JSON.stringify(module())});`,
      'late.mjs',
    );
    const { child, ended } = start('', { env, execArgv: ['--import', late] }, { early: 1 });
    expect((await ended).stderr).toContain("with '--require' instead of '--import'");
    expect(child.exitCode).toBe(1);
  });
});

describe("NODE_OPTIONS='--import linux-ns/isolate'", () => {
  it('in the runner is enough for what it forks', async () => {
    const child = program(`process.on('message', (message) => {
      process.send([message, require('node:fs').readlinkSync('/proc/self/ns/net')]);
      process.disconnect();
    })`);
    const runner = program(
      `const child = require('node:child_process').fork(${JSON.stringify(child)});
      child.send('hello');
      child.on('message', (message) => console.log(JSON.stringify(message)));`,
      'runner.cjs',
    );
    const env = { ...OWN, NODE_OPTIONS: `--import ${module()}` };
    const { stdout, stderr } = await run(process.execPath, [runner], { env });
    const [message, net] = JSON.parse(stdout) as [string, string];
    expect({ message, stderr }).toEqual({ message: 'hello', stderr: '' });
    expect(net).not.toBe(own('net'));
  });
});
