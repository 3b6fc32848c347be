import { waitFor } from 'linux-ns';
import { type Service, startService } from './service';

/**
 * An nginx on port 80 with your own configuration of its server. Debian package nginx-light.
 *
 * @param server - the contents of a `server` block
 */
export function startNginx(server: string): Promise<Service> {
  return startService('www-data', async (set) => {
    // It is not root inside, and so changes to no other user; but then port 80 takes this.
    await set.writeFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', '0');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`);
    const http = `access_log off; ${temporary.join(' ')} server { listen 80; ${server} }`;
    const configuration = `daemon off; pid nginx.pid; error_log stderr; events {} http { ${http} }`;
    await set.writeFile('/tmp/nginx.conf', configuration, { create: true });
    const nginx = await set.spawn('/usr/sbin/nginx', ['-p', '/tmp', '-e', 'stderr', '-c', 'nginx.conf']);
    await waitFor.port(nginx, 80);
    return nginx;
  });
}
