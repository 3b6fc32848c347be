import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needs } from '../../fixtures/optional';
import { type Footprint, expectNothingLeft } from '../../fixtures/footprint';
import { footprintWithServers } from '../../network/sockets/inside';
import { CLIENTS, type ClientFiles, INSTALL, clientEnv, makeClients } from '../clients/clients';
import { ECHO_PORT, Outside, PROXY_PORTS } from './outside';
import { GREETING } from './packages';

// What the tests of egress have for an outside, with nothing in between.
describe('the outside, from a host of it', () => {
  let before: Footprint;
  let outside: Outside;
  let files: ClientFiles;
  let directory: string;

  beforeAll(async () => {
    before = await footprintWithServers();
    outside = await Outside.open();
    files = await makeClients(outside);
  });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ns-client-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  afterAll(async () => {
    await outside[Symbol.asyncDispose]();
    await expectNothingLeft(before);
  });

  const said = async (command: string): Promise<string> => {
    const env = { ...clientEnv(files.caFile), HOME: directory };
    const { stdout } = await outside.gate.exec(`exec 2>&1; cd ${directory}; ${command}; true`, { env });
    return stdout;
  };

  describe.each(CLIENTS)('$name', ({ needs: wants, ...client }) => {
    needs(wants).test.each(['http', 'https'])('gets a page by %s', async (scheme) => {
      expect(await said(client.get(`${scheme}://www.example.com/page`, files))).toContain(
        'heard GET /page for www.example.com',
      );
      expect(outside.takeHeard('web')).toEqual([
        expect.objectContaining({ url: '/page', sni: scheme === 'https' ? 'www.example.com' : undefined }),
      ]);
    });
  });

  test('a package can be installed by npm, pip and git', async () => {
    expect(await said(INSTALL.npm('registry.example.com'))).toContain(GREETING);
    expect(await said(INSTALL.pip('pypi.example.com'))).toContain(GREETING);
    expect(await said(INSTALL.gitHttps('git.example.com'))).toContain(GREETING);
  });

  test('git reaches it over ssh', async () => {
    const { identity, hostKey } = await outside.ssh();
    const command = INSTALL.gitSsh('git.example.com', join(files.directory, 'git'), identity, hostKey);
    expect(await said(command)).toContain(GREETING);
  });

  needs({ tool: ['curl'] }).test.each(['http', 'socks5h'] as const)('the proxy for %s leads there', async (scheme) => {
    const port = scheme === 'http' ? PROXY_PORTS.http : PROXY_PORTS.socks5;
    const proxy = (user: string): string => `-x '${scheme}://${user}@proxy.example.com:${port}'`;
    const url = 'https://www.example.com/';
    expect(await said(`curl -sS ${proxy('agent:open%20sesame')} ${url}`)).toContain('heard GET /');
    expect(await said(`curl -sS ${proxy('agent:wrong')} ${url}`)).toMatch(/407|rejected|authentic/i);
    expect(outside.asked).toContain(`${scheme === 'http' ? 'http' : 'socks5'} www.example.com:443`);
  });

  test('a server says its name, and repeats what it hears', async () => {
    const socket = await outside.gate.connect({ host: 'secrets.example.org', port: ECHO_PORT });
    socket.end('hello\n');
    let heard = '';
    for await (const chunk of socket) heard += String(chunk);
    expect(heard).toBe('other\nhello\n');
    expect(outside.dialled).toContain('other');
  });
});
