import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, Example } from '../examples/example';
import { needs } from '../fixtures/optional';

const page = readFileSync(join(ROOT, 'docs/network.md'), 'utf8');
const program = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code).join('\n');

describe('docs/network.md', () => {
  let project: string;
  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'linux-ns-network-docs-'));
    mkdirSync(join(project, 'node_modules'));
    symlinkSync(ROOT, join(project, 'node_modules/linux-ns'));
  });
  afterAll(() => rmSync(project, { recursive: true }));

  needs({ tool: ['ping'] }).test(
    'its code is one program, which prints what it says',
    async () => {
      const file = join(project, 'network.mts');
      writeFileSync(file, program);
      await using running = new Example([process.execPath, '--import', 'tsx', file]);
      const { code, stdout, stderr } = await running.end();
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const printed = [...program.matchAll(/\/\/ → (.*)$/gm)].map(([, text = '']) => text);
      expect(printed.length).toBeGreaterThan(5);
      for (const text of printed) expect(stdout).toContain(text);
    },
    120_000,
  );

  // The article of the walk-through.
  test.each([
    'ip netns list',
    'ip netns add ns1',
    'ip link list',
    'ifconfig -a',
    'ip link add veth0 type veth peer name veth1',
    'ip link set veth1 netns ns1',
    'ip netns exec ns1 ip link list',
    'ip netns exec ns1 ip link del veth1',
    'ifconfig veth0 192.168.5.5/24',
    'ip netns exec ns1 ifconfig veth1 192.168.5.10/24 up',
    'ip addr list',
    'ip netns exec ns1 ip addr list',
    'ip route list',
    'ip netns exec ns1 ip route list',
    'brctl addbr br0',
    'brctl addif br0 eth0',
    'brctl addif br0 veth0',
    'ifconfig eth0 0.0.0.0',
    'ifconfig veth0 0.0.0.0',
    'dhclient br0',
    'ip addr list br0',
    'ip netns exec ns1 dhclient veth1',
  ])('has the equivalent of `%s`', (command) => {
    expect(page.split('\n').some((line) => line.startsWith('|') && line.includes(`\`${command}\``))).toBe(true);
  });
});
