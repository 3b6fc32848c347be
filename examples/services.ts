/**
 * Services for tests, fresh, each on its default port in namespaces of its own: Redis, PostgreSQL and nginx. Start it twice
 * at the same time, or beside the services of the host: no port is taken.
 */
import { startNginx } from './services/nginx';
import { startPostgresql } from './services/postgresql';
import { startRedis } from './services/redis';

async function main(): Promise<void> {
  const started = performance.now();
  const [redis, postgresql, nginx] = await Promise.all([
    startRedis(),
    startPostgresql(),
    startNginx('location / { return 200 "hello from nginx\\n"; }'),
  ]);
  console.log(`three services run after ${Math.round(performance.now() - started)} ms`);

  console.log('Redis says', (await redis.set.execFile('redis-cli', ['ping'])).stdout.trim());
  const query = ['-h', '127.0.0.1', '-U', 'postgres', '-Atc', "select 'hello from ' || current_user"];
  console.log('PostgreSQL says', (await postgresql.set.execFile('psql', query)).stdout.trim());
  console.log('nginx says', (await (await nginx.network.fetch('http://localhost/')).text()).trim());

  // Any client of this process reaches a service by a forward.
  const forward = await postgresql.network.forward({ host: 0, inside: 5432 });
  console.log(`postgres://postgres@127.0.0.1:${forward.port}/postgres leads inside`);
  await Promise.all([redis, postgresql, nginx].map((service) => service.close()));
}

void main();
