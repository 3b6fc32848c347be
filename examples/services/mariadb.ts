import { waitFor } from 'linux-ns';
import { type Service, startService } from './service';

/** An empty MariaDB on port 3306, in which `root` needs no password. Debian package mariadb-server. */
export function startMariadb(): Promise<Service> {
  return startService('mysql', async (set) => {
    const options = { cwd: '/tmp', env: { PATH: '/usr/bin:/usr/sbin:/bin:/sbin' } };
    const data = ['--no-defaults', '--datadir=/tmp/data'];
    const install = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'];
    await set.execFile('mariadb-install-db', [...data, ...install], options);
    const settings = ['--socket=/tmp/socket', '--bind-address=127.0.0.1', '--skip-name-resolve'];
    const server = await set.spawn('mariadbd', [...data, ...settings], options);
    await waitFor.port(server, 3306, { host: '127.0.0.1' });
    return server;
  });
}
