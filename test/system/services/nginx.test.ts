import { once } from 'node:events';
import { createServer } from 'node:http';
import { Agent, fetch } from 'undici';
import { startNginx } from '../../../examples/services/nginx';
import type { Service } from '../../../examples/services/service';
import { unshare } from '../../../lib';
import { type Footprint, expectNothingLeft } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';
import { footprintWithServers } from '../../network/sockets/inside';

needs({ tool: ['nginx'] }).describe('nginx, the one of Debian', () => {
  let before: Footprint;
  let nginx: Service;
  beforeAll(async () => {
    before = await footprintWithServers();
    nginx = await startNginx(`
      location /static { return 200 "from nginx"; }
      location / { proxy_pass http://127.0.0.1:3000; }
    `);
  });
  afterAll(async () => {
    await nginx.close();
    await expectNothingLeft(before);
  });

  test('is reached on port 80 by fetch() of the network, and by undici with a connector', async () => {
    const response = await nginx.network.fetch('http://localhost/static');
    expect([response.headers.get('server'), await response.text()]).toEqual([
      expect.stringMatching(/^nginx/),
      'from nginx',
    ]);
    const dispatcher = new Agent({ connect: nginx.network.connector() });
    expect(await (await fetch('http://localhost/static', { dispatcher })).text()).toBe('from nginx');
    await dispatcher.close();
  });

  test('leads to a server of this process, by a forward out of its network', async () => {
    const server = createServer((request, response) => response.end(`this process has ${request.url}`));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as { port: number };
    await using forward = await nginx.network.forward({ direction: 'out', inside: 3000, host: port });
    expect(await (await nginx.network.fetch('http://localhost/page')).text()).toBe('this process has /page');
    expect(forward.port).toBe(3000);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('complains of the map that makes you root: it has no other user to change to', async () => {
    await using set = await unshare({ user: { uidMap: 'root', gidMap: 'root' }, mnt: true, net: true, pid: true });
    await set.mount({ type: 'tmpfs', target: '/tmp' });
    const configuration =
      'daemon off; pid /tmp/pid; error_log stderr; events {} http { access_log off; server { listen 80; } }';
    await set.writeFile('/tmp/nginx.conf', configuration, { create: true });
    await set.mount({ type: 'tmpfs', target: '/var/lib/nginx' });
    const failed = await set
      .execFile('nginx', ['-c', '/tmp/nginx.conf', '-e', 'stderr'], { timeout: 60_000 })
      .catch(String);
    expect(failed).toMatch(/setgid\(\d+\) failed \(22: Invalid argument\)|chown\(.*\) failed \(22: Invalid argument\)/);
  });
});
