/** The log of a lab: what it has done, and when. */
import { inspect } from 'node:util';
import { Lab } from '../../lib/lab';

test('a lab remembers what it has done, in order and with times', async () => {
  const lab = await Lab.create();
  const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
  const [a, b] = await lab.addHosts(['a', 'b'], { on: lan });
  await lab.addRouter('r', { on: lan });
  await lab.addLink(a, b, { subnet: '10.9.0.0/30' });
  await a.exec('exit 3').catch(() => undefined);
  lab.dns.set('b', 'SERVFAIL');
  lab.dns.delete('b');
  await a.down(lan);
  await a.up();
  await a.pause();
  await a.resume();
  await a.crash();
  await a.restart();
  await b.close();
  await lab.close();
  expect([...lab.events].map(({ kind, what }) => `${kind}: ${what.replace(/pid \d+/, 'pid N')}`)).toEqual([
    'topology: network lan 10.0.0.0/24',
    'topology: host a on lan (10.0.0.1)',
    'topology: host b on lan (10.0.0.2)',
    'topology: router r on lan (10.0.0.3)',
    'topology: link a-b 10.9.0.0/30 between a and b',
    'program: /bin/sh on a starts, pid N',
    'program: /bin/sh on a ends, 3',
    'dns: b: SERVFAIL',
    'dns: b: as before',
    'fault: a is unplugged from lan',
    'fault: a is plugged into lan again',
    'host: a is paused',
    'host: a goes on',
    'host: a crashes',
    'host: a starts again',
    'topology: host b is removed',
    'topology: the lab is closed',
  ]);
  const times = [...lab.events].map(({ at }) => at);
  expect(times).toEqual([...times].sort((x, y) => x - y));
  expect(String(lab.events).split('\n')[0]).toMatch(/^ +\d+\.\d ms {2}topology {2}network lan 10\.0\.0\.0\/24$/);
  expect(inspect(lab.events)).toContain('host      a crashes');
});

test('no more than ten thousand events are kept: the last ones', async () => {
  await using lab = await Lab.create();
  for (let count = 0; count < 10_010; count++) lab.dns.set(`name-${count}`, '10.0.0.1');
  expect(lab.events.size).toBe(10_000);
  expect([...lab.events].at(-1)?.what).toBe('name-10009: 10.0.0.1');
});
