/** What a sandbox is told of the network and of time: names in /etc/hosts, and offsets of clocks. */
import { readFileSync } from 'node:fs';
import { type SandboxSpec, unshare } from '../../lib';
import { inSandbox, said, saidIn, userland, withFolder } from './box';

describe('names of hosts', () => {
  const hosts = { db: '10.0.0.5', 'web.example': ['10.0.0.6', 'fd00::6'] };

  test('are found by programs, beside localhost and the name of the sandbox', async () => {
    const ask = 'for name in db web.example box; do getent hosts $name | tr -s " "; done';
    expect(await saidIn({ hosts, hostname: 'box' }, ask)).toBe('10.0.0.5 db\nfd00::6 web.example\n127.0.1.1 box');
    expect(await saidIn({ hosts }, 'cat /etc/hosts')).toBe(
      '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n10.0.0.5\tdb\n10.0.0.6\tweb.example\nfd00::6\tweb.example',
    );
  });

  test('are in a file of the sandbox alone, over one that is bound', async () => {
    const before = readFileSync('/etc/hosts', 'utf8');
    const spec: SandboxSpec = {
      hosts: { box: '10.0.0.9' },
      hostname: 'box',
      mounts: [{ type: 'bindReadOnly', source: '/etc/hosts', target: '/etc/hosts' }],
    };
    expect(await saidIn(spec, 'cat /etc/hosts; echo x >>/etc/hosts && tail -n1 /etc/hosts')).toBe(
      '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n10.0.0.9\tbox\nx',
    );
    expect(readFileSync('/etc/hosts', 'utf8')).toBe(before);
  });

  test('take a place: an error names them where there is none', async () => {
    await withFolder(async (root) => {
      await expect(
        inSandbox({ root, proc: false, dev: false, hosts }, async () => Promise.resolve()),
      ).rejects.toMatchObject({
        step: 'hosts: mount file /etc/hosts',
      });
    });
  });
});

describe('clocks', () => {
  const DAY = 86_400;
  const clocks =
    'cut -d. -f1 /proc/uptime; python3 -c "import time; print(int(time.monotonic()), int(time.clock_gettime(time.CLOCK_BOOTTIME)))"';
  const here = (): number => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);

  test.each<SandboxSpec>([
    {},
    { user: { uid: 1234, gid: 1234 } },
    { capabilities: ['CAP_SYS_ADMIN'], user: { uid: 0, gid: 0 } },
    { network: 'host' },
  ])('show what is added to them: %j', async (more) => {
    await inSandbox(
      userland({ ...more, time: { boottime: 100 * DAY, monotonic: BigInt(7 * DAY) * 10n ** 9n } }),
      async (sandbox) => {
        expect(sandbox.namespaces.time).toBeDefined();
        const before = here();
        const [uptime, monotonic, boottime] = (await said(sandbox, clocks)).split(/\s+/).map(Number);
        for (const [shown, offset] of [
          [uptime, 100],
          [monotonic, 7],
          [boottime, 100],
        ] as const) {
          expect(shown! - offset * DAY).toBeGreaterThanOrEqual(Math.floor(before) - 1);
          expect(shown! - offset * DAY).toBeLessThanOrEqual(here() + 1);
        }
      },
    );
  });

  test('show it in a network that is given, and whose owner is another user namespace', async () => {
    await using set = await unshare(['user', 'net']);
    await inSandbox(userland({ network: set.net, time: { boottime: 100 * DAY } }), async (sandbox) => {
      expect(Number(await said(sandbox, 'cut -d. -f1 /proc/uptime'))).toBeGreaterThan(100 * DAY);
    });
  });

  test("are the host's otherwise", async () => {
    await inSandbox(userland(), async (sandbox) => {
      expect(sandbox.namespaces.time).toBeUndefined();
      expect(Number(await said(sandbox, 'cut -d. -f1 /proc/uptime'))).toBeLessThanOrEqual(here() + 1);
    });
  });

  test('cannot show less than nothing: the kernel refuses it, and says where', async () => {
    const negative = inSandbox(userland({ time: { boottime: -(10 ** 9) } }), async () => Promise.resolve());
    await expect(negative).rejects.toMatchObject({ code: 'ERANGE' });
  });
});
