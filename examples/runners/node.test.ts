/** A lab in node:test: `node --import tsx --test examples/runners/node.test.ts`. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { type Host, Lab } from 'linux-ns/lab';

let lab: Lab;
let client: Host;
let server: Host;

before(async () => {
  lab = await Lab.create({ seed: 42 });
  const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
  [client, server] = await lab.addHosts(['client', 'server'], { on: lan });
  await server.listen(
    createServer((request, response) => response.end(`hello from ${server.name}`)),
    80,
  );
});

after(() => lab.close());

void test('the client reaches the server by its name', async () => {
  const response = await client.fetch('http://server/');
  assert.equal(await response.text(), 'hello from server');
});

void test('programs see the same network', async () => {
  const { stdout } = await client.execFile('getent', ['hosts', 'server']);
  assert.match(stdout, /10\.0\.0\.2/);
});

void test('a cable that is pulled is noticed', async () => {
  await server.down();
  await assert.rejects(client.fetch('http://server/', { signal: AbortSignal.timeout(200) }));
  await server.up();
  assert.equal((await client.fetch('http://server/')).status, 200);
});
