/** A lab in Jest: `npx jest --config examples/runners/jest.config.cjs`. */
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Host, Lab } from 'linux-ns/lab';

let lab: Lab;
let client: Host;
let server: Host;

// Jest gives a hook five seconds by default. A lab takes some milliseconds, but a busy machine may need longer.
beforeAll(async () => {
  lab = await Lab.create({ seed: 42 });
  const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
  [client, server] = await lab.addHosts(['client', 'server'], { on: lan });
  await server.listen(
    createServer((request, response) => response.end(`hello from ${server.name}`)),
    80,
  );
}, 30_000);

afterAll(() => lab.close());

test('the client reaches the server by its name', async () => {
  const response = await client.fetch('http://server/');
  expect(await response.text()).toBe('hello from server');
});

test('programs see the same network', async () => {
  const { stdout } = await client.execFile('getent', ['hosts', 'server']);
  expect(stdout).toContain('10.0.0.2');
});

test('a cable that is pulled is noticed', async () => {
  await server.down();
  await expect(client.fetch('http://server/', { signal: AbortSignal.timeout(200) })).rejects.toThrow();
  await server.up();
  expect((await client.fetch('http://server/')).status).toBe(200);
});
