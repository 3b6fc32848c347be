import { Lab } from '../fixtures/lab';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.of(1);
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Of a name with as many dots as one may have, too. */
describe.each(['p0.100', 'a.b.c', '.x', 'a..b'])('of a link named %s', (link) => {
  beforeAll(async () => {
    await lab.at(0).net.link.add({ name: link, kind: 'bridge' });
  });

  test.each([
    ['ipv4', 'conf', 'forwarding', '1'],
    ['ipv6', 'conf', 'accept_ra', '0'],
    ['ipv4', 'neigh', 'app_solicit', '3'],
    ['ipv6', 'neigh', 'app_solicit', '4'],
  ])('net.%s.%s, %s can be set and read, however its name is written', async (family, folder, setting, value) => {
    const { sysctl } = lab.at(0).net;
    const dotted = `net.${family}.${folder}.${link}.${setting}`;
    await sysctl.set(dotted, value);
    expect(await sysctl.get(dotted)).toBe(value);
    expect(await sysctl.get(`net/${family}/${folder}/${link}/${setting}`)).toBe(value);
    expect(await sysctl.get(`net.${family}.${folder}.${link.replaceAll('.', '/')}.${setting}`)).toBe(value);
    expect(await sysctl.get(`net.${family}.${folder}.lo.${setting}`)).not.toBe(value);
  });
});

test('of a link that is not there it says so', async () => {
  const { sysctl } = lab.at(0).net;
  for (const name of ['net.ipv4.conf.p0.200.forwarding', 'net/ipv6/neigh/p0.200/app_solicit']) {
    await expect(sysctl.get(name)).rejects.toMatchObject({
      code: 'ENOENT',
      hint: expect.stringContaining('no link p0.200 in that network') as string,
    });
  }
});

test.each([
  'net.ipv4.conf...forwarding',
  'net.ipv4.conf....forwarding',
  'net/ipv4/conf/../../ipv4/ip_forward',
  'net.ipv4.conf.a.b.',
])('%s is no name of a setting', async (name) => {
  await expect(lab.at(0).net.sysctl.get(name)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
});

test('a setting that is not of a link has its dots where sysctl(8) has them', async () => {
  const { sysctl } = lab.at(0).net;
  expect(await sysctl.get('net.ipv4.ip_forward')).toMatch(/^[01]$/);
  expect(await sysctl.get('net.ipv4.conf.all.forwarding')).toMatch(/^[01]$/);
});
