import { needs } from '../fixtures/optional';
import { linesOf } from './example';

needs({ tool: ['redis-server', 'redis-cli', 'pg_ctlcluster', 'nginx'] }).test(
  'services: Redis, PostgreSQL and nginx run, each on its default port',
  async () => {
    const lines = await linesOf('services', []);
    expect(lines.slice(1, 4)).toEqual([
      'Redis says PONG',
      'PostgreSQL says hello from postgres',
      'nginx says hello from nginx',
    ]);
    expect(lines[4]).toMatch(/^postgres:\/\/postgres@127\.0\.0\.1:\d+\/postgres leads inside$/);
  },
);

needs({ tool: ['redis-server', 'redis-cli'] }).test('lab-redis: a replica that was cut off catches up', async () => {
  expect(await linesOf('lab-redis', [])).toEqual([
    'connected: what is written to the primary is on the replica',
    'cut: the replica does not know what was written meanwhile',
    'healed: it has caught up',
  ]);
});
