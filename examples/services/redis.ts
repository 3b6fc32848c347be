import { waitFor } from 'linux-ns';
import { type Service, startService } from './service';

/** An empty Redis on port 6379. Debian package redis-server. */
export function startRedis(): Promise<Service> {
  return startService('redis', async (set) => {
    const server = await set.spawn('redis-server', ['--save', '', '--dir', '/tmp']);
    await waitFor.port(server, 6379);
    return server;
  });
}
