import { chmodSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Sandbox, type SandboxUser, hostUserland } from '../../lib';
import type { EgressPolicy, EgressRequest } from '../../lib/network';
import { eventually } from '../fixtures/footprint';
import { otherNode } from '../fixtures/other-nodes';
import { needs } from '../fixtures/optional';
import { CLIENTS, type ClientFiles, INSTALL, clientEnv, makeClients } from './clients/clients';
import { Outside, PROXY_PORTS } from './outside/outside';
import { GREETING } from './outside/packages';

const USERS: readonly [string, SandboxUser][] = [
  ['root', { uid: 0, gid: 0 }],
  ['an ordinary user', { uid: 1000, gid: 1000 }],
];

/** The users of {@link USERS}: ssh wants to know who it is. */
const PASSWD = 'root:x:0:0::/tmp:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n';

const ALLOWED = ['www.example.com', 'registry.example.com', 'pypi.example.com', 'git.example.com'];
const DENIED = 'secrets.example.org';

/** The refusal as each program tells it: the page, the alert, or the end of the connection. */
const TOLD = /403|denied|reset|alert|terminated the handshake/i;

describe('real programs that are told of no proxy', () => {
  let outside: Outside;
  let files: ClientFiles;

  beforeAll(async () => {
    outside = await Outside.open();
    files = await makeClients(outside);
    chmodSync(files.directory, 0o755);
  });
  afterEach(() => {
    outside.heard.splice(0);
  });
  afterAll(() => outside[Symbol.asyncDispose]());

  const create = async (policy: EgressPolicy, user: SandboxUser): Promise<Sandbox> => {
    const nodes = [process.execPath, otherNode(26)].filter((path) => path !== undefined);
    const elsewhere = nodes.map((path) => dirname(dirname(path))).filter((path) => !path.startsWith('/usr'));
    const java = readdirSync('/etc')
      .filter((name) => name.startsWith('java-'))
      .map((name) => `/etc/${name}`);
    const userland = hostUserland({ readable: [files.directory, ...elsewhere, ...java] });
    return Sandbox.create({
      ...userland,
      mounts: [...userland.mounts, { type: 'file', target: '/etc/passwd', data: PASSWD }],
      user,
      network: { outside: outside.gate, ...policy },
      env: { ...clientEnv(files.caFile), HOME: '/tmp' },
      cwd: '/tmp',
    });
  };

  describe.each(USERS)('as %s inside', (_, user) => {
    let sandbox: Sandbox;
    let requests: EgressRequest[];

    beforeAll(async () => {
      sandbox = await create({ allow: ALLOWED }, user);
      sandbox.egress!.on('request', (request: EgressRequest) => requests.push(request));
    });
    beforeEach(() => {
      requests = [];
    });
    afterAll(() => sandbox.close());

    /** Waits for a request with these properties. It is told when the program behind it has been looked for. */
    const requested = (wanted: Partial<EgressRequest>): Promise<void> =>
      eventually(() =>
        requests.some((request) =>
          Object.entries(wanted).every(([key, value]) => request[key as keyof EgressRequest] === value),
        ),
      );
    /** What a command line says, in a directory of its own. */
    const said = async (command: string): Promise<string> => {
      const { stdout } = await sandbox.exec(`exec 2>&1; cd "$(mktemp -d)"; ${command}; true`);
      return stdout;
    };

    describe.each(CLIENTS)('$name', ({ needs: wants, ...client }) => {
      needs(wants).test.each(['http', 'https'])(
        'reaches the host that is allowed by %s, and no other',
        async (scheme) => {
          expect(await said(client.get(`${scheme}://www.example.com/page`, files))).toContain(
            'heard GET /page for www.example.com',
          );
          const refused = await said(client.get(`${scheme}://${DENIED}/page`, files));
          expect(refused).toMatch(TOLD);
          expect(refused).not.toContain('heard');
          expect(outside.takeHeard('web')).toHaveLength(1);
          expect(outside.takeHeard('other')).toEqual([]);
          await requested({ name: 'www.example.com', decision: 'allow', rule: 'www.example.com' });
          await requested({ name: DENIED, decision: 'deny' });
        },
      );
    });

    test.each(['npm', 'pip'] as const)(
      '%s installs from the registry that is allowed, and from no other',
      async (tool) => {
        const allowed = tool === 'npm' ? 'registry.example.com' : 'pypi.example.com';
        expect(await said(INSTALL[tool](allowed))).toContain(GREETING);
        const refused = await said(INSTALL[tool](DENIED));
        expect(refused).toMatch(TOLD);
        expect(refused).not.toContain(GREETING);
        expect(outside.takeHeard('other')).toEqual([]);
      },
    );

    test('git clones over https from the host that is allowed, and from no other', async () => {
      expect(await said(INSTALL.gitHttps('git.example.com'))).toContain(GREETING);
      const refused = await said(INSTALL.gitHttps(DENIED));
      expect(refused).toMatch(TOLD);
      expect(outside.takeHeard('other')).toEqual([]);
    });

    test('git clones over ssh from the host that is allowed, and from no other', async () => {
      const { identity, hostKey } = await outside.ssh();
      const clone = (host: string): Promise<string> =>
        said(INSTALL.gitSsh(host, join(files.directory, 'git'), identity, hostKey));
      expect(await clone('git.example.com')).toContain(GREETING);
      expect(await clone(DENIED)).toMatch(/reset|closed/i);
      await requested({ name: DENIED, port: 22, decision: 'deny' });
    });

    needs({ tool: ['curl'] }).test('the list says who it was', async () => {
      const child = await sandbox.spawn('curl', ['-sS', '--max-time', '600', 'telnet://www.example.com:7000'], {
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      const argv = ['curl', '-sS', '--max-time', '600', 'telnet://www.example.com:7000'];
      const isIts = ({ program }: EgressRequest): boolean => program?.pid === child.pid;
      await eventually(() => requests.some(isIts));
      expect(requests.find(isIts)?.program).toMatchObject({ file: expect.stringMatching(/\/curl$/) as string, argv });
      child.kill('SIGKILL');
      await child.exited;
    });
  });

  test.each(['http', 'socks5'] as const)('the connections go through an upstream proxy: %s', async (scheme) => {
    const via = `${scheme}://agent:open%20sesame@proxy.example.com:${PROXY_PORTS[scheme]}`;
    await using sandbox = await create({ allow: ['www.example.com'], via }, USERS[1]![1]);
    outside.asked.splice(0);
    const { stdout } = await sandbox.exec(
      `exec 2>&1; curl -sS https://www.example.com/; curl -sS https://${DENIED}/; env; true`,
    );
    expect(stdout).toContain('heard GET / for www.example.com');
    expect(stdout).toMatch(/denied/);
    expect(stdout).not.toMatch(/sesame|proxy/);
    expect(outside.asked).toEqual([`${scheme} www.example.com:443`]);
  });
});
