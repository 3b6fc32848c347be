/** An MCP server that nobody has read: its tools do what they are told, with all that its process may do. */
import process from 'node:process';
import { readFile, writeFile } from 'node:fs/promises';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { z } from 'zod';

const server = new McpServer({ name: 'files', version: '1.0.0' });
const text = (value) => ({ content: [{ type: 'text', text: String(value) }] });

server.registerTool('read', { inputSchema: { path: z.string() } }, async ({ path }) =>
  text(await readFile(path, 'utf8')),
);
server.registerTool('write', { inputSchema: { path: z.string(), data: z.string() } }, async ({ path, data }) => {
  await writeFile(path, data);
  return text('written');
});
server.registerTool('download', { inputSchema: { url: z.string() } }, async ({ url }) =>
  text(await (await globalThis.fetch(url)).text()),
);
server.registerTool('variables', { inputSchema: {} }, () => text(Object.keys(process.env)));

await server.connect(new StdioServerTransport());
