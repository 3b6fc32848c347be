/** Ports: packets pass from the moment in which a host is there. */
import { type Host, Lab } from '../../lib/lab';

/** The packets that the kernel has dropped at the switches of a lab. */
async function dropped(lab: Lab): Promise<number> {
  const links = await lab.core.link.list({ stats: true });
  return links.reduce((sum, { stats }) => sum + (stats?.txDropped ?? 0), 0);
}

/** Two hosts, of which the first asks for the second at once. The kernel would ask again after a second. */
async function ask(lab: Lab, [from, to]: readonly [Host, Host]): Promise<void> {
  const { received } = await lab.ping(from, to, { timeout: 10_000 });
  expect({ received, dropped: await dropped(lab) }).toEqual({ received: 1, dropped: 0 });
}

test('the first packet between new hosts arrives', async () => {
  for (let round = 0; round < 20; round++) {
    await using lab = await Lab.create();
    await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
    await ask(lab, await lab.addHosts(['a', 'b'], { on: 'lan' }));
  }
});

test('the first packet after an impairment arrives, and after a cable is plugged in', async () => {
  await using lab = await Lab.create();
  const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
  const hosts = await lab.addHosts(['a', 'b'], { on: lan });
  for (let round = 0; round < 5; round++) {
    await lan.impair({ delay: 1 });
    await ask(lab, hosts);
    await lan.impair(null);
    await ask(lab, hosts);
    await hosts[1].down();
    await hosts[1].up();
    await ask(lab, hosts);
  }
});
