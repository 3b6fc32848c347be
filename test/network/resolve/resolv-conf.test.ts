import { RESOLVE } from '../../../lib/network/resolve/resolve-options';
import { candidates, override, parseResolvConf } from '../../../lib/network/resolve/resolv-conf';

describe('resolv.conf', () => {
  test('has servers, a search list and options', () => {
    const text = `
      # a comment
      nameserver 10.0.0.53 ; another
      nameserver fe80::1%eth0
      nameserver nonsense
      search example.org. lab.test
      options ndots:2 timeout:1 attempts:3 rotate`;
    expect(parseResolvConf(text)).toEqual({
      servers: [
        { address: '10.0.0.53', port: 53 },
        { address: 'fe80::1%eth0', port: 53 },
      ],
      search: ['example.org.', 'lab.test'],
      ndots: 2,
      timeout: 1000,
      attempts: 3,
    });
  });

  test('has the defaults of resolv.conf(5) where it is absent or empty', () => {
    const defaults = {
      servers: [{ address: '127.0.0.1', port: 53 }],
      search: [],
      ndots: 1,
      timeout: 5000,
      attempts: 2,
    };
    expect(parseResolvConf(null)).toEqual(defaults);
    expect(parseResolvConf('')).toEqual(defaults);
  });

  test('has at most three servers, and numbers within bounds', () => {
    const servers = [1, 2, 3, 4].map((last) => `nameserver 10.0.0.${last}\n`).join('');
    const conf = parseResolvConf(`${servers}options ndots:99 timeout:0 attempts:99`);
    expect(conf.servers.map(({ address }) => address)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    expect(conf).toMatchObject({ ndots: 15, timeout: 1000, attempts: 5 });
  });

  test('the last of domain and search counts', () => {
    expect(parseResolvConf('search a.test\ndomain b.test').search).toEqual(['b.test']);
    expect(parseResolvConf('domain b.test\nsearch a.test c.test').search).toEqual(['a.test', 'c.test']);
  });

  test('is overridden by what a caller gives', () => {
    const servers = ['10.0.0.2', '10.0.0.3:5353', 'fd00::1', '[fd00::2]:54'];
    const conf = override(
      parseResolvConf('nameserver 10.0.0.1\nsearch a.test'),
      RESOLVE('options', { servers, timeout: 100 }),
    );
    expect(conf.servers).toEqual([
      { address: '10.0.0.2', port: 53 },
      { address: '10.0.0.3', port: 5353 },
      { address: 'fd00::1', port: 53 },
      { address: 'fd00::2', port: 54 },
    ]);
    expect(conf).toMatchObject({ search: ['a.test'], timeout: 100, attempts: 2 });
  });

  test.each([
    ['host', ['host.a.test', 'host.b.test', 'host']],
    ['host.sub', ['host.sub', 'host.sub.a.test', 'host.sub.b.test']],
    ['host.', ['host']],
  ])('%s is looked for in the search list, before or after itself', (name, names) => {
    expect(candidates(name, parseResolvConf('search a.test b.test.'))).toEqual(names);
  });
});
