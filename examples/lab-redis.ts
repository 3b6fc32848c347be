/**
 * Redis replication that is cut and healed, with the real redis-server (Debian package redis-server): what is written while
 * the replica is cut off arrives when it is back. Both are hosts of a lab, each with its own port 6379.
 */
import { type NamespaceProcess, waitFor } from 'linux-ns';
import { type Host, Lab } from 'linux-ns/lab';

async function startRedis(host: Host, ...options: string[]): Promise<NamespaceProcess> {
  const server = await host.spawn('redis-server', [
    '--save',
    '',
    '--protected-mode',
    'no',
    '--dir',
    '/tmp',
    ...options,
  ]);
  await waitFor.port(server, 6379);
  return server;
}

async function redis(host: Host, ...command: string[]): Promise<string> {
  return (await host.execFile('redis-cli', command)).stdout.trim();
}

async function main(): Promise<void> {
  await using lab = await Lab.create({ seed: 1 });
  const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
  const [primary, replica] = await lab.addHosts(['primary', 'replica'], { on: lan, tmp: true });

  await startRedis(primary, '--repl-ping-replica-period', '1', '--repl-timeout', '3');
  const follower = await startRedis(replica, '--replicaof', 'primary', '6379', '--repl-timeout', '3');
  await waitFor.log(follower, 'MASTER <-> REPLICA sync: Finished with success');
  await redis(primary, 'set', 'before', '1');
  await waitFor.exec(replica, 'sh', ['-c', 'test "$(redis-cli get before)" = 1']);
  console.log('connected: what is written to the primary is on the replica');

  const cut = await lab.isolate(replica);
  await waitFor.log(follower, /MASTER timeout|Connection with master lost/);
  await redis(primary, 'set', 'meanwhile', '2');
  const stale = await redis(replica, 'get', 'meanwhile');
  console.log(`cut: the replica ${stale === '' ? 'does not know' : 'knows'} what was written meanwhile`);

  await cut.heal();
  await waitFor.exec(replica, 'sh', ['-c', 'test "$(redis-cli get meanwhile)" = 2']);
  console.log('healed: it has caught up');
}

void main();
