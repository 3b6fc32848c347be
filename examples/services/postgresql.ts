import { readdirSync } from 'node:fs';
import { waitFor } from 'linux-ns';
import { type Service, startService } from './service';

/** An empty PostgreSQL on port 5432, in which `postgres` needs no password. Debian package postgresql. */
export function startPostgresql(): Promise<Service> {
  return startService('postgres', async (set) => {
    const options = { cwd: '/tmp', env: { PATH: `${programs()}:/usr/bin:/bin`, LANG: 'C.UTF-8' } };
    // It refuses to run as root: the map of the set makes it the user postgres.
    await set.execFile('initdb', ['-D', 'data', '-U', 'postgres', '-A', 'trust', '--no-sync'], options);
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=/tmp', 'fsync=off'];
    const server = await set.spawn('postgres', ['-D', 'data', ...settings.flatMap((each) => ['-c', each])], options);
    await waitFor.exec(set, 'pg_isready', ['-h', '127.0.0.1'], { program: server });
    return server;
  });
}

/** The directory of its newest version: Debian has several side by side, and none on the PATH. */
function programs(): string {
  const versions = readdirSync('/usr/lib/postgresql').map(Number);
  return `/usr/lib/postgresql/${Math.max(...versions)}/bin`;
}
