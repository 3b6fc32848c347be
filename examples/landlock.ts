/**
 * A program without namespaces: Landlock alone restricts it. It runs what is installed, writes in one directory, connects to
 * one TCP port, and signals nobody else. That works for an ordinary user, and in containers where namespaces are refused.
 *
 *     npx tsx examples/landlock.ts                       tries what is allowed and what is not
 *     npx tsx examples/landlock.ts DIRECTORY command...  runs a command that writes in DIRECTORY and nowhere else
 */
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, type Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type LandlockOptions, Sandbox } from 'linux-ns';
import { endAs, fail } from './command-line';

/** Programs with what most of them read, and one directory to write in. Nothing else is open. */
function rulesFor(directory: string): LandlockOptions {
  return {
    execute: ['/usr', '/bin', '/lib', '/lib64', process.execPath].filter((path) => existsSync(path)),
    read: ['/etc', '/proc'],
    write: [directory, '/dev/null'],
  };
}

async function run(landlock: LandlockOptions, cwd: string, [file = '', ...args]: readonly string[]): Promise<void> {
  await using sandbox = await Sandbox.create({ isolation: 'landlock', landlock, cwd });
  await endAs(await sandbox.spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit'] }));
}

/** The program that is run: its arguments are a pid, and two TCP ports. */
const PROGRAM = `
  const { readFileSync, readdirSync, writeFileSync } = require('node:fs');
  const { once } = require('node:events');
  const { connect } = require('node:net');
  const [pid, ...ports] = process.argv.slice(1).map(Number);
  const attempts = {
    'write in its directory': () => writeFileSync('note', 'text'),
    'read it again': () => readFileSync('note'),
    'write beside it': () => writeFileSync('../note', 'text'),
    'list /': () => readdirSync('/'),
    'signal the process that started it': () => process.kill(pid, 0),
    'connect to the port that is open to it': () => once(connect(ports[0], '127.0.0.1'), 'connect'),
    'connect to another port': () => once(connect(ports[1], '127.0.0.1'), 'connect'),
  };
  (async () => {
    for (const [what, attempt] of Object.entries(attempts)) {
      const answer = await new Promise((resolve) => resolve(attempt())).then(() => 'ok', (error) => error.code);
      console.log(answer.padEnd(7) + what);
    }
    process.exit();
  })();`;

async function listen(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function demonstrate(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'landlock-'));
  const work = join(folder, 'work');
  mkdirSync(work);
  const servers = [await listen(), await listen()];
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  try {
    const landlock = { ...rulesFor(work), connectTcp: ports.slice(0, 1) };
    const args = [process.pid, ...ports].map(String);
    await run(landlock, work, [process.execPath, '-e', PROGRAM, ...args]);
  } finally {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true });
  }
}

async function main(): Promise<void> {
  const [directory, ...command] = process.argv.slice(2);
  if (directory === undefined) return demonstrate();
  if (command.length === 0) throw new Error('Usage: landlock [DIRECTORY command...]');
  const work = resolve(directory);
  await run(rulesFor(work), work, command);
}

main().catch(fail);
