/**
 * An MCP server in a sandbox: the client is outside, the server inside, and they talk over the server's standard input
 * and output. The server sees one directory, and neither the home directory, nor the network, nor a variable of this
 * process's.
 *
 *     npx tsx examples/mcp.ts
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { type NamespaceProcess, Sandbox, hostUserland } from 'linux-ns';
import { fail } from './command-line';

/** A transport of the SDK to a server that runs in a sandbox. What the server says is not believed, only read. */
class SandboxTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #box: Sandbox;
  readonly #command: readonly string[];
  readonly #buffer = new ReadBuffer();
  #server: NamespaceProcess | undefined;

  constructor(box: Sandbox, command: readonly string[]) {
    this.#box = box;
    this.#command = command;
  }

  async start(): Promise<void> {
    const [file = '', ...args] = this.#command;
    const server = await this.#box.spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#server = server;
    server.stdin?.on('error', (error) => this.onerror?.(error));
    server.stdout?.on('data', (chunk: Buffer) => this.#take(chunk));
    void server.exited.then(() => this.onclose?.());
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.#server?.stdin?.write(serializeMessage(message));
  }

  async close(): Promise<void> {
    this.#server?.kill('SIGKILL');
    await this.#server?.exited;
  }

  #take(chunk: Buffer): void {
    try {
      this.#buffer.append(chunk);
      for (let next = this.#buffer.readMessage(); next !== null; next = this.#buffer.readMessage()) {
        this.onmessage?.(next);
      }
    } catch (error) {
      this.onerror?.(error as Error);
    }
  }
}

/** The server's program and the packages that it imports can be read, and the project written. */
async function createBox(project: string): Promise<Sandbox> {
  const server = resolve(__dirname, 'mcp');
  const packages = resolve(__dirname, '../node_modules');
  return Sandbox.create(
    hostUserland({ writable: project, readable: [server, packages, dirname(dirname(process.execPath))] }),
  );
}

async function main(): Promise<void> {
  const project = mkdtempSync(join(tmpdir(), 'mcp-'));
  try {
    writeFileSync(join(project, 'README'), 'a project');
    await using box = await createBox(project);
    const client = new Client({ name: 'example', version: '1.0.0' });
    await client.connect(new SandboxTransport(box, [process.execPath, resolve(__dirname, 'mcp/server.mjs')]));
    console.log(`tools: ${(await client.listTools()).tools.map(({ name }) => name).join(' ')}`);

    const call = async (name: string, args: Record<string, string>): Promise<void> => {
      const { content } = await client.callTool({ name, arguments: args });
      const [first] = content as [{ text: string }];
      console.log(
        `${name} ${Object.values(args).join(' ').replaceAll(project, 'PROJECT')}: ${first.text.replaceAll(project, 'PROJECT')}`,
      );
    };
    await call('read', { path: join(project, 'README') });
    await call('write', { path: join(project, 'note'), data: 'hello' });
    await call('read', { path: join(homedir(), '.ssh/id_ed25519') });
    await call('write', { path: '/usr/bin/ls', data: 'mine' });
    await call('download', { url: 'http://192.0.2.1/' });
    await call('variables', {});
    await client.close();
    console.log(`on the host: note has ${JSON.stringify(readFileSync(join(project, 'note'), 'utf8'))}`);
  } finally {
    rmSync(project, { recursive: true });
  }
}

main().catch(fail);
